//! What the containers of a deployment print.

use futures_util::AsyncReadExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio::sync::mpsc;

use super::Cluster;
use super::Error;
use super::POD_LABEL;
use super::called;
use crate::deploy::manifest::GRAPH;

/// Longest line that is handed on in one piece, in bytes.
const LONGEST: usize = 64 << 10;
/// Lines that wait to be taken, of all pods together.
const WAITING: usize = 256;

/// Which lines.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of pods whose name contains this; `None`: of all.
    pub part: Option<String>,
    /// Only so many of the last lines of each pod.
    pub tail: Option<i64>,
    /// Go on with what is printed from now on.
    pub follow: bool,
    /// Of the container before this one, which ended.
    pub previous: bool,
}

impl Cluster {
    /// Hands on every line with the name of its pod, those of one pod in their order, until all pods have ended or
    /// `take` gives `false`. Gives how many pods there were.
    ///
    /// # Errors
    /// When there is no pod, or the cluster does not give its lines.
    pub fn logs(
        &self,
        name: &str,
        wanted: &Wanted,
        take: &mut dyn FnMut(&str, &str) -> bool,
    ) -> Result<usize, Error> {
        self.runtime.block_on(async {
            let pods = self.pods(name).await?;
            let pods: Vec<(String, String)> = pods.iter().filter_map(main).collect();
            let part = wanted.part.as_deref().unwrap_or_default();
            let chosen: Vec<_> = pods.into_iter().filter(|(pod, _)| pod.contains(part)).collect();
            if chosen.is_empty() {
                let what = format!("pod of {} (label `{POD_LABEL}`)", called(GRAPH, name));
                return Err(Error::NotThere { what, namespace: self.namespace(None).to_owned() });
            }
            let (send, mut receive) = mpsc::channel(WAITING);
            for (pod, container) in &chosen {
                let api: Api<Pod> = Api::namespaced(self.client.clone(), self.namespace(None));
                let params = LogParams {
                    container: Some(container.clone()),
                    follow: wanted.follow,
                    previous: wanted.previous,
                    tail_lines: wanted.tail,
                    ..LogParams::default()
                };
                tokio::spawn(pump(api, pod.clone(), params, send.clone()));
            }
            drop(send);
            while let Some(line) = receive.recv().await {
                let (pod, line) = line?;
                if !take(&pod, &line) {
                    break;
                }
            }
            Ok(chosen.len())
        })
    }
}

/// A pod and its main container, else its first.
fn main(pod: &Pod) -> Option<(String, String)> {
    let containers = &pod.spec.as_ref()?.containers;
    let one = containers.iter().find(|one| one.name == "main").or_else(|| containers.first())?;
    Some((pod.metadata.name.clone()?, one.name.clone()))
}

type Line = Result<(String, String), Error>;

async fn pump(api: Api<Pod>, pod: String, params: LogParams, send: mpsc::Sender<Line>) {
    let what = called("pod", &pod);
    let mut stream = match api.log_stream(&pod, &params).await {
        Ok(stream) => Box::pin(stream),
        Err(error) => return drop(send.send(Err(Error::of(&what, error))).await),
    };
    let (mut rest, mut chunk) = (Vec::new(), vec![0; 8 << 10]);
    while let Ok(count) = stream.read(&mut chunk).await {
        if count == 0 {
            break;
        }
        rest.extend_from_slice(&chunk[..count]);
        while let Some(end) =
            rest.iter().position(|byte| *byte == b'\n').or((rest.len() > LONGEST).then_some(LONGEST))
        {
            let line = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest.drain(..end + usize::from(rest[end] == b'\n'));
            if send.send(Ok((pod.clone(), line))).await.is_err() {
                return;
            }
        }
    }
    if !rest.is_empty() {
        let line = String::from_utf8_lossy(&rest).into_owned();
        drop(send.send(Ok((pod, line))).await);
    }
}
