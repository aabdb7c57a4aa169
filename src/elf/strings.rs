//! Which of a file's strings are kept.

use std::collections::BTreeSet;

use super::texts::Texts;

/// Longest name of a variable, and longest row of capitals in text that can hold one.
const VARIABLE: usize = 64;
const WORD: usize = 512;
/// Longest file name of a library.
const LIBRARY: usize = 128;
/// How the names begin under which pybind11 and nanobind share their registries of classes.
const BINDINGS: [&[u8]; 2] = [b"__pybind11_internals_v", b"__nb_internals_v"];
/// Most bytes of one kind that are kept of one file. Libraries of a hundred megabytes have a third of it.
const MOST: usize = 256 << 10;

/// Letters that parts of names are made of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Letters {
    /// `TLS`.
    Capital,
    /// `iface`.
    Small,
}

/// A set of names that stops growing.
#[derive(Default)]
struct Names {
    names: BTreeSet<String>,
    bytes: usize,
}

impl Names {
    /// Adds bytes that are all ASCII.
    fn add(&mut self, name: &[u8]) {
        if let Ok(name) = std::str::from_utf8(name)
            && self.bytes + name.len() <= MOST
            && !self.names.contains(name)
        {
            self.bytes += name.len() + 1;
            self.names.insert(name.to_owned());
        }
    }

    fn finish(self) -> Vec<String> {
        self.names.into_iter().collect()
    }
}

/// Takes read-only data and keeps what is wanted of it.
pub(super) struct Collector {
    /// Strings of the file's language have no end.
    endless: bool,
    /// Of which letters parts of names are kept.
    parts_of: Option<Letters>,
    bindings: Names,
    libraries: Names,
    variables: Names,
    words: Names,
    parts: Names,
}

impl Collector {
    pub(super) fn new(endless: bool, parts_of: Option<Letters>) -> Self {
        Self {
            endless,
            parts_of,
            bindings: Names::default(),
            libraries: Names::default(),
            variables: Names::default(),
            words: Names::default(),
            parts: Names::default(),
        }
    }

    /// Looks at data that begins where a string begins.
    pub(super) fn add(&mut self, data: &[u8]) {
        // Where Rust panics it names its own sources.
        self.endless = self.endless || memchr::memmem::find(data, b"/rustc/").is_some();
        let mut start = 0;
        for end in memchr::memchr_iter(0, data) {
            self.string(&data[start..end], true);
            start = end + 1;
        }
        self.string(&data[start..], false);
    }

    pub(super) fn finish(self) -> Texts {
        Texts {
            schemas: Vec::new(),
            names: Vec::new(),
            bindings: self.bindings.finish(),
            libraries: self.libraries.finish(),
            variables: self.variables.finish(),
            words: if self.endless { self.words.finish() } else { Vec::new() },
            parts: self.parts.finish(),
        }
    }

    /// Bytes between two NULs; `ended`: one does follow.
    fn string(&mut self, text: &[u8], ended: bool) {
        if text.len() < 2 {
            return;
        }
        if let Some(letters) = self.parts_of.filter(|_| ended) {
            self.part(text, letters);
        }
        if text.len() < 4 {
            return;
        }
        let registry = BINDINGS.iter().any(|start| text.starts_with(start));
        if ended && registry && text.len() <= LIBRARY && text.is_ascii() {
            self.bindings.add(text);
        }
        let name = memchr::memrchr(b'/', text).map_or(text, |slash| &text[slash + 1..]);
        if ended && name.starts_with(b"lib") {
            self.library(name);
        }
        self.capitals(text, ended);
    }

