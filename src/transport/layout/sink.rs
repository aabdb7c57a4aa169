//! Writing an image into an OCI layout. Every file appears by rename, `index.json` last: a layout is
//! never seen half-written, and an interrupted write leaves only blobs that nothing lists.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::progress::Progress;
use crate::store::scratch::Scratch;
use crate::transport::Fate;
use crate::transport::Outgoing;
use crate::transport::Receipt;
use crate::transport::Sink;
use crate::transport::blob;
use crate::transport::error::Error;
use crate::transport::layout::blob_path;
use crate::transport::layout::bounded;
use crate::transport::layout::failed;
use crate::transport::layout::listing::Listing;
use crate::transport::layout::listing::REF_NAME;

/// What the file `oci-layout` holds (image-spec `image-layout.md`).
pub(in crate::transport) const LAYOUT_FILE: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A layout to write one image into; the images that are there stay, except one of the same tag.
///
/// The image goes in as it is, so its digest stays. An image of Docker's family of media types is legal there,
/// but skopeo 1.9 finds it only without a tag (`oci:DIR`) and umoci 0.4 not at all.
#[derive(Debug, Clone)]
pub struct LayoutSink {
    root: PathBuf,
    tag: Option<String>,
}

impl LayoutSink {
    /// The layout at `root`, made if need be; `tag` becomes the image's `org.opencontainers.image.ref.name`.
    #[must_use]
    pub fn new(root: &Path, tag: Option<&str>) -> Self {
        Self { root: root.to_owned(), tag: tag.map(str::to_owned) }
    }

    fn place(
        &self,
        outgoing: &Outgoing<'_>,
        descriptor: &Descriptor,
        task: &dyn Progress,
    ) -> Result<(), Error> {
        let path = blob_path(&self.root, &descriptor.digest);
        let scratch = temporary(&path);
        let store = outgoing.store;
        let task = task.begin(&format!("write {}", descriptor.digest.short()), Some(descriptor.size));
        blob::twice_if_damaged(&mut || {
            if store.contains(&descriptor.digest, descriptor.size) {
                // Verified first, then linked: no second copy of the bytes on one file system.
                blob::copy(outgoing, descriptor, &mut io::sink(), &failed("write", &path), &*task)?;
                drop(fs::remove_file(scratch.path()));
                if fs::hard_link(store.blob_path(&descriptor.digest), scratch.path()).is_ok() {
                    return Ok(());
                }
            }
            let unwritten = failed("write", scratch.path());
            let mut file = fs::File::create(scratch.path()).map_err(&unwritten)?;
            blob::copy(outgoing, descriptor, &mut file, &unwritten, &*task)?;
            settle(&file, 0o444).map_err(&unwritten)
        })?;
        fs::rename(scratch.path(), &path).map_err(failed("rename", scratch.path()))?;
        scratch.keep();
        Ok(())
    }

    fn list(&self, outgoing: &Outgoing<'_>) -> Result<(), Error> {
        let path = self.root.join("index.json");
        // Two writers of one layout would lose each other's entries.
        let directory = fs::File::open(&self.root).map_err(failed("open", &self.root))?;
        directory.lock().map_err(failed("lock", &self.root))?;
        let mut listing = match fs::File::open(&path) {
            Ok(mut file) => {
                let place = self.name();
                let bytes = bounded(&mut file, &place).map_err(failed("read", &path))??;
                Listing::parse(&bytes, &place)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Listing::empty(),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let mut names = BTreeMap::new();
        if let Some(tag) = &self.tag {
            names.insert(REF_NAME.to_owned(), tag.clone());
        }
        listing.put(&outgoing.image.manifest, &names);
        write_whole(&path, &listing.to_bytes())
    }
}

impl Sink for LayoutSink {
    fn name(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        format!("oci:{}{tag}", self.root.display())
    }

    fn plan(&self, outgoing: &Outgoing<'_>) -> Result<Vec<(Descriptor, Fate)>, Error> {
        let fate = |descriptor: &Descriptor| {
            let path = blob_path(&self.root, &descriptor.digest);
            match fs::symlink_metadata(path) {
                Ok(meta) if meta.is_file() && meta.len() == descriptor.size => Fate::Present,
                _ => Fate::Upload,
            }
        };
        Ok(blobs(outgoing).into_iter().map(|d| (d.clone(), fate(&d))).collect())
    }

    fn publish(&self, outgoing: &Outgoing<'_>, progress: &dyn Progress) -> Result<Receipt, Error> {
        let directory = self.root.join("blobs/sha256");
        fs::create_dir_all(&directory).map_err(failed("make directory", &directory))?;
        let mut fates = Vec::new();
        for descriptor in blobs(outgoing) {
            // A blob that is there is believed only after it was read: layouts rot, too (T28).
            let fate = if holds(&blob_path(&self.root, &descriptor.digest), &descriptor) {
                Fate::Present
            } else {
                self.place(outgoing, &descriptor, progress)?;
                Fate::Upload
            };
            fates.push((descriptor, fate));
        }
        let manifest = &outgoing.image.manifest;
        write_whole(&blob_path(&self.root, &manifest.digest()), &manifest.bytes)?;
        write_whole(&self.root.join("oci-layout"), LAYOUT_FILE)?;
        self.list(outgoing)?;
        Ok(Receipt { name: self.name(), digest: manifest.digest(), blobs: fates })
    }
}

/// Every blob of the image, layers first and the configuration last.
pub(in crate::transport) fn blobs(outgoing: &Outgoing<'_>) -> Vec<Descriptor> {
    let manifest = &outgoing.image.manifest;
    let layers = manifest.layers.iter().cloned();
    layers.chain([manifest.config.clone()]).collect()
}

/// Whether the regular file at `path` holds the bytes of `descriptor`.
fn holds(path: &Path, descriptor: &Descriptor) -> bool {
    let same = |meta: fs::Metadata| meta.is_file() && meta.len() == descriptor.size;
    fs::symlink_metadata(path).is_ok_and(same) && hash(path).is_ok_and(|digest| digest == descriptor.digest)
}

fn hash(path: &Path) -> io::Result<Digest> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.digest()),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// A path beside `path`, for this process alone, that goes when it is not renamed away.
pub(in crate::transport) fn temporary(path: &Path) -> Scratch {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!(".{}.{}-{number}.tmp", name.unwrap_or_default(), std::process::id());
    Scratch::new(path.with_file_name(name))
}

/// On disk before the rename: a crash may lose a file, never truncate one.
fn settle(file: &fs::File, mode: u32) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_data()
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let scratch = temporary(path);
    let write = || -> io::Result<()> {
        let mut file = fs::File::create(scratch.path())?;
        file.write_all(bytes)?;
        settle(&file, 0o644)
    };
    write().map_err(failed("write", path))?;
    fs::rename(scratch.path(), path).map_err(failed("rename", scratch.path()))?;
    scratch.keep();
    Ok(())
}
