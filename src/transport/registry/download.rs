//! A blob on its way down: a reader that survives cuts.

use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Buf;
use bytes::Bytes;
use reqwest::Method;
use reqwest::Response;
use reqwest::StatusCode;
use reqwest::Url;
use reqwest::header::ACCEPT;
use reqwest::header::CONTENT_RANGE;
use reqwest::header::HeaderMap;
use reqwest::header::RANGE;
use tokio::sync::Semaphore;

use crate::oci::Descriptor;
use crate::transport::error::Error;
use crate::transport::registry::auth::Scope;
use crate::transport::registry::client::Client;
use crate::transport::registry::client::unreachable;
use crate::transport::registry::endpoint::Endpoint;
use crate::transport::registry::retry::Schedule;
use crate::transport::registry::wire::Request;

/// How many pieces may wait for the reader.
const AHEAD: usize = 16;

/// A cut costs a retry again only after this many bytes went well: a server that cuts after each byte gives up in time.
const PROGRESS: u64 = 1 << 20;

/// A transfer of the bytes of one descriptor, from `position` to its end.
pub(super) struct Download {
    pub(super) client: Arc<Client>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) scope: Scope,
    pub(super) url: Url,
    pub(super) descriptor: Descriptor,
    pub(super) position: u64,
    /// What a document may be; empty for a blob. distribution 2.8 hides an OCI document from who does not accept it.
    pub(super) accept: String,
}

/// An answer that is being read, and how many of its first bytes are not wanted.
pub(super) struct Stream {
    response: Response,
    skip: u64,
}

impl Download {
    /// Asks for the bytes from `position` on. A server that ignores the range starts anew: what is known is skipped,
    /// never appended twice (T34).
    pub(super) async fn start(&self) -> Result<Stream, Error> {
        let mut request = Request::new(Method::GET, self.url.clone());
        if !self.accept.is_empty() {
            request = request.header(ACCEPT, &self.accept);
        }
        if self.position > 0 {
            // A closed range: some registries answer 416 to an open one.
            let last = self.descriptor.size.saturating_sub(1);
            request = request.header(RANGE, &format!("bytes={}-{last}", self.position));
        }
        let response = self.client.send(&self.endpoint, &self.scope, &request).await?;
        let size = self.descriptor.size;
        match response.status() {
            StatusCode::OK => {
                match response.content_length() {
                    Some(length) if length != size => Err(self
                        .broken(format!("{length} bytes instead of {size} of `{}`", self.descriptor.digest))),
                    _ => Ok(Stream { skip: self.position, response }),
                }
            }
            StatusCode::PARTIAL_CONTENT => {
                let range = content_range(response.headers());
                let fits = range.is_some_and(|(first, total)| {
                    first == self.position && total.is_none_or(|total| total == size)
                });
                if fits {
                    return Ok(Stream { response, skip: 0 });
                }
                let text = response
                    .headers()
                    .get(CONTENT_RANGE)
                    .map(|value| String::from_utf8_lossy(value.as_bytes()));
                Err(self.broken(format!(
                    "the range `{}` instead of bytes {} to {size} of `{}`",
                    text.unwrap_or_default(),
                    self.position,
                    self.descriptor.digest
                )))
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                // Its body may be shorter than it says (distribution 2.8.2): it is not read.
                Err(self.broken(format!(
                    "no bytes after {} of {size} of `{}`",
                    self.position, self.descriptor.digest
                )))
            }
            _ => {
                let what = self.descriptor.digest.to_string();
                Err(self.client.refusal(&self.endpoint, &self.scope, response, &what).await)
            }
        }
    }

