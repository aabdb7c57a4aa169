//! What stays of a library's file name when versions and wheel tools' additions are taken off.

use std::borrow::Cow;

/// The name without the hash that auditwheel puts before its first dot: `libgomp-a34b3233.so.1` is
/// `libgomp.so.1`, `libglib-2-0a1b2c3d.0.so.0` is `libglib-2.0.so.0`. Eight digits that are a date stay.
#[must_use]
pub fn without_hash(name: &str) -> Cow<'_, str> {
    let dot = name.find('.').unwrap_or(name.len());
    let (base, rest) = name.split_at(dot);
    match base.rsplit_once('-') {
        Some((plain, hash)) if is_hash(hash) && !plain.is_empty() => Cow::Owned(format!("{plain}{rest}")),
        _ => Cow::Borrowed(name),
    }
}

/// A path with [`without_hash`] for its last part; directories stay as they are.
#[must_use]
pub fn path_without_hash(path: &str) -> Cow<'_, str> {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    match without_hash(&path[start..]) {
        Cow::Borrowed(_) => Cow::Borrowed(path),
        Cow::Owned(name) => Cow::Owned(format!("{}{name}", &path[..start])),
    }
}

/// What pairs two builds of one library: no hash, no version, no Python tag. `libucs-5512bb63.so.0.0.0` and
/// `libucs.so.1` are `libucs`; `_C.cpython-312-x86_64-linux-gnu.so` and `_C.abi3.so` are `_C`.
#[must_use]
pub fn stem(name: &str) -> Cow<'_, str> {
    let end = [".so.", ".cpython-", ".abi3."].iter().filter_map(|mark| name.find(mark)).min();
    let end = end.or_else(|| name.strip_suffix(".so").map(str::len)).unwrap_or(name.len());
    without_hash(&name[..end])
}

/// Eight digits of a SHA-256 in lower case, and not a date of this or the last century.
fn is_hash(text: &str) -> bool {
    let hex = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok());
    let date =
        matches!((number(0..4), number(4..6), number(6..8)), (Some(1900..=2099), Some(1..=12), Some(1..=31)));
    hex && !date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_pair_by_their_stems() {
        for (name, want) in [
            ("libgomp-a34b3233.so.1", "libgomp"),
            ("libgomp.so.1.0.0", "libgomp"),
            ("libgomp.so", "libgomp"),
            ("libscipy_openblas64_-ff651d7f.so", "libscipy_openblas64_"),
            ("libglib-2-0a1b2c3d.0.so.0", "libglib-2.0"),
            ("libglib-2.0.so.0", "libglib-2.0"),
            ("libicudata-20240101.so", "libicudata-20240101"),
            ("bindings.cpython-312-x86_64-linux-gnu.so", "bindings"),
            ("_C.abi3.so", "_C"),
            ("ld-linux-x86-64.so.2", "ld-linux-x86-64"),
            ("libx.source", "libx.source"),
            ("-0a1b2c3d.so", "-0a1b2c3d"),
            ("python3.12", "python3.12"),
            ("", ""),
        ] {
            assert_eq!(stem(name), want, "{name}");
        }
    }

    #[test]
    fn a_path_keeps_its_directories() {
        for (path, want) in [
            ("/a/x.libs/libgomp-a34b3233.so.1", "/a/x.libs/libgomp.so.1"),
            ("/a-0a1b2c3d/libx.so", "/a-0a1b2c3d/libx.so"),
            ("libx-0a1b2c3d.so", "libx.so"),
        ] {
            assert_eq!(path_without_hash(path), want);
        }
    }
}
