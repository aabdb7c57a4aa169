//! Which of CPython's symbols are in its stable ABI.

use std::collections::BTreeMap;
use std::sync::LazyLock;

static SYMBOLS: LazyLock<BTreeMap<&str, u32>> = LazyLock::new(|| read(include_str!("stable_abi.txt")));

/// The minor version of Python 3 since which a symbol is in the stable ABI; `None`: it is not.
#[must_use]
pub fn stable_since(symbol: &str) -> Option<u32> {
    SYMBOLS.get(symbol).copied()
}

/// Lines of names, each group below a line with its version.
fn read(text: &str) -> BTreeMap<&str, u32> {
    let mut symbols = BTreeMap::new();
    let mut minor = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix("3.").and_then(|rest| rest.strip_suffix(':')) {
            Some(version) => minor = version.parse().unwrap_or(0),
            None => symbols.extend(line.split_whitespace().map(|name| (name, minor))),
        }
    }
    symbols
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_and_versions() {
        for (name, want) in [
            ("PyArg_ParseTuple", Some(2)),
            ("PyType_FromModuleAndSpec", Some(10)),
            ("PyObject_Vectorcall", Some(12)),
            ("_Py_Dealloc", Some(2)),
            ("PyUnicode_AsUTF8", None),
            ("_PyThreadState_UncheckedGet", None),
        ] {
            assert_eq!(stable_since(name), want, "{name}");
        }
        assert!(SYMBOLS.len() > 900 && SYMBOLS.values().all(|minor| *minor >= 2));
    }
}
