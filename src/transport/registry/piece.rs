//! One `PATCH`: bytes from a blocking reader into a request that runs elsewhere.

use std::io;
use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use reqwest::Body;
use reqwest::Url;
use reqwest::header::HeaderMap;
use reqwest::header::RANGE;
use tokio::sync::mpsc::Permit;
use tokio::sync::mpsc::Sender;

use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::progress::Task;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::client::Client;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::engine::Engine;
use crate::transport::registry::redirect;
use crate::transport::registry::response::Response;
use crate::transport::registry::retry;
use crate::transport::registry::wire::Failure;
use crate::transport::registry::wire::Request;

/// How much is read at once.
pub(super) const PIECE: usize = 256 << 10;

/// How many pieces may wait for the connection.
const AHEAD: usize = 4;

/// How often a full connection is looked at again.
const LOOK: Duration = Duration::from_millis(100);

/// The longest one request may take: a limit against bugs, not against slow lines.
const FOREVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// How much longer than the idle time a registry may think about a body that it has whole: some hash it then.
const THINKING: u32 = 5;

/// The answer to one request of an upload.
#[derive(Debug)]
pub(super) enum Reply {
    /// A success: its status, where to go on, and how many bytes the registry has, as far as it says so.
    Taken { status: u16, location: Option<Url>, held: Option<u64> },
    /// A refusal, and how long to wait before asking again where that is worth it.
    Refused { status: u16, again: bool, advice: Option<Duration>, error: Error },
    /// The connection failed.
    Lost(Box<dyn std::error::Error + Send + Sync>),
    /// There is no use in going on.
    Hopeless(Error),
}

impl Reply {
    /// Sends one request with a body, once, and reads what comes of it. `what` is the blob.
    pub(super) async fn to(
        client: &Client,
        endpoint: &Endpoint,
        scope: &Scope,
        (request, body): (&Request, Body),
        what: &str,
    ) -> Self {
        match client.send_once(endpoint, scope, request, body, FOREVER).await {
            Ok(response) => Self::of(client, endpoint, scope, response, what).await,
            Err(failure) => Self::failed(failure),
        }
    }

    /// Waits for the answer to a request whose body has ended.
    pub(super) fn wait(engine: &Engine, answer: &mpsc::Receiver<Self>) -> Self {
        let patience = engine.options().idle * THINKING;
        let silent = |_| Self::Lost(format!("no answer within {} seconds", patience.as_secs()).into());
        answer.recv_timeout(patience).unwrap_or_else(silent)
    }

    /// Reads an answer. `what` is the blob.
    pub(super) async fn of(
        client: &Client,
        endpoint: &Endpoint,
        scope: &Scope,
        response: Response,
        what: &str,
    ) -> Self {
        let status = response.status();
        if !status.is_success() {
            return Self::Refused {
                status: status.as_u16(),
                again: retry::worth_it(status),
                advice: retry::advice(response.headers()),
                error: client.refusal(endpoint, scope, response, what).await,
            };
        }
        let location = redirect::location(response.url(), response.headers());
        if let Some(url) = &location
            && let Err(error) = redirect::permit(&endpoint.base, url).await
        {
            return Self::Hopeless(error);
        }
        Self::Taken { status: status.as_u16(), location, held: held(response.headers()) }
    }

    /// Reads a request that brought no answer.
    fn failed(failure: Failure) -> Self {
        match failure {
            Failure::Passing(source) => Self::Lost(source),
            Failure::Final(error) => Self::Hopeless(error),
        }
    }
}

/// How many bytes a registry has, by its `Range: 0-LAST`. `0-0` says nothing: distribution means none by it, the
/// specification one.
fn held(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RANGE)?.to_str().ok()?.trim();
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    let last: u64 = text.strip_prefix("0-")?.parse().ok()?;
    (last > 0).then_some(last + 1)
}

/// What has passed of a blob: each byte is hashed and reported the first time only.
pub(super) struct Passed<'a> {
    hasher: Hasher,
    task: &'a dyn Task,
}

