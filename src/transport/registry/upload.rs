//! One blob on its way up: `POST`, one streaming `PATCH`, `PUT`, and what to do when any of them fails.
//!
//! What registries really do: distribution 2.8 appends whatever comes, whatever offset it is
//! told, so after a failure the registry is asked how much it has. ECR answers `201` to a `PATCH` and drops every later
//! one, so a blob goes in one piece. Proxies answer `413` to large pieces, so then, and only then, it goes in chunks.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Body;
use reqwest::Method;
use reqwest::Url;
use reqwest::header::CONTENT_LENGTH;
use reqwest::header::CONTENT_RANGE;
use reqwest::header::CONTENT_TYPE;

use crate::oci::Descriptor;
use crate::oci::reference::RegistryReference;
use crate::progress::Task;
use crate::store;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::chunk::Chunks;
use crate::transport::registry::client::unreachable;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::engine::Engine;
use crate::transport::registry::piece::Passed;
use crate::transport::registry::piece::Piece;
use crate::transport::registry::piece::Reply;
use crate::transport::registry::retry::Schedule;
use crate::transport::registry::session;
use crate::transport::registry::wire::Request;

/// Opens the blob from an offset on.
pub(super) type Open<'a> = &'a dyn Fn(u64) -> Result<Box<dyn Read + Send>, Error>;

/// One blob and where it goes.
pub(super) struct Upload<'a> {
    engine: &'a Engine,
    endpoint: Arc<Endpoint>,
    scope: Scope,
    descriptor: &'a Descriptor,
    schedule: Schedule,
    chunks: Chunks,
    /// Where to send next.
    url: Option<Url>,
    /// How many bytes the registry has, as far as is known.
    offset: u64,
    /// The most it ever had.
    most: u64,
}

/// What to do after a reply.
enum Next {
    /// Send on from `offset`.
    Go,
    /// Ask the registry how much it has.
    Ask,
    /// All bytes are there.
    Close,
}

