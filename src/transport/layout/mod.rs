//! OCI image layouts: a directory with `index.json`, `oci-layout` and `blobs/` (image-spec `image-layout.md`).
//!
//! Knows the directory. What is in `index.json` is `listing`'s, shared with the archives.

pub(super) mod listing;
pub mod sink;

use std::fs;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::manifest::MAX_DOCUMENT;
use crate::transport::Source;
use crate::transport::error::Error;
use crate::transport::layout::listing::Listing;

pub use sink::LayoutSink;

/// Which image of a layout or an archive is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// The only one.
    Only,
    /// The one of this name: its whole `org.opencontainers.image.ref.name`, or the tag at the end of it.
    Name(String),
    /// The one of this name if there is one, else the only one: what a mirror stands for.
    NameOrOnly(String),
    /// The one at this place of the list, from 0.
    Position(usize),
    /// The one with this digest.
    Digest(Digest),
}

impl Pick {
    /// What a reference says after the path: nothing, a name, `@N` or `@sha256:…`.
    #[must_use]
    pub fn of(tag: Option<&str>) -> Self {
        let Some(tag) = tag else { return Self::Only };
        match tag.strip_prefix('@') {
            Some(rest) => match (rest.parse(), rest.parse()) {
                (Ok(position), _) => Self::Position(position),
                (_, Ok(digest)) => Self::Digest(digest),
                _ => Self::Name(tag.to_owned()),
            },
            None => Self::Name(tag.to_owned()),
        }
    }
}

/// A layout, to read one image of.
#[derive(Debug, Clone)]
pub struct LayoutSource {
    root: PathBuf,
    name: String,
    pick: Pick,
}

impl LayoutSource {
    /// The image that `oci:DIR[:tag]` names; nothing is read yet.
    #[must_use]
    pub fn new(root: &Path, tag: Option<&str>) -> Self {
        let suffix = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        Self { root: root.to_owned(), name: format!("oci:{}{suffix}", root.display()), pick: Pick::of(tag) }
    }

    /// The image named `tag` if the layout has one, else the only image in it.
    #[must_use]
    pub fn named_or_only(root: &Path, tag: &str) -> Self {
        Self { pick: Pick::NameOrOnly(tag.to_owned()), ..Self::new(root, None) }
    }

    /// The blob's file, which is a regular file and stays one while it is opened.
    fn blob(&self, descriptor: &Descriptor) -> Result<fs::File, Error> {
        let path = blob_path(&self.root, &descriptor.digest);
        let absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let before = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(error) if absent(&error) => {
                return Err(Error::NotFound {
                    what: descriptor.digest.to_string(),
                    place: self.name.clone(),
                });
            }
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let refused = || Error::Broken {
            place: self.name.clone(),
            problem: format!("blob `{}` is not a regular file", descriptor.digest),
        };
        // A symlink leads anywhere, a FIFO blocks for ever (apko#2306).
        if !before.is_file() {
            return Err(refused());
        }
        let file = fs::File::open(&path).map_err(failed("read", &path))?;
        let after = file.metadata().map_err(failed("read", &path))?;
        if (before.dev(), before.ino()) != (after.dev(), after.ino()) {
            return Err(refused());
        }
        Ok(file)
    }
}

impl Source for LayoutSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<(Vec<u8>, String), Error> {
        let path = self.root.join("index.json");
        if !path.exists() {
            return Err(Error::NotFound { what: "index.json".to_owned(), place: self.name.clone() });
        }
        let bytes = bounded(&mut fs::File::open(&path).map_err(failed("read", &path))?, &self.name)
            .map_err(failed("read", &path))??;
        let place = format!("oci:{}", self.root.display());
        let listing = Listing::parse(&bytes, &place)?;
        listing.root(&self.pick, &place, &|descriptor| {
            let path = blob_path(&self.root, &descriptor.digest);
            bounded(&mut self.blob(descriptor)?, &self.name).map_err(failed("read", &path))?
        })
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
        let mut file = self.blob(descriptor)?;
        let path = blob_path(&self.root, &descriptor.digest);
        file.seek(SeekFrom::Start(offset)).map_err(failed("read", &path))?;
        Ok(Box::new(file))
    }

    fn document(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let path = blob_path(&self.root, digest);
        let mut file = self.blob(&Descriptor::new("", *digest, 0))?;
        let bytes = bounded(&mut file, &self.name).map_err(failed("read", &path))??;
        let actual = Digest::of(&bytes);
        if actual == *digest {
            return Ok(bytes);
        }
        let problem = format!("a document `{actual}` instead of `{digest}`");
        Err(Error::Broken { place: self.name.clone(), problem })
    }
}

/// Reads a document that may be hostile: never more than [`MAX_DOCUMENT`] (T25).
pub(super) fn bounded(reader: &mut dyn Read, place: &str) -> io::Result<Result<Vec<u8>, Error>> {
    let mut bytes = Vec::new();
    reader.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Ok(Err(Error::Broken {
            place: place.to_owned(),
            problem: format!("a document larger than {MAX_DOCUMENT} bytes"),
        }));
    }
    Ok(Ok(bytes))
}

fn blob_path(root: &Path, digest: &Digest) -> PathBuf {
    root.join("blobs/sha256").join(digest.hex())
}

/// Turns an I/O error into one that names the path and what was tried.
pub(super) fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_path_says_which_image() {
        let digest = Digest::of(b"x");
        for (tag, want) in [
            (None, Pick::Only),
            (Some("v1"), Pick::Name("v1".into())),
            (Some("@2"), Pick::Position(2)),
            (Some(&*format!("@{digest}")), Pick::Digest(digest)),
            (Some("@x"), Pick::Name("@x".into())),
        ] {
            assert_eq!(Pick::of(tag), want);
        }
    }
}
