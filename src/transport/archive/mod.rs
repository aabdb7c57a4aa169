//! Images in one tar file: a tar of an OCI layout, and what `docker save` writes.
//!
//! Reading keeps the offsets of the members and nothing else; no archive is ever unpacked.

pub(super) mod bundle;
mod docker;
mod members;
pub mod name;
pub mod sink;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::transport::Source;
use crate::transport::archive::members::Members;
use crate::transport::error::Error;
use crate::transport::layout::Pick;
use crate::transport::layout::listing::Listing;

pub use name::ArchiveName;
pub use sink::ArchiveSink;

/// An image in an archive.
#[derive(Debug)]
pub struct ArchiveSource {
    name: String,
    members: Members,
    root: (Vec<u8>, String),
    /// Blobs that are not under `blobs/sha256/`.
    elsewhere: BTreeMap<Digest, String>,
}

impl ArchiveSource {
    /// Opens `oci-archive:FILE[:tag]`. A compressed archive (gzip, zstd) or one that cannot be sought in is
    /// first written out to a nameless file in `scratch`, which goes when this value does.
    ///
    /// # Errors
    /// When the file is no tar of a layout, is cut short, or does not hold the image.
    pub fn open_oci(path: &Path, pick: &Pick, scratch: &Path) -> Result<Self, Error> {
        let name = format!("oci-archive:{}", path.display());
        let members = Members::open(path, &name, scratch)?;
        let listing = Listing::parse(&members.document("index.json")?, &name)?;
        let root =
            listing.root(pick, &name, &|descriptor| members.document(&blob_name(&descriptor.digest)))?;
        Ok(Self { name: labelled(name, pick), members, root, elsewhere: BTreeMap::new() })
    }

    /// Opens `docker-archive:FILE[:name]`, as `docker save` of any age or imgforge wrote it; see
    /// [`ArchiveSource::open_oci`] for `scratch`.
    ///
    /// Where the archive is a layout as well, its own manifest is the image's. Where it is not, a manifest is
    /// made of the configuration and the layers as they are: the same archive always gives the same one.
    ///
    /// # Errors
    /// When the file is no such archive, is cut short, or does not hold the image.
    pub fn open_docker(path: &Path, pick: &Pick, scratch: &Path) -> Result<Self, Error> {
        let name = format!("docker-archive:{}", path.display());
        let members = Members::open(path, &name, scratch)?;
        Self::of_docker(members, labelled(name, pick), pick)
    }

    /// The only image in what a Docker engine has exported to `file`; `name` is what it is called.
    pub(super) fn of_export(file: fs::File, name: String) -> Result<Self, Error> {
        let members = Members::scan(file, Path::new("export"), &name)?;
        Self::of_docker(members, name, &Pick::Only)
    }

    fn of_docker(members: Members, name: String, pick: &Pick) -> Result<Self, Error> {
        let found = docker::image(&members, &name, pick)?;
        Ok(Self { name, members, root: found.root, elsewhere: found.elsewhere })
    }
}

impl Source for ArchiveSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<(Vec<u8>, String), Error> {
        Ok(self.root.clone())
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
        let reader = match self.elsewhere.get(&descriptor.digest) {
            Some(member) => self.members.open_following(member, offset)?,
            None => self.members.open_file(&blob_name(&descriptor.digest), offset)?,
        };
        Ok(Box::new(reader))
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn labelled(name: String, pick: &Pick) -> String {
    match pick {
        Pick::Name(tag) => format!("{name}:{tag}"),
        Pick::Position(position) => format!("{name}:@{position}"),
        Pick::Digest(digest) => format!("{name}:@{digest}"),
        Pick::Only | Pick::NameOrOnly(_) => name,
    }
}
