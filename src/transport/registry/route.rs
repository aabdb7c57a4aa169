//! Where the bytes of one blob really come from: the registry itself, or the storage host that it sends clients to.
//!
//! Registries before S3, Azure or a CDN answer each read of a blob with a redirect to a signed address. That address
//! serves every range of the blob until it runs out, so the registry need not be asked for each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use reqwest::Url;

use crate::oci::Digest;
use crate::transport::registry::download::Stream;
use crate::transport::registry::redirect;

/// How long an address is trusted. GHCR's lived about five minutes (stargz-snapshotter #167), S3's live longer.
const FRESH: Duration = Duration::from_secs(180);

/// The routes of all blobs that were asked for.
#[derive(Debug, Default)]
pub(super) struct Routes {
    known: Mutex<BTreeMap<(String, String, Digest), Arc<Route>>>,
}

/// What is known of one blob.
#[derive(Debug, Default)]
pub(super) struct Route {
    place: Mutex<Place>,
    /// Who holds it asks the registry; others wait for what it learns.
    turn: tokio::sync::Mutex<()>,
    /// An answer of a server that has no ranges, and where in the blob it is: the next range may lie ahead of it.
    parked: Mutex<Option<(u64, Stream)>>,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Unknown,
    Registry,
    Storage {
        url: Url,
        until: Instant,
    },
}

impl Routes {
    pub(super) fn of(&self, host: &str, repository: &str, digest: &Digest) -> Arc<Route> {
        let key = (host.to_owned(), repository.to_owned(), *digest);
        lock(&self.known).entry(key).or_default().clone()
    }
}

impl Route {
    /// The storage host's address, while it is fresh.
    pub(super) fn storage(&self) -> Option<Url> {
        match &*lock(&self.place) {
            Place::Storage { url, until } if Instant::now() < *until => Some(url.clone()),
            _ => None,
        }
    }

    /// Waits until nobody else is finding out where the blob is. No wait where the registry serves it itself.
    pub(super) async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if matches!(*lock(&self.place), Place::Registry) {
            return None;
        }
        Some(self.turn.lock().await)
    }

    /// The registry at `base` was asked and `url` gave the bytes.
    pub(super) fn learn(&self, base: &Url, url: &Url) {
        *lock(&self.place) = if redirect::same_origin(base, url) {
            Place::Registry
        } else {
            Place::Storage { url: url.clone(), until: Instant::now() + FRESH }
        };
    }

    /// The storage host no longer takes `url`. What was learnt meanwhile stays.
    pub(super) fn forget(&self, url: &Url) {
        let mut place = lock(&self.place);
        if matches!(&*place, Place::Storage { url: known, .. } if known == url) {
            *place = Place::Unknown;
        }
    }

    /// Keeps an answer that is at `position` of the blob and could go on.
    pub(super) fn park(&self, position: u64, stream: Stream) {
        *lock(&self.parked) = Some((position, stream));
    }

    /// The kept answer, if it has not passed `position` yet: it is to be skipped up to there.
    pub(super) fn unpark(&self, position: u64) -> Option<Stream> {
        let mut parked = lock(&self.parked);
        let (at, mut stream) = parked.take_if(|(at, _)| *at <= position)?;
        stream.skip = position - at;
        Some(stream)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_address_is_kept_until_it_is_old_or_refused() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let (base, first, second) =
            (url("https://r/v2/"), url("https://s3/x?sig=1"), url("https://s3/x?sig=2"));
        let route = Route::default();
        assert_eq!(route.storage(), None);
        route.learn(&base, &first);
        assert_eq!(route.storage(), Some(first.clone()));
        route.learn(&base, &second);
        route.forget(&first);
        assert_eq!(route.storage(), Some(second.clone()), "only the refused address is forgotten");
        route.forget(&second);
        assert_eq!(route.storage(), None);
        route.learn(&base, &url("https://r/elsewhere"));
        assert_eq!(route.storage(), None, "the registry itself needs its own Authorization each time");
        *lock(&route.place) = Place::Storage { url: first, until: Instant::now() };
        assert_eq!(route.storage(), None, "too old");
    }

    #[test]
    fn each_blob_of_each_repository_has_its_own() {
        let routes = Routes::default();
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let one = routes.of("h", "r", &a);
        assert!(Arc::ptr_eq(&one, &routes.of("h", "r", &a)));
        for other in [routes.of("h", "r", &b), routes.of("h", "s", &a), routes.of("i", "r", &a)] {
            assert!(!Arc::ptr_eq(&one, &other));
        }
    }
}
