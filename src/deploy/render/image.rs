//! Which image exactly: a digest, wherever it is known from.

use std::path::Path;

use serde_json::Value;

use crate::hint::Hint;
use crate::oci::Digest;
use crate::recipe::Deploy;
use crate::recipe::lockfile;
use crate::recipe::lockfile::Lockfile;

/// What says which image is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin<'a> {
    /// The result that is pinned in the lock file beside the recipe.
    Lock,
    /// A digest.
    Digest(&'a str),
    /// The JSON document that `build --metadata-file` wrote.
    Receipt(&'a Path),
    /// A tag, which can be moved.
    Tag(&'a str),
}

/// Why the image is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no lock file, or it is of another version.
    #[error("no digest of the image is known")]
    Unlocked(#[source] Box<lockfile::Error>),
    /// Only inputs are locked.
    #[error("lock file `{0}` pins no result")]
    NoResult(String),
    /// Text that is no sha256 digest.
    #[error("`{0}` is not a sha256 digest")]
    NoDigest(String),
    /// A receipt that cannot be read.
    #[error("cannot read `{file}`")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A receipt without the recipe, or of a build that was refused.
    #[error("`{file}` tells no image of recipe `{recipe}`")]
    NotBuilt {
        /// The file.
        file: String,
        /// Name of the recipe.
        recipe: String,
    },
    /// Text that no registry takes as a tag.
    #[error("`{0}` is not a tag")]
    NoTag(String),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Unlocked(_) | Self::NoResult(_) => {
                "run `imgforge lock RECIPE`, or give `--digest sha256:…`, `--receipt FILE` (what `build --metadata-file` wrote), \
                 or `--tag TAG` to run whatever has that name"
            }
            Self::NoDigest(_) => "write `sha256:` and 64 lower-case hexadecimal digits",
            Self::NotBuilt { .. } => {
                "name the file that `imgforge build --metadata-file` wrote for this recipe"
            }
            Self::NoTag(_) => "use at most 128 letters, digits, `_`, `.` and `-`",
            Self::Unreadable { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// The image as the cluster pulls it. `file` and `name` are the recipe's.
///
/// # Errors
/// When no digest is known, and no tag is given in its place.
pub fn image(deploy: &Deploy, file: &Path, name: &str, pin: &Pin<'_>) -> Result<String, Error> {
    let digest = match pin {
        Pin::Tag(tag) => {
            let text = format!("{}:{tag}", deploy.image);
            let parsed = text.parse::<crate::oci::reference::RegistryReference>();
            let good =
                parsed.is_ok_and(|parsed| parsed.tag.as_deref() == Some(tag) && parsed.digest.is_none());
            return if good { Ok(text) } else { Err(Error::NoTag((*tag).to_owned())) };
        }
        Pin::Digest(text) => text.parse().map_err(|_| Error::NoDigest((*text).to_owned()))?,
        Pin::Lock => locked(file)?,
        Pin::Receipt(path) => received(path, name)?,
    };
    Ok(format!("{}@{digest}", deploy.image))
}

/// The digest that the lock file of a recipe pins.
///
/// # Errors
/// When there is none.
pub fn locked(recipe: &Path) -> Result<Digest, Error> {
    let path = Lockfile::beside(recipe);
    let lock = Lockfile::read(&path).map_err(|error| Error::Unlocked(Box::new(error)))?;
    Ok(lock.result.ok_or_else(|| Error::NoResult(path.display().to_string()))?.manifest)
}

fn received(path: &Path, recipe: &str) -> Result<Digest, Error> {
    let file = || path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable { file: file(), source })?;
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    // One document for one recipe, a list for several.
    let all = match &document {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let found =
        all.iter().find(|one| one["recipe"] == recipe).and_then(|one| one["digest"].as_str()?.parse().ok());
    found.ok_or_else(|| Error::NotBuilt { file: file(), recipe: recipe.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn an_image_is_pinned_or_said_not_to_be() {
        let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/ucx.toml");
        let deploy = crate::recipe::load(&recipe, &BTreeMap::new()).unwrap().deploy.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let digest = format!("sha256:{}", "b".repeat(64));
        let receipt = directory.path().join("built.json");
        let built =
            serde_json::json!([{"recipe": "other", "digest": null}, {"recipe": "mine", "digest": digest}]);
        std::fs::write(&receipt, built.to_string()).unwrap();
        let nowhere = directory.path().join("x.toml");
        let image = |name: &str, pin| image(&deploy, &nowhere, name, &pin).map_err(|error| error.to_string());
        let pinned = format!("{}@{digest}", deploy.image);
        assert_eq!(image("mine", Pin::Digest(&digest)), Ok(pinned.clone()));
        assert_eq!(image("mine", Pin::Receipt(&receipt)), Ok(pinned));
        assert_eq!(image("mine", Pin::Tag("v1")), Ok(format!("{}:v1", deploy.image)));
        for (name, pin) in [
            ("mine", Pin::Lock),
            ("other", Pin::Receipt(&receipt)),
            ("mine", Pin::Digest("sha256:12")),
            ("mine", Pin::Tag("v1@x")),
            ("mine", Pin::Tag("")),
        ] {
            assert!(image(name, pin.clone()).is_err(), "{pin:?}");
        }
    }
}
