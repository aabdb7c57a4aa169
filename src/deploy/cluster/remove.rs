//! Taking a deployment away, and waiting until it is gone.

use std::time::Duration;

use kube::api::DeleteParams;

use super::Cluster;
use super::Error;
use super::MANAGER;
use super::called;
use super::wait::in_time;
use super::wait::watch;
use crate::deploy::manifest::GRAPH;

impl Cluster {
    /// Takes away the deployment and the ConfigMap that was applied with it, in this order, and waits until they and
    /// all that belongs to them are gone. Gives what there was; what is not there is no error.
    ///
    /// # Errors
    /// When the cluster refuses, or something is still there after `limit`: then with what it waits for.
    pub fn remove(
        &self,
        name: &str,
        limit: Duration,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Vec<String>, Error> {
        let version = self.runtime.block_on(self.version())?;
        let mut gone = Vec::new();
        for (version, kind, name) in
            [(version, GRAPH, name.to_owned()), ("v1", "ConfigMap", format!("{name}-engine"))]
        {
            if self.remove_one(version, kind, &name, limit, tell)? {
                gone.push(called(kind, &name));
            }
        }
        Ok(gone)
    }

    fn remove_one(
        &self,
        version: &str,
        kind: &str,
        name: &str,
        limit: Duration,
        tell: &mut dyn FnMut(&str),
    ) -> Result<bool, Error> {
        let what = called(kind, name);
        let api = self.objects(version, kind, self.namespace(None));
        let mut last = "nothing was told of it".to_owned();
        let work = async {
            let found = api.get_opt(name).await.map_err(|error| Error::of(&what, error))?;
            // A ConfigMap of this name that somebody else made stays.
            let label = |key: &str| found.as_ref()?.metadata.labels.as_ref()?.get(key).cloned();
            let ours = label("app.kubernetes.io/managed-by").is_some_and(|by| by == MANAGER);
            if found.is_none() || (kind != GRAPH && !ours) {
                return Ok(false);
            }
            tell(&what);
            api.delete(name, &DeleteParams::foreground()).await.map_err(|error| Error::of(&what, error))?;
            let uid = found.and_then(|object| object.metadata.uid);
            let mut look = |object: Option<&kube::api::DynamicObject>| {
                let still = object.filter(|object| object.metadata.uid == uid);
                if let Some(object) = still {
                    let held = object.metadata.finalizers.clone().unwrap_or_default();
                    last = format!("it waits for {}", held.join(", "));
                }
                Ok(still.is_none().then_some(true))
            };
            watch(api.clone(), name, &what, &mut look).await
        };
        let done = self.runtime.block_on(in_time(limit, work));
        let seconds = limit.as_secs();
        done.unwrap_or_else(|| Err(Error::Late { what: what.clone(), wanted: "gone", seconds, last }))
    }
}
