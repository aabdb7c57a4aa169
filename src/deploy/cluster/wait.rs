//! Waiting for what the operator says, as it says it: nothing is asked again and again.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use kube::Api;
use kube::api::DynamicObject;
use kube::runtime::watcher;
use kube::runtime::watcher::watch_object;
use tokio::time::timeout;

use super::Cluster;
use super::Error;
use super::Status;
use super::called;
use crate::deploy::manifest::GRAPH;

/// Longest pause before a watch that broke is begun again.
const PAUSE: Duration = Duration::from_secs(2);

impl Cluster {
    /// Waits until a deployment is ready, and gives how it is then. `version` is what it was applied as; `tell`
    /// is called with every change.
    ///
    /// # Errors
    /// When it fails, is taken away, or is not ready in time.
    pub fn wait(
        &self,
        version: &str,
        name: &str,
        namespace: &str,
        limit: Duration,
        tell: &mut dyn FnMut(&Status),
    ) -> Result<Status, Error> {
        let what = called(GRAPH, name);
        let api = self.objects(version, GRAPH, namespace);
        let mut last = "nothing was told of it".to_owned();
        let mut look = |object: Option<&DynamicObject>| {
            let missing = || Error::NotThere { what: what.clone(), namespace: namespace.to_owned() };
            let status = Status::of(object.ok_or_else(missing)?, version);
            let line = status.line();
            if line != last {
                tell(&status);
                last = line;
            }
            if status.state.as_deref() == Some("failed") {
                return Err(Error::Failed { what: what.clone(), reason: last.clone() });
            }
            Ok(status.ready.then_some(status))
        };
        let found = self.runtime.block_on(in_time(limit, watch(api, name, &what, &mut look)));
        let seconds = limit.as_secs();
        found.unwrap_or_else(|| Err(Error::Late { what: what.clone(), wanted: "ready", seconds, last }))
    }
}

/// What comes out in time.
pub(super) async fn in_time<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    timeout(limit, work).await.ok()
}

/// Hands every state of an object to `look`, from the one that it is in now, until that gives something.
pub(super) async fn watch<T>(
    api: Api<DynamicObject>,
    name: &str,
    what: &str,
    look: &mut impl FnMut(Option<&DynamicObject>) -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let mut states = pin!(watch_object(api, name));
    loop {
        match states.next().await {
            Some(Ok(object)) => {
                if let Some(found) = look(object.as_ref())? {
                    return Ok(found);
                }
            }
            Some(Err(
                watcher::Error::InitialListFailed(error @ kube::Error::Api(_))
                | watcher::Error::WatchStartFailed(error @ kube::Error::Api(_)),
            )) => return Err(Error::of(what, error)),
            // A connection that broke is made again; the caller's limit ends this.
            Some(Err(_)) | None => tokio::time::sleep(PAUSE).await,
        }
    }
}