    /// Reads everything and hands it to `out`, going on after cuts. Ends early when nobody listens any more.
    async fn pump(mut self, mut stream: Stream, out: mpsc::Sender<io::Result<Bytes>>, room: Arc<Semaphore>) {
        let mut schedule = Schedule::new(&self.client.options);
        let mut counted = self.position;
        loop {
            let cut: Box<dyn std::error::Error + Send + Sync> =
                match self.pass(&mut stream, &out, &room).await {
                    Ok(()) => return,
                    Err(Stop::Deaf) => return,
                    Err(Stop::Broken(error)) => return drop(out.send(Err(error_of(error)))),
                    Err(Stop::Cut(cut)) => cut,
                };
            if self.position - counted >= PROGRESS {
                counted = self.position;
                schedule.progressed();
            }
            let Some(wait) = schedule.next(None) else {
                return drop(out.send(Err(error_of(unreachable(&self.endpoint, cut)))));
            };
            tokio::time::sleep(wait).await;
            stream = match self.start().await {
                Ok(stream) => stream,
                Err(error) => return drop(out.send(Err(error_of(error)))),
            };
        }
    }

    /// Passes one answer on, to its end.
    async fn pass(
        &mut self,
        stream: &mut Stream,
        out: &mpsc::Sender<io::Result<Bytes>>,
        room: &Semaphore,
    ) -> Result<(), Stop> {
        let size = self.descriptor.size;
        loop {
            let next = tokio::time::timeout(self.client.options.idle, stream.response.chunk()).await;
            let silent = |_| {
                Stop::Cut(format!("nothing came for {} seconds", self.client.options.idle.as_secs()).into())
            };
            let next = next.map_err(silent)?;
            let Some(mut chunk) = next.map_err(|error| Stop::Cut(Box::new(error.without_url())))? else {
                if self.position == size {
                    return Ok(());
                }
                let text = format!("the body ended after {} of {size} bytes", self.position);
                return Err(Stop::Cut(text.into()));
            };
            let known = stream.skip.min(chunk.len() as u64);
            stream.skip -= known;
            chunk.advance(known as usize);
            if chunk.is_empty() {
                continue;
            }
            if self.position + chunk.len() as u64 > size {
                let text = format!("more than the {size} bytes of `{}`", self.descriptor.digest);
                return Err(Stop::Broken(self.broken(text)));
            }
            self.position += chunk.len() as u64;
            room.acquire().await.map_err(|_| Stop::Deaf)?.forget();
            out.send(Ok(chunk)).map_err(|_| Stop::Deaf)?;
        }
    }

    fn broken(&self, problem: String) -> Error {
        Error::Broken { place: self.endpoint.host.clone(), problem }
    }
}

/// Why an answer was not passed on to its end.
enum Stop {
    /// The connection failed; what came so far is good.
    Cut(Box<dyn std::error::Error + Send + Sync>),
    /// The server breaks its promise.
    Broken(Error),
    /// Nobody listens any more.
    Deaf,
}

/// First byte and total of a `Content-Range`; the total may be unknown (RFC 9110 §14.4).
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim();
    let (range, total) = text.strip_prefix("bytes")?.trim_start().split_once('/')?;
    let first = range.split_once('-')?.0.trim().parse().ok()?;
    match total.trim() {
        "*" => Some((first, None)),
        total => Some((first, Some(total.parse().ok()?))),
    }
}

fn error_of(error: Error) -> io::Error {
    let kind = match error {
        Error::Broken { .. } => io::ErrorKind::InvalidData,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// The near end of a transfer. Blocks; needs no runtime around it.
pub(super) struct BlobReader {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    room: Arc<Semaphore>,
}

impl BlobReader {
    /// The reader, and the work that feeds it, to be run elsewhere.
    pub(super) fn new(
        download: Download,
        stream: Stream,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (out, chunks) = mpsc::channel();
        let room = Arc::new(Semaphore::new(AHEAD));
        let reader = Self { chunks, current: Bytes::new(), room: room.clone() };
        (reader, download.pump(stream, out, room))
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            // The work ends by dropping its end: that is the end of the blob.
            let Ok(next) = self.chunks.recv() else {
                return Ok(0);
            };
            self.room.add_permits(1);
            self.current = next?;
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl Drop for BlobReader {
    fn drop(&mut self) {
        self.room.close();
    }
}
