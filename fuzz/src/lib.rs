//! What the fuzz targets share: an allocator that stops the run at the first allocation over 64 MiB.
//!
//! libFuzzer's own limit needs a sanitizer's allocator, and the code under test has no `unsafe` to sanitize.

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;

/// Most bytes that one allocation may ask for.
const MOST: usize = 64 << 20;

struct Bounded;

#[global_allocator]
static BOUNDED: Bounded = Bounded;

// SAFETY: everything is handed to the system's allocator as it came; a null answer is always allowed.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MOST {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > MOST {
            return std::ptr::null_mut();
        }
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Called by each target, so that the allocator is linked in.
pub fn bounded() {}
