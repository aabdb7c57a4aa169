//! The lock file beside a recipe: every input and every result by digest, for people and for `--locked`.
//!
//! Two lock files of one recipe say which input moved. Knows nothing of how the facts are found.

mod drift;
mod pins;

use std::io;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::hint::Hint;
use crate::oci::Digest;

pub use drift::Drift;
pub use pins::LockedGraft;
pub use pins::LockedImage;
pub use pins::LockedInput;
pub use pins::LockedLayer;
pub use pins::LockedPatch;
pub use pins::LockedResult;

/// The version of this format.
pub const VERSION: u32 = 1;

const HEADER: &str = "# Written by imgforge: what the recipe was built from and what came of it.\n\
                      # `imgforge lock` writes it anew; `imgforge build --locked` refuses any difference.\n\n";

/// All inputs of a build and its results. Lists are in the order of their keys, whatever order they are given in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lockfile {
    /// [`VERSION`].
    pub version: u32,
    /// What writes layers: format and compressor with their versions; digests of layers depend on it.
    pub format: String,
    /// SHA-256 of the recipe's text.
    pub recipe: Digest,
    /// Values of variables, after `--var`.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub vars: std::collections::BTreeMap<String, String>,
    /// What was built; absent as long as nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<LockedResult>,
    /// The base and the sources.
    #[serde(default, rename = "image", skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<LockedImage>,
    /// Files of this machine.
    #[serde(default, rename = "input", skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<LockedInput>,
    /// Files taken out of sources.
    #[serde(default, rename = "graft", skip_serializing_if = "Vec::is_empty")]
    pub grafts: Vec<LockedGraft>,
    /// Files changed by patches.
    #[serde(default, rename = "patch", skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<LockedPatch>,
}

/// Why a lock file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read or is not UTF-8.
    #[error("cannot read lock file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be written; what was there before is still there.
    #[error("cannot write lock file `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not what this version writes.
    #[error("`{}` is not a lock file of this version", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: Box<toml::de::Error>,
    },
    /// Of another version of imgforge.
    #[error("lock file `{}` has version {found}, this imgforge writes {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { source, .. } if source.kind() != io::ErrorKind::NotFound => None,
            Self::Unwritable { .. } => None,
            _ => Some("write it anew: `imgforge lock RECIPE`".to_owned()),
        }
    }
}

impl Lockfile {
    /// Where the lock file of a recipe is: `libfabric.toml` has `libfabric.lock` beside it.
    #[must_use]
    pub fn beside(recipe: &Path) -> PathBuf {
        recipe.with_extension("lock")
    }

    /// Reads a lock file.
    ///
    /// # Errors
    /// The file is not there or cannot be read, or is not of this version.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Unreadable { path: path.to_path_buf(), source })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let malformed = |source| Error::Malformed { path: path.to_path_buf(), source: Box::new(source) };
        let found = toml::from_str::<Versioned>(text).map_err(malformed)?.version;
        if found != VERSION {
            let path = path.to_path_buf();
            return Err(Error::Version { path, found });
        }
        toml::from_str(text).map_err(malformed)
    }

    /// The file's text: the same for the same facts, one table for each file and image.
    ///
    /// # Errors
    /// A number that TOML cannot hold (2⁶³ or more).
    pub fn to_text(&self) -> Result<String, toml::ser::Error> {
        let mut sorted = self.clone();
        sorted.inputs.sort();
        sorted.inputs.dedup();
        sorted.grafts.sort();
        sorted.patches.sort();
        // The base first, then the sources by name.
        sorted.images.sort_by_key(|image| (image.name != "base", image.clone()));
        Ok(format!("{HEADER}{}", toml::to_string(&sorted)?))
    }

    /// Writes the lock file: whole, or not at all.
    ///
    /// # Errors
    /// [`Error::Unwritable`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let unwritable = |source| Error::Unwritable { path: path.to_path_buf(), source };
        let directory = match path.parent() {
            Some(directory) if directory != Path::new("") => directory,
            _ => Path::new("."),
        };
        let text = self.to_text().map_err(|error| unwritable(io::Error::other(error)))?;
        let mut draft = tempfile::NamedTempFile::new_in(directory).map_err(unwritable)?;
        draft.write_all(text.as_bytes()).map_err(unwritable)?;
        readable(draft.as_file()).map_err(unwritable)?;
        draft.persist(path).map_err(|error| unwritable(error.error))?;
        Ok(())
    }
}

