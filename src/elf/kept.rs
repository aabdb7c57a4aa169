//! How symbols are written down: all names in one text, in the order of the tables, so that reading them back makes
//! no text for each.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Error as _;

use super::Copied;
use super::Defined;
use super::Names;
use super::SymbolName;
use super::Symbols;
use super::Undefined;
use super::VersionNeed;

/// Bits of what is written of a symbol.
const HIDDEN: u8 = 1;
const WEAK: u8 = 2;
const UNIQUE: u8 = 4;
const LAZY: u8 = 8;

/// Symbols as they are written. Numbers of versions count from 1; 0 stands for none.
#[derive(Default, Serialize, Deserialize)]
struct Kept<'t> {
    /// Read in place: of the biggest libraries it is tens of MB.
    #[serde(borrow)]
    text: Cow<'t, str>,
    versions: Vec<String>,
    needs: Vec<VersionNeed>,
    /// Length of the name, version, index, bits, kind, size.
    defined: Vec<(u32, u32, u16, u8, u8, u64)>,
    /// Length of the name, version wanted, bits.
    undefined: Vec<(u32, u32, u8)>,
    /// As `undefined`, and the size.
    copied: Vec<(u32, u32, u8, u64)>,
    versioned: bool,
}

/// Puts symbols into that form.
#[derive(Default)]
struct Writer<'s> {
    kept: Kept<'static>,
    versions: BTreeMap<&'s str, u32>,
    needs: BTreeMap<(&'s str, &'s str, bool), u32>,
}

const fn bit(bit: u8, set: bool) -> u8 {
    if set { bit } else { 0 }
}

/// Numbers in use of a table, the first being 1: no file has four thousand million symbols.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl<'s> Writer<'s> {
    fn name(&mut self, name: &str) -> u32 {
        self.kept.text.to_mut().push_str(name);
        number(name.len())
    }

    fn defined(&mut self, symbol: &'s Defined) {
        let name = self.name(&symbol.name);
        let version = symbol.version.as_deref().map_or(0, |version| {
            *self.versions.entry(version).or_insert_with(|| {
                self.kept.versions.push(version.to_owned());
                number(self.kept.versions.len())
            })
        });
        let bits = bit(HIDDEN, symbol.hidden) | bit(WEAK, symbol.weak) | bit(UNIQUE, symbol.unique);
        self.kept.defined.push((name, version, symbol.index, bits, symbol.kind, symbol.size));
    }

    fn undefined(&mut self, symbol: &'s Undefined) -> (u32, u32, u8) {
        let name = self.name(&symbol.name);
        let need = symbol.version.as_deref().map_or(0, |need| {
            let key = (need.file.as_str(), need.version.as_str(), need.weak);
            *self.needs.entry(key).or_insert_with(|| {
                self.kept.needs.push(need.clone());
                number(self.kept.needs.len())
            })
        });
        (name, need, bit(WEAK, symbol.weak) | bit(LAZY, symbol.lazy))
    }
}

impl Serialize for Symbols {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut writer = Writer::default();
        writer.kept.versioned = self.versioned;
        self.defined.iter().for_each(|symbol| writer.defined(symbol));
        for symbol in &self.undefined {
            let row = writer.undefined(symbol);
            writer.kept.undefined.push(row);
        }
        for copied in &self.copied {
            let (name, need, bits) = writer.undefined(&copied.symbol);
            writer.kept.copied.push((name, need, bits, copied.size));
        }
        writer.kept.serialize(serializer)
    }
}

/// Takes symbols out of that form.
struct Reader {
    text: Arc<str>,
    /// Where the next name begins.
    at: usize,
    versions: Vec<Arc<str>>,
    needs: Vec<Arc<VersionNeed>>,
}

impl Reader {
    fn name(&mut self, length: u32) -> Option<SymbolName> {
        let start = self.at;
        self.at = start.checked_add(length as usize)?;
        SymbolName::piece(&self.text, start..self.at)
    }

