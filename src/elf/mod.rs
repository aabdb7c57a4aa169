//! Facts of one ELF file, owned and free of the parser's types.
//!
//! `parse.rs` is the only file that names goblin. Knows nothing of other files: what a `DT_NEEDED`
//! resolves to is `loader`'s business.

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
    /// `DT_FLAGS`.
    pub flags: u64,
    /// `DT_FLAGS_1`.
    pub flags_1: u64,
    /// `.gnu.version_r`: for each needed file, the versions wanted of it.
    pub version_needs: Vec<VersionNeed>,
    /// `.gnu.version_d`: versions that this file defines, the base version (index 1) first.
    pub version_defs: Vec<String>,
    /// `PT_GNU_STACK` asks for an executable stack.
    pub executable_stack: bool,
    /// The GNU build-id, lower-case hexadecimal.
    pub build_id: Option<String>,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbols {
    /// Definitions that other files can bind to.
    pub defined: Vec<Defined>,
    /// References that relocations name.
    pub undefined: Vec<Undefined>,
}

/// A dynamic symbol that the file defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defined {
    /// Name, as in the file.
    pub name: String,
    /// Version, `None` for the base version.
    pub version: Option<String>,
    /// `@` and not `@@`: only a reference to exactly this version binds.
    pub hidden: bool,
    /// `STB_WEAK`.
    pub weak: bool,
    /// `st_size`.
    pub size: u64,
}

/// A dynamic symbol that the file wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undefined {
    /// Name, as in the file.
    pub name: String,
    /// Version wanted, with the file it is wanted of.
    pub version: Option<VersionNeed>,
    /// `STB_WEAK`: may stay unresolved.
    pub weak: bool,
    /// Only jump slots refer to it: without `BIND_NOW` it is looked up when first called.
    pub lazy: bool,
}
