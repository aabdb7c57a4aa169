//! A blob on its way up while it is being made, before anybody knows its digest or length.
//!
//! One `PATCH` of no stated length, as Docker's own push sends what it compresses on the way; the digest is wanted only
//! by the `PUT` at the end. There is one attempt: whatever goes wrong ends it, and the blob goes up once more, as
//! [`Upload`] does it, when it is made. Who makes the blob waits for the connection, but not for what comes of giving up.
//!
//! [`Upload`]: crate::transport::registry::upload::Upload

use std::fmt;
use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future;
use futures_util::future::Either;
use reqwest::Method;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use crate::oci::Descriptor;
use crate::oci::reference::RegistryReference;
use crate::progress::Task;
use crate::transport::Early;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::engine::Engine;
use crate::transport::registry::piece::PIECE;
use crate::transport::registry::piece::Reply;
use crate::transport::registry::piece::Room;
use crate::transport::registry::piece::body;
use crate::transport::registry::piece::room;
use crate::transport::registry::session;
use crate::transport::registry::wire::Request;

/// How long the end of what was given up is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a registry has of a broken request it puts away before it is told to forget it: distribution would else make a
/// part of the upload anew, without the date by which it is cleared away (`blobwriter.go`, `purgeuploads.go`).
const SETTLE: Duration = Duration::from_millis(200);

/// The one blob of a sink that is under way.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Sending>>>);

/// The upload.
struct Sending {
    engine: Arc<Engine>,
    endpoint: Arc<Endpoint>,
    scope: Scope,
    url: Url,
    /// Begun with the first bytes: a request that waits for its body may be ended by who is in between.
    request: Option<Running>,
    buffer: Vec<u8>,
    /// How many bytes were handed over.
    length: u64,
    task: Box<dyn Task>,
    /// What it has turned out to be.
    blob: Option<Descriptor>,
}

/// The request that takes the bytes.
struct Running {
    /// `None`: the body has ended.
    sender: Option<Sender<io::Result<Bytes>>>,
    answer: mpsc::Receiver<Reply>,
    /// Dropped, it ends the request where it stands.
    stop: oneshot::Sender<()>,
}

/// The end that the maker has. Dropped, it gives up what was not committed.
struct Near {
    slot: Slot,
    leaving: Option<mpsc::Receiver<()>>,
}

impl Slot {
    /// Opens an upload. The slot must be free.
    ///
    /// # Errors
    /// The registry opens none.
    pub(super) fn open(
        &self,
        engine: &Arc<Engine>,
        reference: &RegistryReference,
        scope: Scope,
        task: Box<dyn Task>,
    ) -> Result<Box<dyn Early>, Error> {
        let (client, host, inner) = (engine.client(), reference.host.clone(), scope.clone());
        let (endpoint, opened) = engine.run(async move {
            let endpoint = client.endpoint(&host).await?;
            let opened = session::open(&client, &endpoint, &inner).await?;
            Ok((endpoint, opened))
        })?;
        let (engine, buffer) = (Arc::clone(engine), Vec::with_capacity(PIECE));
        let url = opened.url;
        let sending =
            Sending { engine, endpoint, scope, url, request: None, buffer, length: 0, task, blob: None };
        *self.sending() = Some(sending);
        Ok(Box::new(Near { slot: self.clone(), leaving: None }))
    }

    /// Commits the upload if it is of `blob` and the registry has all of it. Else it is given up.
    pub(super) fn commit(&self, blob: &Descriptor) -> bool {
        let sending = self.sending().take_if(|sending| sending.blob.as_ref() == Some(blob));
        sending.is_some_and(|sending| sending.commit(blob))
    }

    fn sending(&self) -> MutexGuard<'_, Option<Sending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Slot")
    }
}

