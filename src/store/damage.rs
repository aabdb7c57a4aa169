//! What in the store turned out to be damaged or gone. It is removed when it is found, so the same work, done once
//! more, fetches or makes it anew.

use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::oci::Digest;

/// Why work on the store's content failed, though nothing is wrong with the work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Bytes that are not what their name says.
    #[error("blob `{0}` in the cache is damaged and was removed: run again")]
    Blob(Digest),
    /// A blob that was looked up and is not there any more.
    #[error("blob `{0}` is not in the cache any more: run again")]
    Gone(Digest),
    /// What others said of a layer did not lead to its files.
    #[error("the shared index of layer `{0}` does not fit the layer, which was read now: run again")]
    Index(Digest),
    /// What was learned of a file is damaged or gone.
    #[error("what the cache knew of file `{0}` is damaged or gone: run again")]
    Facts(Digest),
}

impl Damage {
    /// As an I/O error, which [`Damage::is_cause`] knows again.
    #[must_use]
    pub fn error(self, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, self)
    }

    /// Whether some damage is behind this error: doing the same once more may well go better.
    #[must_use]
    pub fn is_cause(error: &(dyn Error + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            // The error inside an I/O error is not its source, but the source's parent.
            next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        false
    }
}

/// Removes the damaged file that is open as `file`, unless `path` leads to another by now: somebody else may have
/// put a good one there.
pub(super) fn remove(path: &Path, file: &fs::File) {
    let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let (there, ours) = (fs::symlink_metadata(path).map(identity), file.metadata().map(identity));
    if matches!((there, ours), (Ok(there), Ok(ours)) if there == ours) {
        // That the removal may fail changes nothing of what is told: the file is damaged.
        drop(fs::remove_file(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_found_behind_other_errors() {
        let damage = || Damage::Gone(Digest::of(b"x"));
        assert!(Damage::is_cause(&damage()));
        let nested = io::Error::other(damage().error(io::ErrorKind::NotFound));
        assert!(Damage::is_cause(&nested));
        let kept = crate::store::Error::Io { action: "read", path: "x".into(), source: nested };
        assert!(Damage::is_cause(&io::Error::other(kept)));
        assert!(!Damage::is_cause(&io::Error::other("blob is damaged")));
    }

    #[test]
    fn only_the_damaged_file_itself_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blob");
        fs::write(&path, "bad").unwrap();
        let bad = fs::File::open(&path).unwrap();
        fs::write(directory.path().join("new"), "good").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        remove(&path, &bad);
        assert_eq!(fs::read(&path).unwrap(), b"good");
        remove(&path, &fs::File::open(&path).unwrap());
        assert!(!path.exists());
    }
}
