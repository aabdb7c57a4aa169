//! A blob on its way up while it is being made, before anybody knows its digest or length.
//!
//! One `PATCH` of no stated length, as Docker's own push sends what it compresses on the way; the digest is wanted only
//! by the `PUT` at the end. There is one attempt: whatever goes wrong ends it, and the blob goes up once more, as
//! [`Upload`] does it, when it is made.
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

use bytes::Bytes;
use reqwest::Method;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::mpsc::Sender;

use crate::oci::Descriptor;
use crate::oci::reference::RegistryReference;
use crate::progress::Task;
use crate::transport::Early;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::engine::Engine;
use crate::transport::registry::piece::FOREVER;
use crate::transport::registry::piece::PIECE;
use crate::transport::registry::piece::Reply;
use crate::transport::registry::piece::Room;
use crate::transport::registry::piece::THINKING;
use crate::transport::registry::piece::body;
use crate::transport::registry::piece::room;
use crate::transport::registry::session;
use crate::transport::registry::wire::Request;

/// The one blob of a sink that is under way.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Sending>>>);

/// The request that takes the bytes.
struct Sending {
    engine: Arc<Engine>,
    endpoint: Arc<Endpoint>,
    scope: Scope,
    url: Url,
    sender: Sender<io::Result<Bytes>>,
    answer: mpsc::Receiver<Reply>,
    buffer: Vec<u8>,
    /// How many bytes were handed over.
    length: u64,
    task: Box<dyn Task>,
    /// What it has turned out to be.
    blob: Option<Descriptor>,
}

/// The end that the maker has. Dropped, it gives up what was not committed.
struct Near(Slot);

impl Slot {
    /// Opens an upload and begins to send. The slot must be free.
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
        *self.sending() = Some(Sending::begin(engine, endpoint, scope, opened.url, task));
        Ok(Box::new(Near(self.clone())))
    }

    /// Commits the upload if it is of `blob` and the registry has all of it. Else nothing is left of it.
    pub(super) fn commit(&self, blob: &Descriptor) -> bool {
        let sending = self.sending().take_if(|sending| sending.blob.as_ref() == Some(blob));
        sending.is_some_and(|sending| sending.commit(blob))
    }

    fn sending(&self) -> MutexGuard<'_, Option<Sending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up(&self, lost: bool) {
        let sending = self.sending().take();
        // Who cannot be reached cannot be told either.
        sending.into_iter().filter(|_| !lost).for_each(Sending::cancel);
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Slot")
    }
}

impl Write for Near {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let failed = self.0.sending().as_mut().and_then(|sending| sending.take(bytes).err());
        failed.into_iter().for_each(|lost| self.0.give_up(lost));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Early for Near {
    fn is(&mut self, blob: &Descriptor) {
        self.0.sending().iter_mut().for_each(|sending| sending.blob = Some(blob.clone()));
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.0.give_up(false);
    }
}

impl Sending {
    fn begin(
        engine: &Arc<Engine>,
        endpoint: Arc<Endpoint>,
        scope: Scope,
        url: Url,
        task: Box<dyn Task>,
    ) -> Self {
        let (sender, body) = body(engine);
        let request =
            Request::new(Method::PATCH, url.clone()).header(CONTENT_TYPE, "application/octet-stream");
        let (client, place, inner) = (engine.client(), Arc::clone(&endpoint), scope.clone());
        let answer = engine.begin(async move {
            match client.send_once(&place, &inner, &request, body, FOREVER).await {
                Ok(response) => Reply::of(&client, &place, &inner, response, &inner.repository).await,
                Err(failure) => Reply::failed(failure),
            }
        });
        let (engine, buffer) = (Arc::clone(engine), Vec::with_capacity(PIECE));
        Self { engine, endpoint, scope, url, sender, answer, buffer, length: 0, task, blob: None }
    }

    /// Takes bytes, waiting while the connection is full. Fails when no more can be sent: with whether the registry is
    /// out of reach.
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), bool> {
        while !bytes.is_empty() {
            let count = bytes.len().min(PIECE - self.buffer.len());
            self.buffer.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            if self.buffer.len() == PIECE {
                self.push()?;
            }
        }
        Ok(())
    }

    fn push(&mut self) -> Result<(), bool> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        let count = bytes.len() as u64;
        match room(&self.engine, &self.sender, &self.answer) {
            Room::Free(permit) => permit.send(Ok(Bytes::from(bytes))),
            Room::Answered(reply) => return Err(matches!(reply, Reply::Lost(_))),
            Room::Gone => return Err(true),
        }
        self.length += count;
        self.task.advance(count);
        Ok(())
    }

    /// Ends the request and names the blob.
    fn commit(mut self, blob: &Descriptor) -> bool {
        if self.push().is_err() || self.length != blob.size {
            self.cancel();
            return false;
        }
        let Self { engine, endpoint, scope, url, sender, answer, length, task, .. } = self;
        drop(sender);
        let taken = match answer.recv_timeout(engine.options().idle * THINKING) {
            Ok(Reply::Taken { location, held, .. }) if held.is_none_or(|held| held == length) => {
                Ok(location.unwrap_or(url))
            }
            _ => Err(url),
        };
        let (client, blob) = (engine.client(), blob.clone());
        let committed = engine.run(async move {
            match taken {
                Ok(url) => {
                    let ended = session::commit(&client, &endpoint, &scope, url.clone(), &blob).await;
                    if ended.is_err() {
                        session::cancel(&client, &endpoint, &scope, url).await?;
                    }
                    Ok(ended.is_ok())
                }
                Err(url) => session::cancel(&client, &endpoint, &scope, url).await.map(|()| false),
            }
        });
        drop(task);
        committed.unwrap_or(false)
    }

    /// Tells the registry that nothing comes of it: what it has of the blob was never named.
    fn cancel(self) {
        let Self { engine, endpoint, scope, url, sender, answer, .. } = self;
        // The body breaks, or ends with what waits for the connection.
        drop(sender.try_send(Err(io::ErrorKind::BrokenPipe.into())));
        drop((sender, answer));
        let client = engine.client();
        // A registry forgets stray uploads in time; that it cannot be told changes nothing.
        let _ = engine.run(async move { session::cancel(&client, &endpoint, &scope, url).await });
    }
}
