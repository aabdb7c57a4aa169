//! Bytes on their way down: a reader that survives cuts.

use std::io;
use std::io::Read;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Buf;
use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::transport::error::Error;
use crate::transport::registry::client::unreachable;
use crate::transport::registry::download::Download;
use crate::transport::registry::download::Stream;
use crate::transport::registry::retry::Schedule;

/// A cut costs a retry again only after this many bytes went well: a server that cuts after each byte gives up in time.
const PROGRESS: u64 = 1 << 20;

/// The near end of a transfer. Blocks; needs no runtime around it.
pub(super) struct BlobReader {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    /// Bytes that have not come yet.
    left: u64,
    room: Arc<Semaphore>,
}

/// The far end.
struct Pump {
    download: Download,
    out: mpsc::Sender<io::Result<Bytes>>,
    room: Arc<Semaphore>,
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

impl BlobReader {
    /// The reader, and the work that feeds it, to be run elsewhere. `stream` is the answer, if there is one already;
    /// at most `ahead` chunks wait for the reader.
    pub(super) fn new(
        download: Download,
        stream: Option<Stream>,
        ahead: usize,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (out, chunks) = mpsc::channel();
        let room = Arc::new(Semaphore::new(ahead));
        let left = download.end.saturating_sub(download.position);
        let reader = Self { chunks, current: Bytes::new(), left, room: room.clone() };
        (reader, Pump { download, out, room }.run(stream))
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            // The work ends by dropping its end: that is the end of the bytes, or its runtime went away.
            match self.chunks.recv() {
                Ok(next) => self.current = next?,
                Err(_) if self.left == 0 => return Ok(0),
                Err(_) => return Err(io::Error::other("the transfer ended before its last byte")),
            }
            self.left = self.left.saturating_sub(self.current.len() as u64);
            self.room.add_permits(1);
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

impl Pump {
    async fn run(mut self, stream: Option<Stream>) {
        if let Err(error) = self.transfer(stream).await {
            let kind = match error {
                Error::Broken { .. } => io::ErrorKind::InvalidData,
                Error::Unreachable { .. } => io::ErrorKind::ConnectionReset,
                _ => io::ErrorKind::Other,
            };
            // Nobody may be left to hear it.
            drop(self.out.send(Err(io::Error::new(kind, error))));
        }
    }

    /// Reads everything and hands it on, going on after cuts. Ends early when nobody listens any more.
    async fn transfer(&mut self, stream: Option<Stream>) -> Result<(), Error> {
        let mut stream = match stream {
            Some(stream) => stream,
            None => self.download.start().await?,
        };
        let mut schedule = Schedule::new(&self.download.client.options);
        let mut counted = self.download.position;
        loop {
            let cut = match self.pass(&mut stream).await {
                Ok(()) => {
                    if self.leaves_some(&stream) {
                        self.download.route.park(self.download.position, stream);
                    }
                    return Ok(());
                }
                Err(Stop::Deaf) => return Ok(()),
                Err(Stop::Broken(error)) => return Err(error),
                Err(Stop::Cut(_)) if self.download.is_done() => return Ok(()),
                Err(Stop::Cut(cut)) => cut,
            };
            if self.download.position - counted >= PROGRESS {
                counted = self.download.position;
                schedule.progressed();
            }
            let Some(wait) = schedule.next(None) else {
                return Err(unreachable(&self.download.endpoint, cut));
            };
            tokio::time::sleep(wait).await;
            stream = self.download.start().await?;
        }
    }

    /// Whether the answer goes on after the last byte that is wanted.
    fn leaves_some(&self, stream: &Stream) -> bool {
        stream.whole && self.download.ends_early()
    }

    /// Passes one answer on, to its end or to the end of what is wanted of it.
    async fn pass(&mut self, stream: &mut Stream) -> Result<(), Stop> {
        loop {
            if self.leaves_some(stream) && self.download.is_done() {
                return Ok(());
            }
            let Some(mut chunk) = self.next(stream).await? else {
                if self.download.is_done() {
                    return Ok(());
                }
                let (position, end) = (self.download.position, self.download.end);
                return Err(Stop::Cut(format!("the body ended after {position} of {end} bytes").into()));
            };
            let known = stream.skip.min(chunk.len() as u64);
            stream.skip -= known;
            chunk.advance(known as usize);
            if chunk.is_empty() {
                continue;
            }
            let left = self.download.end - self.download.position;
            if chunk.len() as u64 > left {
                if !self.leaves_some(stream) {
                    let (end, digest) = (self.download.end, self.download.descriptor.digest);
                    let text = format!("more than the {end} bytes of `{digest}`");
                    return Err(Stop::Broken(self.download.broken(text)));
                }
                stream.rest = chunk.split_off(left as usize);
            }
            self.download.position += chunk.len() as u64;
            self.room.acquire().await.map_err(|_| Stop::Deaf)?.forget();
            self.out.send(Ok(chunk)).map_err(|_| Stop::Deaf)?;
        }
    }

    async fn next(&self, stream: &mut Stream) -> Result<Option<Bytes>, Stop> {
        if !stream.rest.is_empty() {
            return Ok(Some(mem::take(&mut stream.rest)));
        }
        let idle = self.download.client.options.idle;
        match tokio::time::timeout(idle, stream.response.chunk()).await {
            Ok(Ok(next)) => Ok(next),
            Ok(Err(error)) => Err(Stop::Cut(Box::new(error.without_url()))),
            Err(_) => Err(Stop::Cut(format!("nothing came for {} seconds", idle.as_secs()).into())),
        }
    }
}