    fn defined(&mut self, row: (u32, u32, u16, u8, u8, u64)) -> Option<Defined> {
        let (name, version, index, bits, kind, size) = row;
        Some(Defined {
            name: self.name(name)?,
            version: numbered(&self.versions, version)?,
            index,
            hidden: bits & HIDDEN != 0,
            weak: bits & WEAK != 0,
            unique: bits & UNIQUE != 0,
            kind,
            size,
        })
    }

    fn undefined(&mut self, (name, need, bits): (u32, u32, u8)) -> Option<Undefined> {
        let name = self.name(name)?;
        let version = numbered(&self.needs, need)?;
        Some(Undefined { name, version, weak: bits & WEAK != 0, lazy: bits & LAZY != 0 })
    }
}

/// What a number stands for: the first `None`, nothing; the second, none.
fn numbered<T: ?Sized>(all: &[Arc<T>], number: u32) -> Option<Option<Arc<T>>> {
    match (number as usize).checked_sub(1) {
        None => Some(None),
        Some(at) => all.get(at).map(|one| Some(Arc::clone(one))),
    }
}

fn read(kept: Kept<'_>) -> Option<Symbols> {
    let mut reader = Reader {
        text: Arc::from(kept.text),
        at: 0,
        versions: kept.versions.into_iter().map(Arc::from).collect(),
        needs: kept.needs.into_iter().map(Arc::new).collect(),
    };
    // What is collected behind an option has no length that is known before, and takes twice the room.
    let mut defined = Vec::with_capacity(kept.defined.len());
    for row in kept.defined {
        defined.push(reader.defined(row)?);
    }
    let mut undefined = Vec::with_capacity(kept.undefined.len());
    for row in kept.undefined {
        undefined.push(reader.undefined(row)?);
    }
    let copied = kept.copied.into_iter().map(|(name, need, bits, size)| {
        let symbol = reader.undefined((name, need, bits))?;
        Some(Copied { symbol, size })
    });
    let copied = copied.collect::<Option<_>>()?;
    Some(Symbols { defined, undefined, copied, versioned: kept.versioned, names: Names::default() })
}

impl<'de> Deserialize<'de> for Symbols {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(Kept::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("a name or a version that is not there"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_come_back_as_they_were() {
        let need = |version: &str| {
            Some(Arc::new(VersionNeed {
                file: "libc.so.6".to_owned(),
                version: version.to_owned(),
                weak: false,
            }))
        };
        let undefined =
            |name: &str, version| Undefined { name: name.into(), version, weak: true, lazy: false };
        let defined = |name: &str, version: Option<&str>| Defined {
            name: name.into(),
            version: version.map(Arc::from),
            index: 7,
            hidden: true,
            size: 1 << 40,
            ..Defined::default()
        };
        let symbols = Symbols {
            defined: vec![defined("a", None), defined("é", Some("V1")), defined("é", Some("V2"))],
            undefined: vec![
                undefined("memcpy", need("G1")),
                undefined("puts", need("G2")),
                undefined("x", None),
            ],
            copied: vec![Copied { symbol: undefined("environ", need("G1")), size: 8 }],
            versioned: true,
            names: Names::default(),
        };
        let bytes = postcard::to_stdvec(&symbols).unwrap();
        assert_eq!(postcard::from_bytes::<Symbols>(&bytes).unwrap(), symbols);
    }

    #[test]
    fn names_and_versions_that_are_not_there_are_refused() {
        let kept = |length, version| Kept {
            text: Cow::Borrowed("ab"),
            versions: vec!["V".to_owned()],
            defined: vec![(length, version, 0, 0, 0, 0)],
            ..Kept::default()
        };
        for (length, version, want) in [(2, 1, true), (3, 1, false), (2, 2, false), (u32::MAX, 0, false)] {
            assert_eq!(read(kept(length, version)).is_some(), want, "{length} {version}");
        }
    }
}