/// Temporary files are private; a lock file is for everyone who may read the recipe.
fn readable(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::DiffId;

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn sample() -> Lockfile {
        let image = |name: &str| LockedImage {
            name: name.to_owned(),
            reference: format!("registry.example/{name}:1"),
            platform: "linux/amd64".to_owned(),
            manifest: digest(name),
            layers: vec![LockedLayer {
                digest: digest("layer"),
                size: 5_000_000_000,
                diff_id: digest("diff"),
            }],
        };
        let input = |path: &str| LockedInput { path: path.to_owned(), sha256: digest(path) };
        Lockfile {
            version: VERSION,
            format: "gzip-zlib-rs/1".to_owned(),
            recipe: digest("recipe"),
            vars: [("python".to_owned(), "3.12".to_owned())].into(),
            result: Some(LockedResult { manifest: digest("result"), diff_ids: vec![DiffId(digest("new"))] }),
            images: vec![image("alpha"), image("base")],
            inputs: vec![input("z"), input("a"), input("z")],
            grafts: vec![LockedGraft {
                path: "/opt/a \"b\".so".to_owned(),
                from: "alpha".to_owned(),
                donor_path: "/usr/a.so".to_owned(),
                layer: digest("layer"),
                sha256: digest("a.so"),
                size: 7,
                build_id: Some("00ff".to_owned()),
            }],
            patches: vec![LockedPatch {
                path: "/opt/x.py".to_owned(),
                with: "../patches/x.toml".to_owned(),
                before: digest("before"),
                after: digest("after"),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_and_written_again_alike() {
        let directory = tempfile::tempdir().unwrap();
        let path = Lockfile::beside(&directory.path().join("libfabric.toml"));
        assert_eq!(path, directory.path().join("libfabric.lock"));
        let lock = sample();
        lock.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let read = Lockfile::read(&path).unwrap();
        assert_eq!(read.to_text().unwrap(), text);
        assert_eq!(read.drift(&lock), []);
        assert_eq!(read.images[0].name, "base");
        assert_eq!(read.inputs.len(), 2);
        assert_eq!((&read.grafts, &read.result), (&lock.grafts, &lock.result));
        let mut shuffled = lock.clone();
        shuffled.images.reverse();
        shuffled.inputs.reverse();
        assert_eq!(shuffled.to_text().unwrap(), text);
        // One writer at a time leaves one file.
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_person_can_read_it() {
        let text = sample().to_text().unwrap();
        let graft = text.split("\n\n").find(|part| part.starts_with("[[graft]]")).unwrap();
        let want = format!(
            "[[graft]]\npath = '/opt/a \"b\".so'\nfrom = \"alpha\"\ndonor_path = \"/usr/a.so\"\n\
             layer = \"{}\"\nsha256 = \"{}\"\nsize = 7\nbuild_id = \"00ff\"",
            digest("layer"),
            digest("a.so")
        );
        assert_eq!(graft, want);
        assert!(text.starts_with("# Written by imgforge"), "{text}");
    }

    #[test]
    fn drift_names_the_input_that_moved_before_what_follows() {
        let was = sample();
        let mut now = was.clone();
        now.images[1].manifest = digest("other");
        now.inputs.remove(1);
        now.vars.insert("python".to_owned(), "3.11".to_owned());
        now.grafts[0].sha256 = digest("moved");
        now.result.as_mut().unwrap().diff_ids.push(DiffId(digest("second")));
        let told: Vec<String> = was.drift(&now).iter().map(ToString::to_string).collect();
        let want = [
            "variable `python` was `3.12`, now `3.11`".to_owned(),
            format!("base `registry.example/base:1` was {}, now {}", digest("base"), digest("other")),
            format!("file `a` was {}, now gone", digest("a")),
            format!(
                "graft of `/usr/a.so` for `/opt/a \"b\".so` from `alpha` was {}, now {}",
                digest("a.so"),
                digest("moved")
            ),
            format!("new layer 002 is new: {}", digest("second")),
        ];
        assert_eq!(told, want);
        let inputs: Vec<bool> = was.drift(&now).iter().map(|drift| drift.input).collect();
        assert_eq!(inputs, [true, true, true, false, false]);
    }

    #[test]
    fn what_is_no_lock_file_is_refused() {
        let path = Path::new("x.lock");
        let text = sample().to_text().unwrap();
        let newer = Lockfile::parse(path, &text.replace("version = 1", "version = 2"));
        assert!(matches!(newer, Err(Error::Version { found: 2, .. })));
        for bad in
            ["", "version = 1", "version = ", &text.replace("sha256:", "sha512:"), &format!("x = 1\n{text}")]
        {
            assert!(matches!(Lockfile::parse(path, bad), Err(Error::Malformed { .. })), "{bad}");
        }
        let missing = Lockfile::read(Path::new("none.lock")).unwrap_err();
        assert!(missing.hint().unwrap().contains("imgforge lock"));
    }
}
