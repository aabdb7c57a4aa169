//! Holding every file of a store against its own name or checksum.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::progress::Progress;
use crate::store::Error;
use crate::store::inventory::Item;
use crate::store::inventory::Kind;
use crate::store::keeper::Keeper;
use crate::store::leftovers;
use crate::store::notes;

/// A download that nobody went on with for so long is not worth its bytes.
const STALE: Duration = Duration::from_hours(7 * 24);

/// What a repair came to.
#[derive(Debug, Default)]
pub struct Repaired {
    /// The blobs and notes that were looked at.
    pub checked: Vec<Item>,
    /// What was removed, and why, by path.
    pub removed: Vec<(Item, String)>,
}

impl Keeper {
    /// Verifies every blob and every note, on so many `threads`; removes what is damaged, what killed runs left, and
    /// downloads that were not continued for a week or are complete by now.
    ///
    /// # Errors
    /// When the store cannot be looked through, or something cannot be removed.
    pub fn repair(&self, threads: usize, progress: &dyn Progress) -> Result<Repaired, Error> {
        let left = leftovers::sweep(&self.store)?;
        let items = self.store.inventory()?;
        let stale = items.iter().filter_map(|item| Some((item.clone(), self.is_stale(item)?)));
        let mut removed: Vec<(Item, String)> = stale.collect();
        let mut checked: Vec<Item> = items;
        checked.retain(|item| matches!(item.kind, Kind::Blobs | Kind::Notes(_)));
        removed.extend(self.damaged(&checked, threads, progress));
        for (item, _) in &removed {
            self.remove(item)?;
        }
        removed.extend(left.into_iter().map(|item| (item, "left by a run that was killed".to_owned())));
        removed.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        Ok(Repaired { checked, removed })
    }

    /// Why a cut download is of no use to anybody.
    fn is_stale(&self, item: &Item) -> Option<String> {
        if item.kind != Kind::Partial {
            return None;
        }
        let path = self.store.root.join(&item.path);
        // Held by its own lock too, as a process of a file system's other machine may not be seen by the store's.
        let held = fs::File::open(&path).is_ok_and(|file| file.try_lock().is_err());
        let since = self.store.now.duration_since(item.used).unwrap_or_default();
        match digest_of(&item.path) {
            _ if held => None,
            None => Some("no download: its name is no digest".to_owned()),
            Some(digest) if self.store.blob_path(&digest).exists() => {
                Some("the download was completed since".to_owned())
            }
            Some(_) if since > STALE => Some("nobody went on with the download for a week".to_owned()),
            Some(_) => None,
        }
    }

    /// The items that are not what they should be; the largest are begun first, so that no thread ends long after
    /// the others.
    fn damaged(&self, items: &[Item], threads: usize, progress: &dyn Progress) -> Vec<(Item, String)> {
        let mut order: Vec<&Item> = items.iter().collect();
        order.sort_by_key(|item| std::cmp::Reverse(item.bytes));
        let task = Mutex::new(progress.begin("verify the cache", Some(items.iter().map(|i| i.bytes).sum())));
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..threads.clamp(1, order.len().max(1)) {
                scope.spawn(|| {
                    while let Some(item) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Some(why) = wrong(&self.store.root.join(&item.path), &item.kind) {
                            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                            found.push(((*item).clone(), why));
                        }
                        task.lock().unwrap_or_else(PoisonError::into_inner).advance(item.bytes);
                    }
                });
            }
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The digest that a file is named by.
fn digest_of(path: &Path) -> Option<Digest> {
    format!("sha256:{}", path.file_name()?.to_str()?).parse().ok()
}

/// What is wrong with a blob or a note.
fn wrong(path: &Path, kind: &Kind) -> Option<String> {
    let read = || -> std::io::Result<Option<String>> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Ok(Some("damaged: no regular file".to_owned()));
        }
        let mut file = fs::File::open(path)?;
        if *kind != Kind::Blobs {
            let sound = notes::body(&mut file)?.is_some();
            return Ok((!sound).then(|| "damaged: its checksum does not fit".to_owned()));
        }
        let Some(digest) = digest_of(path) else {
            return Ok(Some("no blob: its name is no digest".to_owned()));
        };
        let mut hasher = Hasher::default();
        super::ingest::hash_file(&mut file, &mut hasher)?;
        let sound = hasher.digest() == digest;
        Ok((!sound).then(|| format!("damaged: its bytes are `{}`", hasher.digest())))
    };
    read().unwrap_or_else(|error| Some(format!("damaged: it cannot be read: {error}")))
}