impl<'a> Passed<'a> {
    pub(super) fn new(task: &'a dyn Task) -> Self {
        Self { hasher: Hasher::default(), task }
    }

    /// How far it is.
    pub(super) const fn length(&self) -> u64 {
        self.hasher.length()
    }

    pub(super) fn digest(&self) -> Digest {
        self.hasher.digest()
    }

    fn take(&mut self, offset: u64, bytes: &[u8]) {
        let known = self.length().saturating_sub(offset).min(bytes.len() as u64) as usize;
        let new = &bytes[known..];
        self.hasher.update(new);
        self.task.advance(new.len() as u64);
    }
}

/// The bytes that one request carries.
pub(super) struct Piece<'a> {
    pub(super) reader: &'a mut dyn Read,
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Piece<'_> {
    /// Feeds a request until it is answered. `begin` is given the body and starts the request.
    ///
    /// # Errors
    /// When the bytes themselves cannot be had. What the registry makes of it is a [`Reply`].
    pub(super) fn feed(
        mut self,
        engine: &Engine,
        passed: &mut Passed<'_>,
        begin: impl FnOnce(Body) -> mpsc::Receiver<Reply>,
    ) -> io::Result<Reply> {
        let (sender, body) = body(engine);
        let answer = begin(body);
        while self.length > 0 {
            let permit = match room(engine, &sender, &answer) {
                Room::Free(permit) => permit,
                Room::Answered(reply) => return Ok(reply),
                Room::Gone => break,
            };
            let mut bytes = vec![0; PIECE.min(usize::try_from(self.length).unwrap_or(PIECE))];
            let count = match self.reader.read(&mut bytes) {
                Ok(0) => Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the blob is shorter than its descriptor says",
                )),
                Ok(count) => Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            match count {
                Ok(count) => {
                    bytes.truncate(count);
                    passed.take(self.offset, &bytes);
                    (self.offset, self.length) = (self.offset + count as u64, self.length - count as u64);
                    permit.send(Ok(Bytes::from(bytes)));
                }
                Err(error) => {
                    // The body must break, not end: the registry could take an end for the whole.
                    permit.send(Err(io::ErrorKind::BrokenPipe.into()));
                    return Err(error);
                }
            }
        }
        drop(sender);
        Ok(Reply::wait(engine, &answer))
    }
}

/// A body and the end that feeds it. What is sent is counted. A body whose last word is an error breaks.
pub(super) fn body(engine: &Engine) -> (Sender<io::Result<Bytes>>, Body) {
    let (sender, receiver) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(AHEAD);
    let traffic = engine.options().traffic.clone();
    let body = stream::unfold((receiver, traffic), |(mut receiver, traffic)| async move {
        let next = receiver.recv().await?;
        traffic.add_sent(next.as_ref().map_or(0, Bytes::len));
        Some((next, (receiver, traffic)))
    });
    (sender, Body::wrap_stream(body))
}

/// Whether a connection takes more.
pub(super) enum Room<'a> {
    /// It does.
    Free(Permit<'a, io::Result<Bytes>>),
    /// The registry has answered before it had everything.
    Answered(Reply),
    /// The connection has let go of the body; its answer is on the way.
    Gone,
}

/// Waits until the connection takes more, or the registry answers before it has everything.
pub(super) fn room<'a>(
    engine: &Engine,
    sender: &'a Sender<io::Result<Bytes>>,
    answer: &mpsc::Receiver<Reply>,
) -> Room<'a> {
    let begun = Instant::now();
    loop {
        if let Ok(reply) = answer.try_recv() {
            return Room::Answered(reply);
        }
        match engine.wait(LOOK, sender.reserve()) {
            Some(Ok(permit)) => return Room::Free(permit),
            Some(Err(_)) => return Room::Gone,
            None if begun.elapsed() > engine.options().idle => {
                let text = format!("nothing was taken for {} seconds", engine.options().idle.as_secs());
                return Room::Answered(Reply::Lost(text.into()));
            }
            None => {}
        }
    }
}
