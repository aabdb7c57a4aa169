//! A place in a registry to put an image: what is there stays, what can be mounted is, the rest is sent, the name last.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::media_type;
use crate::oci::reference::RegistryReference;
use crate::progress::Progress;
use crate::store;
use crate::transport::Early;
use crate::transport::Fate;
use crate::transport::Outgoing;
use crate::transport::Receipt;
use crate::transport::Sink;
use crate::transport::Source;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::early::Slot;
use crate::transport::registry::engine::Engine;
use crate::transport::registry::presence;
use crate::transport::registry::presence::Mounted;
use crate::transport::registry::pull::RegistrySource;
use crate::transport::registry::upload::Upload;
use crate::transport::registry::wire::Request;

/// A name in a registry that an image will have.
#[derive(Debug, Clone)]
pub struct RegistrySink {
    pub(super) engine: Arc<Engine>,
    pub(super) reference: RegistryReference,
    /// The blob that is sent while it is made.
    pub(super) early: Slot,
}

impl Sink for RegistrySink {
    fn name(&self) -> String {
        self.reference.to_string()
    }

    /// A layer that must not be distributed counts as [`Fate::Present`]: nothing is ever done with it.
    fn plan(&self, outgoing: &Outgoing<'_>) -> Result<Vec<(Descriptor, Fate)>, Error> {
        let scope = Scope::pull(&self.reference.repository);
        let fates = self.each(outgoing, |blob| {
            let present = self.is_present(&scope, blob.descriptor)?;
            Ok(match &blob.mount_from {
                _ if present => Fate::Present,
                Some(_) => Fate::Mount,
                None => Fate::Upload,
            })
        })?;
        Ok(in_order(outgoing, &fates))
    }

    fn publish(&self, outgoing: &Outgoing<'_>, progress: &dyn Progress) -> Result<Receipt, Error> {
        let fates = self.each(outgoing, |blob| self.put_blob(outgoing, blob, progress))?;
        let manifest = &outgoing.image.manifest;
        self.put_manifest(manifest.bytes.clone(), &manifest.media_type)?;
        Ok(Receipt { name: self.name(), digest: manifest.digest(), blobs: in_order(outgoing, &fates) })
    }

    fn standing(&self, manifest: Option<&Digest>) -> Option<Box<dyn Source>> {
        let reference = match manifest {
            Some(digest) => self.reference.pinned(*digest),
            None => self.reference.clone(),
        };
        Some(Box::new(RegistrySource { engine: Arc::clone(&self.engine), reference }))
    }

    fn early(&self, progress: &dyn Progress) -> Option<Box<dyn Early>> {
        let task = progress.begin("push the new layer", None);
        self.early.open(&self.engine, &self.reference, self.push_scope(None), task).ok()
    }
}

/// One blob that has to be at the registry before the manifest may name it.
struct Blob<'a> {
    descriptor: &'a Descriptor,
    /// The repository of the same registry that has it.
    mount_from: Option<String>,
}

