//! One tar that is an OCI layout and a `docker save` at once: skopeo, containerd and Docker since 20.10 read it.
//!
//! The bytes depend on the image, its name and the layers left out, on nothing else.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde_json::json;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::progress::Progress;
use crate::progress::Silent;
use crate::progress::Task;
use crate::transport::Outgoing;
use crate::transport::archive::ArchiveName;
use crate::transport::archive::blob_name;
use crate::transport::blob;
use crate::transport::error::Error;
use crate::transport::layout::listing::Listing;
use crate::transport::layout::sink::LAYOUT_FILE;

const BLOCK: u64 = 512;

/// What goes into an archive.
pub(in crate::transport) struct Bundle<'a> {
    /// The image and where its blobs are.
    pub(in crate::transport) outgoing: &'a Outgoing<'a>,
    /// What it is called.
    pub(in crate::transport) name: &'a ArchiveName,
    /// How many of the lowest layers stay out, because the reader has them.
    pub(in crate::transport) left_out: usize,
}

impl Bundle<'_> {
    /// The layers that are in, each blob once, and the configuration.
    pub(in crate::transport) fn blobs(&self) -> BTreeMap<Digest, Descriptor> {
        let manifest = &self.outgoing.image.manifest;
        let layers = manifest.layers.iter().skip(self.left_out);
        layers.chain([&manifest.config]).map(|descriptor| (descriptor.digest, descriptor.clone())).collect()
    }

    /// Writes the tar, members sorted by name; `failed` names where `out` leads.
    pub(in crate::transport) fn write(
        &self,
        out: &mut dyn Write,
        failed: &dyn Fn(io::Error) -> Error,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        for directory in ["blobs/", "blobs/sha256/"] {
            out.write_all(&header(directory, 0)).map_err(failed)?;
        }
        let manifest = &self.outgoing.image.manifest;
        let mut blobs = self.blobs();
        blobs.insert(manifest.digest(), manifest.descriptor());
        for (digest, descriptor) in &blobs {
            let name = blob_name(digest);
            if *digest == manifest.digest() {
                member(out, &name, &manifest.bytes).map_err(failed)?;
                continue;
            }
            out.write_all(&header(&name, descriptor.size)).map_err(failed)?;
            let task: Box<dyn Task> = if *digest == manifest.config.digest {
                Box::new(Silent)
            } else {
                progress.begin(&format!("write {}", digest.short()), Some(descriptor.size))
            };
            blob::copy(self.outgoing, descriptor, out, failed, &*task)?;
            pad(out, descriptor.size).map_err(failed)?;
        }
        let mut listing = Listing::empty();
        listing.put(manifest, &self.name.annotations());
        let end = |out: &mut dyn Write| -> io::Result<()> {
            member(out, "index.json", &listing.to_bytes())?;
            member(out, "manifest.json", &self.docker_manifest())?;
            member(out, "oci-layout", LAYOUT_FILE)?;
            out.write_all(&[0; 2 * BLOCK as usize])?;
            out.flush()
        };
        end(out).map_err(failed)
    }

    /// `manifest.json` (moby `image/tarexport`); it names all layers, also those left out.
    fn docker_manifest(&self) -> Vec<u8> {
        let manifest = &self.outgoing.image.manifest;
        let layers: Vec<String> = manifest.layers.iter().map(|d| blob_name(&d.digest)).collect();
        let tags: Vec<String> = self.name.familiar().into_iter().collect();
        let item = json!({
            "Config": blob_name(&manifest.config.digest),
            "RepoTags": tags,
            "Layers": layers,
        });
        json!([item]).to_string().into_bytes()
    }
}

fn member(out: &mut dyn Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    let size = bytes.len() as u64;
    out.write_all(&header(name, size))?;
    out.write_all(bytes)?;
    pad(out, size)
}

/// Fills the last block of a member of `size` bytes.
fn pad(out: &mut dyn Write, size: u64) -> io::Result<()> {
    let rest = (BLOCK - size % BLOCK) % BLOCK;
    out.write_all(&[0; BLOCK as usize][..rest as usize])
}

/// The header block of a member; a name that ends in `/` is a directory's. Every name here is well below
/// the 100 bytes that a header has room for.
fn header(name: &str, size: u64) -> [u8; 512] {
    let mut header = tar::Header::new_gnu();
    let directory = name.ends_with('/');
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(if directory { tar::EntryType::Directory } else { tar::EntryType::Regular });
    header.set_mode(if directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    *header.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_they_are_told() {
        let bytes = header("blobs/sha256/", 0);
        let parsed = tar::Header::from_byte_slice(&bytes);
        assert!(parsed.entry_type().is_dir());
        assert_eq!(parsed.mode().unwrap(), 0o755);
        // Beyond the 8 GiB that octal digits have room for.
        let bytes = header("x", 20 << 30);
        assert_eq!(tar::Header::from_byte_slice(&bytes).size().unwrap(), 20 << 30);
    }

    #[test]
    fn members_fill_whole_blocks() {
        for (size, want) in [(0, 512), (1, 1024), (512, 1024), (513, 1536)] {
            let mut out = Vec::new();
            member(&mut out, "x", &vec![1; size]).unwrap();
            assert_eq!(out.len(), want, "{size}");
        }
    }
}
