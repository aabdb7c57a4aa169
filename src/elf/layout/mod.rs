//! What code and tables of one file say about the size and shape of C++ classes. No debug information is read.
//!
//! `operator delete` is told the size of what it frees (C++14): the deleting destructor of a class holds
//! `sizeof` as a constant, and so does the function by which a `make_shared` block frees itself. Sizes of
//! virtual tables and of variables stand in the symbol table ([`super::Symbols`]) and are not repeated here.
//!
//! Source: Itanium C++ ABI (names, virtual tables, type information); the shapes of code were looked at in what
//! GCC 8 to 14 and clang 14 to 18 make for x86-64 and aarch64. Knows nothing of classes whose names are hidden.

mod amd64;
mod amd64_steps;
mod arm64;
mod bases;
mod class;
mod code;
mod links;
mod mangled;
mod marks;

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Seek;

pub use class::Source as SizeSource;
pub use class::class_of;
pub use class::function_of;
pub use class::is_own;
use serde::Deserialize;
use serde::Serialize;

use super::Error;
use super::source::Source;
use super::traits::Anchors;
use code::Code;
use links::Links;
use marks::Marks;

/// Longest function that is looked at whole, in bytes.
const LONGEST: u64 = 8 << 10;

/// Sizes and shapes of classes. Those of the standard library and of anonymous namespaces are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// What functions say of `sizeof`, by the function's symbol; [`class_of`] names the class.
    pub sizes: BTreeMap<String, Size>,
    /// Direct bases of each class in order, both by the name in their type information (`N1a1bE`).
    pub bases: BTreeMap<String, Vec<String>>,
}

/// A size that a function holds as a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// In bytes.
    pub bytes: u64,
    /// The code has one reading only. Else it frees several things, and the last was taken.
    pub certain: bool,
    /// The file looks the function up by name when it is loaded: another file's may take its place.
    pub shared: bool,
}

/// A machine whose code can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    Amd64,
    Arm64,
}

/// Reads what the file says of its classes. Files of other machines say nothing.
pub(super) fn read<R: Read + Seek>(source: &mut Source<'_, R>, anchors: &Anchors) -> Result<Layout, Error> {
    let machine = match anchors.machine {
        62 => Machine::Amd64,
        183 => Machine::Arm64,
        _ => return Ok(Layout::default()),
    };
    let (Some(tables), Some((at, length)), true) = (anchors.symbols, anchors.strings, source.little) else {
        return Ok(Layout::default());
    };
    let names = source.at(at, length, "string table")?;
    let marks = Marks::read(source, tables, &names)?;
    if marks.functions.is_empty() && marks.infos.is_empty() {
        return Ok(Layout::default());
    }
    let links = Links::read(source, &anchors.relocations, &marks)?;
    let mut layout = Layout { bases: bases::read(&marks, &links, &names), ..Layout::default() };
    let mut code = Code::new(source, machine, &links, &marks);
    for function in &marks.functions {
        let Some(body) = code.bytes(function.address, function.length.min(LONGEST))? else {
            continue;
        };
        let found = match machine {
            Machine::Amd64 => amd64::size(&body, function.address, &mut code)?,
            Machine::Arm64 => arm64::size(&body, function.address, &mut code)?,
        };
        if let (Some((bytes, certain)), Some(name)) = (found, marks.name(function.symbol, &names)) {
            let certain = certain && function.length <= LONGEST;
            let shared = links.named.contains(&function.symbol);
            layout.sizes.insert(name.to_owned(), Size { bytes, certain, shared });
        }
    }
    Ok(layout)
}

/// The size a function frees: that of what it passes on of itself, else the last of all.
fn choose<N: Copy + PartialEq + Into<u64>>(own: &[N], all: &[N]) -> Option<(u64, bool)> {
    let certain = !own.is_empty() && own.windows(2).all(|pair| pair[0] == pair[1]);
    let taken = own.last().or(all.last())?;
    Some(((*taken).into(), certain))
}