impl RegistrySink {
    /// Each blob once, however often the manifest names it, without those that must not be distributed.
    fn blobs<'a>(&self, outgoing: &Outgoing<'a>) -> Vec<Blob<'a>> {
        let manifest = &outgoing.image.manifest;
        let of_base = self.repository_of(outgoing.origin);
        let mut seen = BTreeMap::new();
        let mut blobs = Vec::new();
        for (index, descriptor) in manifest.layers.iter().chain([&manifest.config]).enumerate() {
            let repeated = seen.insert(descriptor.digest, ()).is_some();
            if repeated || media_type::is_foreign(&descriptor.media_type) {
                continue;
            }
            let mount_from = match outgoing.others.get(&descriptor.digest) {
                Some(other) => self.repository_of(*other),
                None => of_base.clone().filter(|_| index < outgoing.base_layers),
            };
            blobs.push(Blob { descriptor, mount_from });
        }
        blobs
    }

    /// The other repository of this registry that the image is in.
    fn repository_of(&self, image: &dyn Source) -> Option<String> {
        let (host, repository) = image.mount_point()?;
        (host == self.reference.host && repository != self.reference.repository).then_some(repository)
    }

    /// Does `work` with each blob, several at once. After an error no further blob is begun.
    fn each<'a>(
        &self,
        outgoing: &Outgoing<'a>,
        work: impl Fn(&Blob<'a>) -> Result<Fate, Error> + Sync,
    ) -> Result<BTreeMap<Digest, Fate>, Error> {
        let blobs = self.blobs(outgoing);
        let queue = Mutex::new(blobs.iter());
        let done = Mutex::new(BTreeMap::new());
        let failed = Mutex::new(None);
        let worker = || {
            loop {
                let stop = failed.lock().unwrap_or_else(PoisonError::into_inner).is_some();
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let (false, Some(blob)) = (stop, next) else { return };
                match work(blob) {
                    Ok(fate) => {
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        done.insert(blob.descriptor.digest, fate);
                    }
                    Err(error) => {
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        failed.get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.engine.options().parallel.clamp(1, blobs.len().max(1)) {
                scope.spawn(worker);
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn is_present(&self, scope: &Scope, descriptor: &Descriptor) -> Result<bool, Error> {
        let (client, host) = (self.engine.client(), self.reference.host.clone());
        let (scope, descriptor) = (scope.clone(), descriptor.clone());
        self.engine.run(async move {
            let endpoint = client.endpoint(&host).await?;
            presence::check(&client, &endpoint, &scope, &descriptor).await
        })
    }

    fn put_blob(
        &self,
        outgoing: &Outgoing<'_>,
        blob: &Blob<'_>,
        progress: &dyn Progress,
    ) -> Result<Fate, Error> {
        if self.early.commit(blob.descriptor) {
            return Ok(Fate::Upload);
        }
        let scope = self.push_scope(None);
        if self.is_present(&scope, blob.descriptor)? {
            return Ok(Fate::Present);
        }
        let mounted = match &blob.mount_from {
            Some(from) => self.mount(from, blob.descriptor)?,
            None => Mounted::No,
        };
        let session = match mounted {
            Mounted::Yes => return Ok(Fate::Mount),
            Mounted::Opened(url) => Some(url),
            Mounted::No => None,
        };
        let task =
            progress.begin(&format!("push {}", blob.descriptor.digest.short()), Some(blob.descriptor.size));
        let open = |offset| open(outgoing, blob.descriptor, offset);
        let upload = Upload::new(&self.engine, &self.reference, scope, blob.descriptor)?;
        match upload.run(session, &open, &*task) {
            Ok(()) => Ok(Fate::Upload),
            Err(error) => {
                if let Error::Store { source: store::Error::Digest { expected, .. }, .. } = &error {
                    // Damaged where it is kept: the next run must fetch or make it anew (T28).
                    let _ = outgoing.store.remove(expected);
                }
                Err(error)
            }
        }
    }

    fn mount(&self, from: &str, descriptor: &Descriptor) -> Result<Mounted, Error> {
        let (client, host) = (self.engine.client(), self.reference.host.clone());
        let (scope, digest) = (self.push_scope(Some(from)), descriptor.digest);
        self.engine.run(async move {
            let endpoint = client.endpoint(&host).await?;
            presence::mount(&client, &endpoint, &scope, digest).await
        })
    }

    fn push_scope(&self, from: Option<&str>) -> Scope {
        Scope { repository: self.reference.repository.clone(), push: true, from: from.map(str::to_owned) }
    }

    /// Puts the manifest under its name. Until this is done, nothing leads to the image.
    fn put_manifest(&self, bytes: Vec<u8>, media_type: &str) -> Result<(), Error> {
        let (client, reference) = (self.engine.client(), self.reference.clone());
        let (scope, media_type) = (self.push_scope(None), media_type.to_owned());
        self.engine.run(async move {
            let endpoint = client.endpoint(&reference.host).await?;
            let name = reference.tag.clone().unwrap_or_else(|| reference.version());
            let url = endpoint.url(&format!("{}/manifests/{name}", reference.repository));
            let digest = Digest::of(&bytes);
            let request =
                Request::new(Method::PUT, url).header(CONTENT_TYPE, &media_type).body(Bytes::from(bytes));
            let response = client.send(&endpoint, &scope, &request).await?;
            if !response.status().is_success() {
                let what = reference.to_string();
                return Err(client.refusal(&endpoint, &scope, response, &what).await);
            }
            presence::same_digest(&endpoint, response.headers(), digest)
        })
    }
}

/// The fates in the order of the manifest, the configuration last.
fn in_order(outgoing: &Outgoing<'_>, fates: &BTreeMap<Digest, Fate>) -> Vec<(Descriptor, Fate)> {
    let manifest = &outgoing.image.manifest;
    let all = manifest.layers.iter().chain([&manifest.config]);
    all.map(|blob| (blob.clone(), fates.get(&blob.digest).copied().unwrap_or(Fate::Present))).collect()
}

/// The bytes of a blob from `offset` on: from the store, else straight from the image that has it.
fn open(
    outgoing: &Outgoing<'_>,
    descriptor: &Descriptor,
    offset: u64,
) -> Result<Box<dyn Read + Send>, Error> {
    if !outgoing.store.contains(&descriptor.digest, descriptor.size) {
        return outgoing.owner(&descriptor.digest).open(descriptor, offset);
    }
    // Not the store's own hashing reader: an upload may have to go back, and hashes what passes itself.
    let failed =
        |source| Error::Store { what: descriptor.digest.to_string(), place: "the store".to_owned(), source };
    let mut file = outgoing.store.file(&descriptor.digest).map_err(failed)?;
    file.seek(SeekFrom::Start(offset)).map_err(|source| Error::Io {
        action: "read",
        path: outgoing.store.blob_path(&descriptor.digest),
        source,
    })?;
    Ok(Box::new(file))
}
