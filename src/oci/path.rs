//! Paths inside images.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::hint::Hint;

/// An absolute, normalised path inside an image, as bytes: tar names need not be UTF-8.
///
/// No empty, `.` or `..` component, no NUL, no trailing slash. The root is the empty path and prints as `/`.
/// Sorted by component, so that a directory comes right before what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ImagePath(Vec<u8>);

/// Why a text is no path inside an image.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    /// `..` would leave the image (CVE-2021-29136 and its kin).
    #[error("path `{0}` has a `..` component")]
    Parent(String),
    /// A NUL cannot be in a path.
    #[error("path `{0}` has a NUL byte")]
    Nul(String),
    /// A path that a person wrote must say that it starts at the root.
    #[error("path `{0}` is not absolute")]
    Relative(String),
}

impl Hint for PathError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Parent(_) => Some("write the path without `..`".to_owned()),
            Self::Nul(_) => None,
            Self::Relative(path) => Some(format!("write `/{path}`")),
        }
    }
}

impl ImagePath {
    /// The root of the image.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path as a tar header has it: with or without a leading `/` or `./`.
    ///
    /// # Errors
    /// A `..` component or a NUL.
    pub fn from_tar(bytes: &[u8]) -> Result<Self, PathError> {
        let shown = || String::from_utf8_lossy(bytes).into_owned();
        if bytes.contains(&0) {
            return Err(PathError::Nul(shown()));
        }
        let mut path = Vec::with_capacity(bytes.len());
        for part in bytes.split(|b| *b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => return Err(PathError::Parent(shown())),
                _ => {
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(part);
                }
            }
        }
        Ok(Self(path))
    }

    /// A path that a person wrote: it must be absolute.
    ///
    /// # Errors
    /// As [`ImagePath::from_tar`], and a relative path.
    pub fn absolute(text: &str) -> Result<Self, PathError> {
        if !text.starts_with('/') {
            return Err(PathError::Relative(text.to_owned()));
        }
        Self::from_tar(text.as_bytes())
    }

    /// This path with `relative` below it; `.` and empty components are dropped.
    ///
    /// # Errors
    /// As [`ImagePath::from_tar`].
    pub fn join(&self, relative: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let relative = relative.as_ref();
        let mut path = Vec::with_capacity(self.0.len() + 1 + relative.len());
        path.extend_from_slice(&self.0);
        if !self.is_root() {
            path.push(b'/');
        }
        path.extend_from_slice(relative);
        if is_name(relative) { Ok(Self(path)) } else { Self::from_tar(&path) }
    }

    /// The path's bytes without a leading slash: the name in a tar header.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directory this path is in; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = memchr::memrchr(b'/', &self.0).unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// The last component; empty for the root.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        memchr::memrchr(b'/', &self.0).map_or(&self.0, |slash| &self.0[slash + 1..])
    }

    /// The components from the root down.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|part| !part.is_empty())
    }

    /// Every directory above this path, the root first, this path not among them.
    #[must_use]
    pub fn ancestors(&self) -> Vec<Self> {
        let mut all: Vec<Self> = std::iter::successors(self.parent(), Self::parent).collect();
        all.reverse();
        all
    }

    /// Whether this path is `directory` or below it.
    #[must_use]
    pub fn is_within(&self, directory: &Self) -> bool {
        self.relative_to(directory).is_some()
    }

    /// What remains of this path below `directory`; empty when they are the same.
    #[must_use]
    pub fn relative_to(&self, directory: &Self) -> Option<&[u8]> {
        if directory.is_root() {
            return Some(&self.0);
        }
        match self.0.strip_prefix(directory.0.as_slice())? {
            [] => Some(&[]),
            [b'/', rest @ ..] => Some(rest),
            _ => None,
        }
    }
}

/// Whether this is one component that stands for itself.
fn is_name(bytes: &[u8]) -> bool {
    !matches!(bytes, b"" | b"." | b"..") && !bytes.iter().any(|byte| matches!(byte, b'/' | 0))
}

/// How many bytes are the same at the beginning of both, eight at a time: paths of one tree share most of theirs.
fn common(one: &[u8], other: &[u8]) -> usize {
    let (words, others) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    let whole = words.iter().zip(others).take_while(|(a, b)| a == b).count() * 8;
    let rest = one[whole..].iter().zip(&other[whole..]);
    whole + rest.take_while(|(a, b)| a == b).count()
}

impl Ord for ImagePath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // The same as comparing components, in one pass: trees compare paths millions of times.
        let (ours, theirs) = (self.0.as_slice(), other.0.as_slice());
        let same = common(ours, theirs);
        // A slash sorts below every other byte, as no name holds a NUL.
        let rank = |byte: Option<&u8>| byte.map(|byte| if *byte == b'/' { 0 } else { *byte });
        rank(ours.get(same)).cmp(&rank(theirs.get(same)))
    }
}

impl PartialOrd for ImagePath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0).escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::from_tar(text.as_bytes()).unwrap()
    }

    #[test]
    fn names_from_tars_are_normalised() {
        for (raw, want) in [("", "/"), ("./", "/"), ("/a//b/", "/a/b"), ("./a/./b", "/a/b"), ("a", "/a")] {
            assert_eq!(path(raw).to_string(), want);
        }
        assert!(ImagePath::from_tar(b"a/../b").is_err());
        assert!(ImagePath::from_tar(b"a\0b").is_err());
        assert!(ImagePath::absolute("a/b").is_err());
    }

    #[test]
    fn a_directory_sorts_right_before_what_is_in_it() {
        let mut all = [path("a-b"), path("a/b"), path("a"), path("a/b/c"), path("a.b")];
        all.sort();
        assert_eq!(all.map(|p| p.to_string()), ["/a", "/a/b", "/a/b/c", "/a-b", "/a.b"]);
    }

    #[test]
    fn long_paths_sort_by_component_too() {
        let directory = "opt/venv/lib/python3.11/site-packages";
        for cut in 0..directory.len() {
            let (start, end) = directory.split_at(cut);
            let below = path(&format!("{start}x/{end}"));
            let beside = path(&format!("{start}x-{end}"));
            assert_eq!(below.cmp(&beside), std::cmp::Ordering::Less, "{below} {beside}");
            assert_eq!(beside.cmp(&below), std::cmp::Ordering::Greater, "{below} {beside}");
            assert_eq!(below.cmp(&below.clone()), std::cmp::Ordering::Equal, "{below}");
        }
        assert!(path(directory) < path(&format!("{directory}/a")));
    }

    #[test]
    fn names_are_joined_as_they_are_and_all_else_is_normalised() {
        for (name, want) in [("b", "/a/b"), ("b/c", "/a/b/c"), ("/b/", "/a/b"), (".", "/a"), ("", "/a")] {
            assert_eq!(path("a").join(name).unwrap().to_string(), want);
        }
        assert_eq!(ImagePath::root().join("b").unwrap(), path("b"));
        assert!(path("a").join("..").is_err() && path("a").join("b\0").is_err());
    }

    #[test]
    fn parents_and_relatives() {
        assert_eq!(path("a/b").parent(), Some(path("a")));
        assert_eq!(path("a").parent(), Some(ImagePath::root()));
        assert_eq!(path("a/b/c").ancestors(), [ImagePath::root(), path("a"), path("a/b")]);
        assert_eq!(path("a/b/c").relative_to(&path("a")), Some(&b"b/c"[..]));
        assert_eq!(path("ab").relative_to(&path("a")), None);
        assert!(path("a").is_within(&ImagePath::root()));
    }
}
