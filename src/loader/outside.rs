//! What a tree without a C library can be expected to have: it is a part of some system that is not here.

use std::collections::BTreeSet;

use super::ObjectError;
use super::View;
use super::platform;
use crate::elf;
use crate::python;

/// Libraries that a tree must have because it says so itself.
#[derive(Debug, Default)]
pub(super) struct Promised(BTreeSet<String>);

impl Promised {
    /// File names that the RECORDs of installed packages list.
    ///
    /// # Errors
    /// A RECORD is there and cannot be read.
    pub(super) fn new(view: View<'_>) -> Result<Self, ObjectError> {
        let mut names = BTreeSet::new();
        for (path, node) in view.tree.iter().filter(|(path, _)| path.name() == b"RECORD") {
            let bytes = view.objects.bytes(path, node)?.unwrap_or_default();
            let listed = python::record::listed(path, &String::from_utf8_lossy(&bytes));
            names.extend(listed.iter().map(|file| String::from_utf8_lossy(file.name()).into_owned()));
        }
        Ok(Self(names))
    }

    /// Whether a library that is not in the tree belongs to what the tree is a part of, or to packages that
    /// are not installed here. One that auditwheel has renamed is in the same wheel or nowhere.
    pub(super) fn is_outside(&self, name: &str) -> bool {
        platform::is_platform(name) || !self.has(name)
    }

    /// Whether a package says that it brings this library.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name) || is_renamed(name)
    }
}

/// Whether a name has the hash that auditwheel puts in: `libucp-9d14a46b.so.0.0.0`.
fn is_renamed(name: &str) -> bool {
    elf::without_hash(name) != name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_missing_library_is() {
        let promised = Promised(BTreeSet::from(["libcore.so".to_owned()]));
        for (name, outside) in [
            ("libc.so.6", true),
            ("libcudart.so.12", true),
            ("libcore.so", false),
            ("libucp-9d14a46b.so.0.0.0", false),
            ("libfoo-version2.so", true),
        ] {
            assert_eq!(promised.is_outside(name), outside, "{name}");
        }
    }
}
