//! Facts of one ELF file, owned and free of the parser's types.
//!
//! Everything is found as ld.so finds it, through program headers and `PT_DYNAMIC`: section headers may
//! be damaged or stripped and the file still loads. `parse.rs` is the only file that names goblin.
//! Knows nothing of other files: what a `DT_NEEDED` resolves to is `loader`'s business.

mod fatbin;
mod gates;
mod gpu;
mod hash_tables;
mod kept;
mod layout;
mod name;
mod names;
mod notes;
mod order;
mod parse;
mod relocations;
mod sections;
mod sieve;
mod source;
mod stem;
mod strings;
mod symbols;
mod text;
mod texts;
mod traits;
mod versions;

pub use fatbin::Fatbins;
pub use fatbin::Module;
pub use gpu::Code;
pub use gpu::CodeKind;
pub use gpu::Features;
pub use gpu::Gpu;
pub use layout::Layout;
pub use layout::Size;
pub use layout::SizeSource;
pub use layout::class_of;
pub use layout::function_of;
pub use layout::is_own;
pub use name::SymbolName;
pub use names::Names;
pub use names::hash;
pub use parse::outline;
pub use parse::parse;
pub use parse::read;
pub use parse::schemas;
pub use parse::study;
pub use sieve::HEAD;
pub use sieve::Sieve;
pub use sieve::Step;
pub use stem::path_without_hash;
pub use stem::stem;
pub use stem::without_hash;
pub use texts::Texts;
pub use traits::Study;
pub use traits::Traits;

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

/// What the dynamic loader and a reader want to know of one file, without its symbols.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// 32 or 64.
    pub class: u8,
    /// Whether the file is little-endian.
    pub little_endian: bool,
    /// `e_machine`, such as 62 for x86-64 and 183 for aarch64.
    pub machine: u16,
    /// `e_ident[EI_OSABI]`.
    pub osabi: u8,
    /// `e_type`: 2 executable, 3 shared object.
    pub kind: u16,
    /// `PT_INTERP`.
    pub interpreter: Option<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// `DT_RPATH`, split at `:`; empty when there is none.
    pub rpath: Vec<String>,
    /// `DT_RUNPATH`, split at `:`; `None` when there is none (an empty one still hides `DT_RPATH`).
    pub runpath: Option<Vec<String>>,
    /// `DT_FLAGS`, with the older `DT_SYMBOLIC`, `DT_TEXTREL` and `DT_BIND_NOW` folded in.
    pub flags: u64,
    /// `DT_FLAGS_1`.
    pub flags_1: u64,
    /// `.gnu.version_r`: for each needed file, the versions wanted of it.
    pub version_needs: Vec<VersionNeed>,
    /// `.gnu.version_d`: versions that this file defines, by index, the base version (index 1) first.
    pub version_defs: Vec<String>,
    /// `PT_GNU_STACK` asks for an executable stack, or an x86 file has none: that means the same.
    pub executable_stack: bool,
    /// The GNU build-id, lower-case hexadecimal.
    pub build_id: Option<String>,
    /// Identification and sizes in the ELF header are what ld.so insists on.
    pub sound: bool,
    /// There is a `PT_DYNAMIC`.
    pub dynamic: bool,
    /// The least alignment of its `PT_LOAD`s: the largest page size that the file can be mapped with.
    pub page: u64,
    /// Bytes of thread-local storage, of `PT_TLS`.
    pub thread_local: u64,
    /// CPU levels the file says it needs, a bit each, 1 for x86-64-v1; 0 when it says nothing.
    pub isa: u32,
    /// It has `DT_RELR` relocations, which need glibc 2.36.
    pub relr: bool,
}

/// One version wanted of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionNeed {
    /// `vn_file`: the SONAME that must have it.
    pub file: String,
    /// The version's name.
    pub version: String,
    /// `VER_FLG_WEAK`: its absence is no error.
    pub weak: bool,
}

/// The dynamic symbols of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symbols {
    /// Definitions that other files can bind to, sorted by name; those of one name in table order.
    pub defined: Vec<Defined>,
    /// References that relocations name and the file does not define itself, sorted by name.
    pub undefined: Vec<Undefined>,
    /// Variables of other files that the program keeps its own copies of, by copy relocations, sorted by name.
    pub copied: Vec<Copied>,
    /// Whether the file has symbol versions at all. Without them its definitions fit any version.
    pub versioned: bool,
    /// Finds definitions by name.
    pub names: Names,
}

