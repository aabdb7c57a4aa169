//! Sizes of classes of one file, by class.

use std::collections::BTreeMap;

use crate::elf;
use crate::elf::Layout;
use crate::elf::Size;
use crate::elf::SizeSource;

/// How much of a control block is not the object: its virtual table pointer and two counts.
const COUNTS: u64 = 16;

/// What is known of the size of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassSize {
    /// The function that says so.
    pub symbol: String,
    /// What it says.
    pub size: Size,
}

/// Sizes by class (the name in its type information) and by where they are from; `sizeof`, which for an object of
/// `make_shared` is a multiple of 8.
#[must_use]
pub fn sizes(layout: &Layout) -> BTreeMap<(String, SizeSource), ClassSize> {
    let mut sizes: BTreeMap<(String, SizeSource), ClassSize> = BTreeMap::new();
    for (symbol, size) in &layout.sizes {
        let Some((class, source)) = elf::class_of(symbol) else {
            continue;
        };
        let mut size = *size;
        if source == SizeSource::ControlBlock {
            size.bytes = size.bytes.saturating_sub(COUNTS);
        }
        let better = sizes.get(&(class.clone(), source)).is_none_or(|known| !known.size.certain);
        if better {
            sizes.insert((class, source), ClassSize { symbol: symbol.clone(), size });
        }
    }
    sizes
}