impl Near {
    /// Does something with the upload, which is given up when that fails.
    fn with(&mut self, act: impl FnOnce(&mut Sending) -> bool) {
        let failed = self.slot.sending().as_mut().is_some_and(|sending| !act(sending));
        if failed {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        let sending = self.slot.sending().take();
        if let Some(sending) = sending {
            self.leaving = Some(sending.cancel());
        }
    }
}

impl Write for Near {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|sending| sending.take(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Early for Near {
    fn is(&mut self, blob: &Descriptor) {
        self.with(|sending| sending.end(blob));
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.give_up();
        if let Some(leaving) = self.leaving.take() {
            // A registry that cannot be told in this time may forget stray uploads by itself.
            let _ = leaving.recv_timeout(PATIENCE);
        }
    }
}

impl Sending {
    fn begin(&self) -> Running {
        let (sender, body) = body(&self.engine);
        let request =
            Request::new(Method::PATCH, self.url.clone()).header(CONTENT_TYPE, "application/octet-stream");
        let (client, endpoint, scope) =
            (self.engine.client(), Arc::clone(&self.endpoint), self.scope.clone());
        let (stop, stopped) = oneshot::channel();
        let answer = self.engine.begin(async move {
            let body = (&request, body);
            let exchange = Box::pin(Reply::to(&client, &endpoint, &scope, body, &scope.repository));
            match future::select(exchange, stopped).await {
                Either::Left((reply, _)) => reply,
                Either::Right(_) => Reply::Lost("it was given up".into()),
            }
        });
        Running { sender: Some(sender), answer, stop }
    }

    /// Takes bytes, waiting while the connection is full. Whether it can go on.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let count = bytes.len().min(PIECE - self.buffer.len());
            self.buffer.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            if self.buffer.len() == PIECE && !self.push() {
                return false;
            }
        }
        true
    }

    fn push(&mut self) -> bool {
        let request = match self.request.take() {
            Some(request) => request,
            None => self.begin(),
        };
        let request = self.request.insert(request);
        let Some(sender) = &request.sender else { return false };
        if self.buffer.is_empty() {
            return true;
        }
        let Room::Free(permit) = room(&self.engine, sender, &request.answer) else { return false };
        let bytes = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.length += bytes.len() as u64;
        self.task.advance(bytes.len() as u64);
        permit.send(Ok(Bytes::from(bytes)));
        true
    }

    /// Ends the body, which is this blob's.
    fn end(&mut self, blob: &Descriptor) -> bool {
        let whole = self.push() && self.length == blob.size;
        self.blob = Some(blob.clone());
        if let (true, Some(request)) = (whole, &mut self.request) {
            request.sender = None;
        }
        whole
    }

    /// Waits for the answer and names the blob.
    fn commit(self, blob: &Descriptor) -> bool {
        let reply = self.request.as_ref().map(|request| Reply::wait(&self.engine, &request.answer));
        let url = match reply {
            Some(Reply::Taken { location, held, .. }) if held.is_none_or(|held| held == self.length) => {
                location.unwrap_or_else(|| self.url.clone())
            }
            _ => {
                self.cancel();
                return false;
            }
        };
        let (client, endpoint, scope) =
            (self.engine.client(), Arc::clone(&self.endpoint), self.scope.clone());
        let blob = blob.clone();
        let committed = self
            .engine
            .run(async move { session::commit(&client, &endpoint, &scope, url, &blob).await })
            .is_ok();
        if !committed {
            self.cancel();
        }
        committed
    }

    /// Ends the request and then tells the registry that nothing comes of it; what it has was never named. Says when
    /// that is done.
    fn cancel(self) -> mpsc::Receiver<()> {
        let Self { engine, endpoint, scope, url, request, .. } = self;
        let client = engine.client();
        engine.begin(async move {
            if let Some(Running { sender, answer, stop }) = request {
                drop(stop);
                for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
                    if !matches!(answer.try_recv(), Err(TryRecvError::Empty)) {
                        break;
                    }
                    tokio::time::sleep(LOOK).await;
                }
                // Not before: it would end the body as if that were whole.
                drop(sender);
                tokio::time::sleep(SETTLE).await;
            }
            drop(session::cancel(&client, &endpoint, &scope, url).await);
        })
    }
}
