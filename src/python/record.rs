//! RECORD, the list of files that a wheel installed (PEP 376, PEP 427): path, hash and size of each.
//!
//! A CSV file in `NAME-VERSION.dist-info`. Paths are relative to the directory that the dist-info is in, or
//! absolute. Lines that are not concerned stay byte for byte as they are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;

use crate::oci::Digest;
use crate::oci::ImagePath;

/// What becomes of a file that a RECORD may list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has this content now: its line is changed; a RECORD that does not list it stays as it is.
    Content {
        /// SHA-256 of its bytes.
        digest: Digest,
        /// Length in bytes.
        size: u64,
    },
    /// It is new and belongs to this distribution: its line is changed, or one is added at the end.
    Added {
        /// SHA-256 of its bytes.
        digest: Digest,
        /// Length in bytes.
        size: u64,
    },
    /// It is gone: its line goes.
    Removed,
}

/// Whether `path` is a RECORD: `…/NAME.dist-info/RECORD`. Gives the directory its paths are relative to.
#[must_use]
pub fn root(path: &ImagePath) -> Option<ImagePath> {
    let dist_info = path.parent().filter(|_| path.name() == b"RECORD")?;
    dist_info.name().ends_with(b".dist-info").then(|| dist_info.parent())?
}

/// The files that the RECORD at `path` lists, as paths in the image; lines that are no path are left out.
#[must_use]
pub fn listed(path: &ImagePath, text: &str) -> Vec<ImagePath> {
    let Some(root) = root(path) else {
        return Vec::new();
    };
    rows(text).into_iter().filter_map(|row| locate(&root, &field(row.0).0)).collect()
}

/// The files that the RECORD at `path` lists, with the hash of each as it is written there, `sha256=…`.
#[must_use]
pub fn hashes(path: &ImagePath, text: &str) -> BTreeMap<ImagePath, Option<String>> {
    let Some(root) = root(path) else {
        return BTreeMap::new();
    };
    let hash = |rest: &str| Some(field(rest.strip_prefix(',')?).0).filter(|hash| !hash.is_empty());
    let rows = rows(text).into_iter().map(|row| field(row.0));
    rows.filter_map(|(name, rest)| Some((locate(&root, &name)?, hash(rest)))).collect()
}

/// A digest as a RECORD has it: URL-safe base64 without padding (PEP 427).
#[must_use]
pub fn hash(digest: &Digest) -> String {
    format!("sha256={}", URL_SAFE_NO_PAD.encode(digest.raw()))
}

/// The RECORD at `path` with the fates of some files written into it; `None` when that changes nothing.
#[must_use]
pub fn update(path: &ImagePath, text: &str, fates: &BTreeMap<ImagePath, Fate>) -> Option<String> {
    let root = root(path)?;
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut seen = Vec::new();
    let mut out = String::with_capacity(text.len());
    for (row, end) in rows(text) {
        let (name, rest) = field(row);
        let file = locate(&root, &name);
        match file.as_ref().and_then(|file| fates.get(file)) {
            None => out.extend([row, end]),
            Some(Fate::Removed) => {}
            Some(Fate::Content { digest, size } | Fate::Added { digest, size }) => {
                // The name stays quoted as it was; a row without a hash (RECORD's own) stays without.
                let written = &row[..row.len() - rest.len()];
                let has_hash = !field(rest.strip_prefix(',').unwrap_or(rest)).0.is_empty();
                let added = matches!(fates.get(file.as_ref()?), Some(Fate::Added { .. }));
                if has_hash || added {
                    out.extend([written, &columns(digest, *size), end]);
                } else {
                    out.extend([row, end]);
                }
            }
        }
        seen.extend(file);
    }
    for (file, fate) in fates {
        let Fate::Added { digest, size } = fate else {
            continue;
        };
        if !seen.contains(file) {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push_str(newline);
            }
            out.extend([quoted(&name_of(&root, file)).as_str(), &columns(digest, *size), newline]);
        }
    }
    (out != text).then_some(out)
}

/// `,sha256=…,SIZE`.
fn columns(digest: &Digest, size: u64) -> String {
    format!(",{},{size}", hash(digest))
}