impl<'a> Upload<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        reference: &RegistryReference,
        scope: Scope,
        descriptor: &'a Descriptor,
    ) -> Result<Self, Error> {
        let (client, host) = (engine.client(), reference.host.clone());
        let endpoint = engine.run(async move { client.endpoint(&host).await })?;
        Ok(Self {
            schedule: Schedule::new(engine.options()),
            chunks: Chunks::new(engine.options(), &endpoint.host),
            engine,
            endpoint,
            scope,
            descriptor,
            url: None,
            offset: 0,
            most: 0,
        })
    }

    /// Sends the blob. `session` is an upload that the registry has opened already. What was sent is hashed on the
    /// way, and nothing is committed that is not what the descriptor names. A failure cancels the upload.
    pub(super) fn run(mut self, session: Option<Url>, open: Open<'_>, task: &dyn Task) -> Result<(), Error> {
        self.url = session;
        let result = self.send(open, task);
        match (&result, self.url.take()) {
            // Who cannot be reached cannot be told either.
            (Ok(()) | Err(Error::Unreachable { .. }), _) | (_, None) => {}
            (Err(_), Some(url)) => self.cancel(url),
        }
        result
    }

    fn send(&mut self, open: Open<'_>, task: &dyn Task) -> Result<(), Error> {
        let mut passed = Passed::new(task);
        let mut again = true;
        loop {
            self.transfer(open, &mut passed)?;
            let actual = passed.digest();
            if actual != self.descriptor.digest {
                return Err(Error::Store {
                    what: self.descriptor.digest.to_string(),
                    place: "where it is read from".to_owned(),
                    source: store::Error::Digest { expected: self.descriptor.digest, actual },
                });
            }
            match self.commit() {
                // What was sent is right: the registry put it together wrongly. One fresh upload is worth it.
                Err(Error::Refused { status: 400 | 404 | 416, .. } | Error::NotFound { .. }) if again => {
                    again = false;
                    self.restart();
                }
                result => return result,
            }
        }
    }

    /// Sends until the registry has every byte.
    fn transfer(&mut self, open: Open<'_>, passed: &mut Passed<'_>) -> Result<(), Error> {
        let size = self.descriptor.size;
        let mut reader: Option<(u64, Box<dyn Read + Send>)> = None;
        loop {
            if self.url.is_none() {
                self.begin()?;
            }
            if self.offset == size && passed.length() == size {
                return Ok(());
            }
            let (at, mut source) = match reader.take() {
                Some((at, source)) if at == self.offset => (at, source),
                _ => (self.offset, open(self.offset)?),
            };
            let length = self.chunks.length(size - at);
            let reply = self.patch(&mut *source, length, passed)?;
            match self.judge(reply, length)? {
                Next::Go => reader = Some((at + length, source)),
                Next::Close => return Ok(()),
                Next::Ask => self.ask(passed.length())?,
            }
        }
    }

    /// Opens an upload.
    fn begin(&mut self) -> Result<(), Error> {
        let (client, endpoint, scope) = (self.engine.client(), self.endpoint.clone(), self.scope.clone());
        let opened = self.engine.run(async move { session::open(&client, &endpoint, &scope).await })?;
        self.chunks.at_least(opened.least);
        self.url = Some(opened.url);
        self.offset = 0;
        Ok(())
    }

    /// Sends `length` bytes from `offset` on in one request.
    fn patch(&self, reader: &mut dyn Read, length: u64, passed: &mut Passed<'_>) -> Result<Reply, Error> {
        let Some(url) = self.url.clone() else {
            return Ok(Reply::Lost("the upload is not open".into()));
        };
        let mut request = Request::new(Method::PATCH, url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, &length.to_string());
        if self.offset > 0 || length < self.descriptor.size {
            let last = (self.offset + length).saturating_sub(1);
            request = request.header(CONTENT_RANGE, &format!("{}-{last}", self.offset));
        }
        let (client, endpoint, scope) = (self.engine.client(), self.endpoint.clone(), self.scope.clone());
        let what = self.descriptor.digest.to_string();
        let begin = |body: Body| {
            self.engine
                .begin(async move { Reply::to(&client, &endpoint, &scope, (&request, body), &what).await })
        };
        let piece = Piece { reader, offset: self.offset, length };
        piece.feed(self.engine, passed, begin).map_err(|error| self.unread(error))
    }

    /// Decides what a reply to `length` more bytes means.
    fn judge(&mut self, reply: Reply, length: u64) -> Result<Next, Error> {
        let end = self.offset + length;
        match reply {
            Reply::Taken { status, location, held } => {
                self.url = location.or_else(|| self.url.take());
                // `201` ends an upload, whatever the registry says it has (ECR).
                if status == 201 && end == self.descriptor.size && self.offset == 0 {
                    return Ok(Next::Close);
                }
                if status == 201 {
                    self.chunks.never(&self.endpoint.host)?;
                    self.restart();
                    return Ok(Next::Go);
                }
                if held.is_none_or(|held| held == end) {
                    self.offset = end;
                    self.advanced(end);
                    return Ok(Next::Go);
                }
                let lost = format!("it has {} bytes after {end} were sent", held.unwrap_or_default());
                self.wait(None).ok_or_else(|| unreachable(&self.endpoint, lost.into()))?;
                Ok(Next::Ask)
            }
            Reply::Refused { status: 413, error, .. } => {
                if self.chunks.smaller() {
                    Ok(Next::Ask)
                } else {
                    Err(error)
                }
            }
            Reply::Refused { status: 404, error, .. } => {
                self.wait(None).ok_or(error)?;
                self.url = None;
                Ok(Next::Go)
            }
            // The token is a new one already; 416 says that the registry has another offset in mind.
            Reply::Refused { status: 401 | 416, error, .. } => {
                self.wait(Some(Duration::ZERO)).ok_or(error)?;
                Ok(Next::Ask)
            }
            Reply::Refused { again: true, advice, error, .. } => {
                self.wait(advice).ok_or(error)?;
                Ok(Next::Ask)
            }
            Reply::Refused { error, .. } | Reply::Hopeless(error) => Err(error),
            Reply::Lost(source) => match self.wait(None) {
                Some(()) => Ok(Next::Ask),
                None => Err(unreachable(&self.endpoint, source)),
            },
        }
    }

    /// Waits before another try; `None` when there is none left.
    fn wait(&mut self, advice: Option<Duration>) -> Option<()> {
        let wait = self.schedule.next(advice)?;
        std::thread::sleep(wait);
        Some(())
    }

    /// Asks the registry how much it has. Where it does not know, or claims more than was `sent`, the upload starts
    /// again.
    fn ask(&mut self, sent: u64) -> Result<(), Error> {
        let Some(url) = self.url.clone() else {
            return Ok(());
        };
        let (client, endpoint, scope) = (self.engine.client(), self.endpoint.clone(), self.scope.clone());
        let status =
            self.engine.run(async move { session::status(&client, &endpoint, &scope, url).await })?;
        match status {
            Some(status) if status.held <= sent => {
                self.advanced(status.held);
                self.offset = status.held;
                self.url = Some(status.url);
            }
            _ => self.restart(),
        }
        Ok(())
    }

    /// The registry has this much. Only more than ever before is progress: some never get on (chalk #682).
    const fn advanced(&mut self, held: u64) {
        if held > self.most {
            self.most = held;
            self.schedule.progressed();
        }
    }

    fn restart(&mut self) {
        if let Some(url) = self.url.take() {
            self.cancel(url);
        }
        self.offset = 0;
    }

    /// Names the blob. Only now does it exist.
    fn commit(&mut self) -> Result<(), Error> {
        let Some(url) = self.url.clone() else {
            return Ok(());
        };
        let (client, endpoint, scope) = (self.engine.client(), self.endpoint.clone(), self.scope.clone());
        let descriptor = self.descriptor.clone();
        let work = async move { session::commit(&client, &endpoint, &scope, url, &descriptor).await };
        self.engine.run(work)?;
        self.url = None;
        Ok(())
    }

    fn cancel(&self, url: Url) {
        let (client, endpoint, scope) = (self.engine.client(), self.endpoint.clone(), self.scope.clone());
        // A registry forgets stray uploads in time; that it cannot be told changes nothing.
        let _ = self.engine.run(async move { session::cancel(&client, &endpoint, &scope, url).await });
    }

    /// The blob could not be read where it is.
    fn unread(&self, error: std::io::Error) -> Error {
        error.downcast::<Error>().unwrap_or_else(|source| Error::Io {
            action: "read",
            path: PathBuf::from(self.descriptor.digest.to_string()),
            source,
        })
    }
}