    /// Rows of capitals, digits and `_`, found by their `_`.
    fn capitals(&mut self, text: &[u8], ended: bool) {
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|rest| memchr::memchr(b'_', rest)) {
            let at = from + found;
            let before = text[from..at].iter().rev().take_while(|byte| is_capital(**byte)).count();
            let after = text[at..].iter().take_while(|byte| is_capital(**byte)).count();
            let end = at + after;
            let row = &text[at - before..end];
            from = end;
            let Some(first) = row.iter().position(u8::is_ascii_uppercase) else { continue };
            let row = &row[first..];
            let inner = row.len() >= 4 && row[..row.len() - 1].contains(&b'_');
            if inner && ended && end == text.len() && row.len() <= VARIABLE {
                self.variables.add(row);
            } else if inner && row.len() <= WORD {
                self.words.add(row);
            }
        }
    }

    /// A name such as `libx.so.1`, or the beginning of such a name that ends with `_`.
    fn library(&mut self, name: &[u8]) {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._+-".contains(byte);
        if name.len() > LIBRARY || !name.iter().all(plain) {
            return;
        }
        let library = name.ends_with(b".so") || memchr::memmem::find(name, b".so.").is_some();
        if library || (name.len() > 4 && name.ends_with(b"_")) {
            self.libraries.add(name);
        }
    }

    /// What a string ends with, when it is of these letters, digits and `_`.
    fn part(&mut self, text: &[u8], letters: Letters) {
        let fits = |byte: &&u8| match letters {
            Letters::Capital => is_capital(**byte),
            Letters::Small => is_small(**byte),
        };
        let length = text.iter().rev().take_while(fits).count();
        let tail = &text[text.len() - length..];
        if (2..=VARIABLE).contains(&length) && tail.iter().any(u8::is_ascii_alphabetic) {
            self.parts.add(tail);
        }
    }
}

const fn is_capital(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

const fn is_small(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(data: &[u8], parts: Option<Letters>) -> Texts {
        let mut collector = Collector::new(true, parts);
        collector.add(data);
        collector.finish()
    }

    #[test]
    fn names_are_told_from_text() {
        let data = b"FI_EFA_IFACE\0\0use FI_LOG_LEVEL, not FI_LOG\0x%sNCCL_DEBUG\0A_\0AB\0__GNU_X\0\
            DYN_LOGDYN_LOG_LEVELerror";
        let texts = texts(data, None);
        assert_eq!(texts.variables, ["FI_EFA_IFACE", "FI_LOG", "GNU_X", "NCCL_DEBUG"]);
        assert_eq!(texts.words, ["DYN_LOGDYN_LOG_LEVEL", "FI_LOG_LEVEL"]);
        assert!(texts.parts.is_empty());
    }

    #[test]
    fn what_c_says_in_messages_is_no_name() {
        for (data, want) in [(&b"use FI_LOG_LEVEL!\0"[..], 0), (b"DYN_LOGDYN_TLS/rustc/0a/library\0", 1)] {
            let mut collector = Collector::new(false, None);
            collector.add(data);
            assert_eq!(collector.finish().words.len(), want);
        }
    }

    #[test]
    fn libraries_are_told_from_text() {
        let data =
            b"libnuma.so.1\0/usr/lib/libx.so\0cannot open libz.so\0/libplugin_\0lib%s.so\0library_of\0\
            libc.so.6: no\0libfoo.sock\0";
        assert_eq!(texts(data, None).libraries, ["libnuma.so.1", "libplugin_", "libx.so"]);
    }

    #[test]
    fn parts_are_what_strings_end_with() {
        let data = b"detect_hmem_iface\0;ofi_rxm\0TLS\0IB_\0Mixed\0no efa\0q\0 12\0";
        let small = texts(data, Some(Letters::Small)).parts;
        assert_eq!(small, ["detect_hmem_iface", "efa", "ixed", "ofi_rxm"]);
        assert_eq!(texts(data, Some(Letters::Capital)).parts, ["IB_", "TLS"]);
    }

    #[test]
    fn a_set_stops_growing() {
        let data: Vec<u8> = (0..100_000).flat_map(|n| format!("VARIABLE_{n:06}\0").into_bytes()).collect();
        let kept = texts(&data, None).variables.iter().map(String::len).sum::<usize>();
        assert!(kept < MOST && kept > MOST / 2, "{kept}");
    }
}
