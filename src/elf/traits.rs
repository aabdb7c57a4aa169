//! What of a file goes beyond the dynamic loader: classes, device code, strings.

use std::io::Read;
use std::io::Seek;

use serde::Deserialize;
use serde::Serialize;

use super::Error;
use super::Facts;
use super::Symbols;
use super::fatbin;
use super::fatbin::Fatbins;
use super::layout;
use super::layout::Layout;
use super::relocations::Table;
use super::source::Source;
use super::symbols::Tables;
use super::texts;
use super::texts::Texts;

/// Everything that is learned of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Study {
    /// What the dynamic loader wants to know.
    pub facts: Facts,
    /// The dynamic symbols.
    pub symbols: Symbols,
    /// The rest.
    pub traits: Traits,
}

/// What goes beyond the dynamic loader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// Sizes and shapes of C++ classes.
    pub layout: Layout,
    /// CUDA device code.
    pub fatbins: Fatbins,
    /// Strings that mean something to others.
    pub texts: Texts,
}

/// Where the tables of `PT_DYNAMIC` are; all `None` or empty in a file without one.
#[derive(Debug, Clone, Default)]
pub(super) struct Anchors {
    /// The dynamic symbol table.
    pub(super) symbols: Option<Tables>,
    /// Address and length of the string table.
    pub(super) strings: Option<(u64, u64)>,
    /// The relocation tables.
    pub(super) relocations: Vec<Table>,
    /// `e_machine`.
    pub(super) machine: u16,
}

impl Traits {
    /// A part that makes no sense is as good as absent: the file may load all the same.
    pub(super) fn read<R: Read + Seek>(
        source: &mut Source<'_, R>,
        anchors: &Anchors,
        symbols: &Symbols,
    ) -> Result<Self, Error> {
        let texts = sound(texts::read(source, anchors, symbols))?;
        Ok(Self { texts, ..Self::without_texts(source, anchors)? })
    }

    /// All but the strings.
    pub(super) fn without_texts<R: Read + Seek>(
        source: &mut Source<'_, R>,
        anchors: &Anchors,
    ) -> Result<Self, Error> {
        Ok(Self {
            layout: sound(layout::read(source, anchors))?,
            fatbins: sound(fatbin::read(source))?,
            texts: Texts::default(),
        })
    }
}

/// Only a file that cannot be read is an error here.
fn sound<T: Default>(part: Result<T, Error>) -> Result<T, Error> {
    match part {
        Err(Error::Read(error)) => Err(Error::Read(error)),
        part => Ok(part.unwrap_or_default()),
    }
}