/// A dynamic symbol that the file defines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defined {
    /// Name, as in the file.
    pub name: SymbolName,
    /// Version, `None` for the base version.
    pub version: Option<Arc<str>>,
    /// Version index: 0 local, 1 base, 2 the file's first version, and so on; 0 when there are none.
    pub index: u16,
    /// `@` and not `@@`: only a reference to exactly this version binds.
    pub hidden: bool,
    /// `STB_WEAK`.
    pub weak: bool,
    /// `STB_GNU_UNIQUE`: the first definition in a process is everybody's.
    pub unique: bool,
    /// The type of `st_info`: 0 none, 1 object, 2 function, 5 common, 6 thread-local, 10 indirect function.
    pub kind: u8,
    /// `st_size`.
    pub size: u64,
}

/// A dynamic symbol that the file wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undefined {
    /// Name, as in the file.
    pub name: SymbolName,
    /// Version wanted, with the file it is wanted of.
    pub version: Option<Arc<VersionNeed>>,
    /// `STB_WEAK`: may stay unresolved.
    pub weak: bool,
    /// Only jump slots refer to it: without `BIND_NOW` it is looked up when first called.
    pub lazy: bool,
}

/// A variable that a program takes out of a library by a copy relocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// What is looked up, in every file but the program itself.
    pub symbol: Undefined,
    /// Room that the program has for it, in bytes: a larger original is cut off.
    pub size: u64,
}

/// `DF_SYMBOLIC` of [`Facts::flags`]: the file looks into itself first.
pub const DF_SYMBOLIC: u64 = 0x2;
/// `DF_TEXTREL` of [`Facts::flags`].
pub const DF_TEXTREL: u64 = 0x4;
/// `DF_BIND_NOW` of [`Facts::flags`].
pub const DF_BIND_NOW: u64 = 0x8;
/// `DF_STATIC_TLS` of [`Facts::flags`]: its thread-local storage must be in the block that threads start with.
pub const DF_STATIC_TLS: u64 = 0x10;
/// `DF_1_NOW` of [`Facts::flags_1`].
pub const DF_1_NOW: u64 = 0x1;
/// `DF_1_NODEFLIB` of [`Facts::flags_1`]: the default directories are not searched.
pub const DF_1_NODEFLIB: u64 = 0x800;
/// `DF_1_PIE` of [`Facts::flags_1`].
pub const DF_1_PIE: u64 = 0x0800_0000;

impl Facts {
    /// Whether ld.so looks every symbol up at once, even where the program does not ask for it.
    #[must_use]
    pub const fn binds_now(&self) -> bool {
        self.flags & DF_BIND_NOW != 0 || self.flags_1 & DF_1_NOW != 0
    }

    /// Whether this is a program: it names a loader, and is no library that merely can be run.
    #[must_use]
    pub const fn is_program(&self) -> bool {
        self.kind == 2 || (self.flags_1 & DF_1_PIE != 0)
    }
}

impl Symbols {
    /// All definitions whose names start with `start`.
    #[must_use]
    pub fn starting_with(&self, start: &str) -> &[Defined] {
        let first = self.defined.partition_point(|defined| defined.name.as_str() < start);
        let count = self.defined[first..].partition_point(|defined| defined.name.starts_with(start));
        &self.defined[first..first + count]
    }

    /// All definitions called `name`, in table order.
    #[must_use]
    pub fn definitions(&self, name: &str) -> &[Defined] {
        self.definitions_by(name, hash(name))
    }

    /// As [`Symbols::definitions`], for a name that many files are asked for: its [`hash`] is made once.
    #[must_use]
    pub fn definitions_by(&self, name: &str, hash: u32) -> &[Defined] {
        self.names.find(&self.defined, name, hash)
    }
}

/// Why a file that says it is ELF cannot be understood. ld.so would refuse most of these too.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ELF header or the program headers make no sense.
    #[error("the {what} cannot be read")]
    Headers {
        /// Which ones.
        what: &'static str,
    },
    /// A table lies outside the file or outside what is mapped.
    #[error("the {what} is not inside the file")]
    Outside {
        /// Which table.
        what: &'static str,
    },
    /// A table is linked in a circle, or names more than its strings can back.
    #[error("the {what} is longer than the file can back")]
    Excess {
        /// Which table.
        what: &'static str,
    },
    /// The file could not be read.
    #[error("cannot read")]
    Read(#[source] std::io::Error),
}

impl crate::hint::Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(_) => None,
            _ => Some(
                "the file is damaged: compare its digest with that of the package it comes from".to_owned(),
            ),
        }
    }
}
