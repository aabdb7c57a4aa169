//! The runtime behind the synchronous face. Private: nobody else's runtime is ever entered or left.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::runtime::Runtime;

use crate::transport::error::Error;
use crate::transport::registry::client::Client;
use crate::transport::registry::options::RegistryOptions;

/// A small runtime and the client that runs on it.
#[derive(Debug)]
pub(super) struct Engine {
    runtime: Option<Runtime>,
    handle: Handle,
    client: Arc<Client>,
}

impl Engine {
    pub(super) fn new(options: RegistryOptions) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("registry")
            .enable_all()
            .build()
            .map_err(|source| Error::Unreachable {
                place: "the network".to_owned(),
                source: Box::new(source),
            })?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            client: Arc::new(Client::new(options)?),
        })
    }

    pub(super) fn client(&self) -> Arc<Client> {
        self.client.clone()
    }

    pub(super) fn options(&self) -> &RegistryOptions {
        &self.client.options
    }

    /// Starts work whose result is waited for later, if at all.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> mpsc::Receiver<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            // Nobody may be left to hear it.
            let _ = sender.send(work.await);
        });
        receiver
    }

    /// Waits at most `patience`. Only for threads of our own: it enters the runtime.
    pub(super) fn wait<T>(&self, patience: Duration, work: impl Future<Output = T>) -> Option<T> {
        self.handle.block_on(async { tokio::time::timeout(patience, work).await.ok() })
    }

    /// Starts work that nobody waits for.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }

    /// Waits for work. It may be called from any thread, another runtime's too: the thread simply blocks.
    ///
    /// # Errors
    /// Those of the work, and [`Error::Unreachable`] when it ended without a result.
    pub(super) fn run<T, W>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.begin(work).recv().unwrap_or_else(|_| {
            Err(Error::Unreachable {
                place: "the network".to_owned(),
                source: "the request ended without a result".into(),
            })
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A runtime that is dropped inside another one's task would panic; this never waits.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
