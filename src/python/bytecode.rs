//! Bytecode of a source file (PEP 3147, PEP 488): a cache with an unchecked hash (PEP 552) is loaded even
//! when its source has changed, so no cache of a changed source may stay.

use crate::oci::ImagePath;

/// Which of `present` are bytecode of `source`, in the order given; none when `source` is no `.py` file.
pub fn stale_caches<'a>(
    source: &ImagePath,
    present: impl IntoIterator<Item = &'a ImagePath>,
) -> Vec<&'a ImagePath> {
    present.into_iter().filter(|path| is_stale_cache(source, path)).collect()
}

/// Whether `path` is bytecode of the file `source`: `__pycache__/x.TAG[.opt-N].pyc` beside it, or `x.pyc` or `x.pyo`.
#[must_use]
pub fn is_stale_cache(source: &ImagePath, path: &ImagePath) -> bool {
    let (Some(stem), Some(directory)) = (source.name().strip_suffix(b".py"), source.parent()) else {
        return false;
    };
    if stem.is_empty() {
        return false;
    }
    let Some(rest) = path.name().strip_prefix(stem) else {
        return false;
    };
    let Some(parent) = path.parent() else {
        return false;
    };
    if parent == directory {
        return matches!(rest, b".pyc" | b".pyo");
    }
    parent.name() == b"__pycache__" && parent.parent().as_ref() == Some(&directory) && is_tagged(rest)
}

/// `.cpython-312.pyc`, `.cpython-312.opt-1.pyc`, `.pypy39.pyc`.
fn is_tagged(rest: &[u8]) -> bool {
    let Some(tag) = rest.strip_prefix(b".").and_then(|rest| rest.strip_suffix(b".pyc")) else {
        return false;
    };
    let mut parts = tag.split(|b| *b == b'.');
    let word =
        |part: &[u8]| !part.is_empty() && part.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b));
    let first = parts.next().is_some_and(word);
    let level = parts.next().is_none_or(|part| part.starts_with(b"opt-") && word(part));
    first && level && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_bytecode_is_found_and_no_neighbour() {
        let path = |text: &str| ImagePath::absolute(text).unwrap();
        let source = path("/p/x.py");
        for (name, yes) in [
            ("/p/__pycache__/x.cpython-312.pyc", true),
            ("/p/__pycache__/x.cpython-312.opt-1.pyc", true),
            ("/p/__pycache__/x.cpython-312.opt-2.pyc", true),
            ("/p/__pycache__/x.pypy39.pyc", true),
            ("/p/x.pyc", true),
            ("/p/x.pyo", true),
            ("/p/__pycache__/xy.cpython-312.pyc", false),
            ("/p/__pycache__/x.y.cpython-312.pyc", false),
            ("/p/__pycache__/x.cpython-312.py", false),
            ("/p/__pycache__/x..pyc", false),
            ("/q/__pycache__/x.cpython-312.pyc", false),
            ("/p/q/x.pyc", false),
            ("/p/x.py", false),
            ("/p/x.pyi", false),
            ("/__pycache__/x.cpython-312.pyc", false),
        ] {
            assert_eq!(is_stale_cache(&source, &path(name)), yes, "{name}");
        }
        let present = [path("/p/x.pyc"), path("/p/y.pyc")];
        assert_eq!(stale_caches(&source, &present), [&present[0]]);
        assert!(stale_caches(&path("/p/x.so"), &present).is_empty());
        assert!(is_stale_cache(&path("/x.py"), &path("/__pycache__/x.cpython-311.pyc")));
    }
}