/// Rows with their line ends; a quoted field may hold line ends.
fn rows(text: &str) -> Vec<(&str, &str)> {
    let mut rows = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                rows.push(split_end(&text[start..=at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    if start < text.len() {
        rows.push(split_end(&text[start..]));
    }
    rows
}

fn split_end(line: &str) -> (&str, &str) {
    let row = line.trim_end_matches(['\r', '\n']);
    line.split_at(row.len())
}

/// The first field of a row, unquoted, and what follows it, with its comma.
fn field(row: &str) -> (String, &str) {
    let Some(inner) = row.strip_prefix('"') else {
        let end = row.find(',').unwrap_or(row.len());
        return (row[..end].to_owned(), &row[end..]);
    };
    let mut value = String::new();
    let mut rest = inner;
    while let Some(at) = rest.find('"') {
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(after) = rest.strip_prefix('"') else {
            return (value, rest);
        };
        value.push('"');
        rest = after;
    }
    value.push_str(rest);
    (value, "")
}

fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

/// The file that a name in a RECORD means: `..` leads out of the root, as scripts in `bin/` are listed.
fn locate(root: &ImagePath, name: &str) -> Option<ImagePath> {
    if name.is_empty() {
        return None;
    }
    if name.starts_with('/') {
        return ImagePath::absolute(name).ok();
    }
    let mut directory = root.clone();
    let mut rest = name;
    while let Some(above) = rest.strip_prefix("../") {
        directory = directory.parent()?;
        rest = above;
    }
    directory.join(rest).ok()
}

/// The name that a RECORD gives a file: the way back of [`locate`].
fn name_of(root: &ImagePath, file: &ImagePath) -> String {
    let mut name = String::new();
    let mut directory = root.clone();
    loop {
        if let Some(rest) = file.relative_to(&directory) {
            return name + &String::from_utf8_lossy(rest);
        }
        name.push_str("../");
        directory = directory.parent().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "x/__init__.py,sha256=old,1\r\n\"x/a,b.py\",sha256=old,2\r\n\
        x/__pycache__/__init__.cpython-312.pyc,,\r\n../../../bin/x,sha256=old,3\r\nx-1.dist-info/RECORD,,\r\n";
    const ROOT: &str = "/opt/venv/lib/python3.12/site-packages";

    fn path(text: &str) -> ImagePath {
        ImagePath::absolute(text).unwrap()
    }

    fn file(name: &str) -> ImagePath {
        path(ROOT).join(name).unwrap()
    }

    #[test]
    fn files_are_found_wherever_they_are() {
        let record = file("x-1.dist-info/RECORD");
        let listed = listed(&record, RECORD);
        assert_eq!(listed[1], file("x/a,b.py"));
        assert_eq!(listed[3], path("/opt/venv/bin/x"));
        assert_eq!(root(&record), Some(path(ROOT)));
        assert_eq!(root(&path("/x/RECORD")), None);
        assert_eq!(name_of(&path(ROOT), &path("/opt/venv/bin/x")), "../../../bin/x");
    }

    #[test]
    fn only_the_lines_of_changed_files_change() {
        let record = file("x-1.dist-info/RECORD");
        // SHA-256 of `abc` in FIPS 180-2, appendix B.1, as URL-safe base64.
        let digest = Digest::of(b"abc");
        let hash = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
        let content = Fate::Content { digest, size: 3 };
        let fates = BTreeMap::from([
            (file("x/__init__.py"), content),
            (file("x/a,b.py"), content),
            (file("x/__pycache__/__init__.cpython-312.pyc"), Fate::Removed),
            (file("x/new \"1\".so"), Fate::Added { digest, size: 3 }),
            (file("y/other.py"), content),
        ]);
        let want = format!(
            "x/__init__.py,sha256={hash},3\r\n\"x/a,b.py\",sha256={hash},3\r\n\
             ../../../bin/x,sha256=old,3\r\nx-1.dist-info/RECORD,,\r\n\"x/new \"\"1\"\".so\",sha256={hash},3\r\n"
        );
        assert_eq!(update(&record, RECORD, &fates).as_deref(), Some(want.as_str()));
        assert_eq!(update(&record, &want, &fates), None);
    }

    #[test]
    fn a_record_that_nothing_concerns_stays() {
        let record = file("x-1.dist-info/RECORD");
        let fates = BTreeMap::from([(file("y.py"), Fate::Removed)]);
        for text in ["", "a,b,c", "\"open\nend", "\n\n", RECORD] {
            assert_eq!(update(&record, text, &fates), None, "{text:?}");
        }
        let one = BTreeMap::from([(file("n.py"), Fate::Added { digest: Digest::of(b""), size: 0 })]);
        let added = update(&record, "a,,", &one).unwrap();
        assert_eq!(added, "a,,\nn.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n");
    }
}
