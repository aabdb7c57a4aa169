//! Reading a gzip blob, and asking for what lies on the way.

use std::io;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use super::capture::Taker;
use super::flaw::Flaw;
use super::inflate::Inflate;
use super::inflate::Step;
use super::inflate::WANTED;
use super::input::Input;
use super::restart::Restart;
use super::ring::Ring;
use super::segment::Segment;
use super::watch::Watch;

/// The uncompressed bytes of a gzip blob, all members one after another (RFC 1952, 2.2).
///
/// The sums of each member that was entered at its beginning are verified. Reading fails with `UnexpectedEof`
/// where the input is cut short, and with `InvalidData` where it breaks the format or something else follows
/// the last member; what could be decoded before is handed out first. An error is final.
pub struct Gunzip<R> {
    reader: R,
    input: Input,
    shared: Arc<Mutex<Shared>>,
}

/// What the reader and the handles know together.
pub(super) struct Shared {
    pub(super) inflate: Inflate,
    watch: Option<Watch>,
    failed: Option<Failure>,
}

/// Why nothing more comes.
enum Failure {
    Flaw(Flaw),
    Reader(io::ErrorKind, String),
}

impl Failure {
    fn error(&self) -> io::Error {
        match self {
            Self::Flaw(flaw) => (*flaw).into(),
            Self::Reader(kind, text) => io::Error::new(*kind, text.clone()),
        }
    }
}

impl<R> Gunzip<R> {
    /// Reads a blob from its first byte.
    pub fn new(reader: R) -> Self {
        Self::begin(reader, 0, Inflate::new(Ring::at(0, None), true))
    }

    /// Reads a blob from a restart point on; `reader` begins with byte [`Restart::byte`] of the blob.
    ///
    /// # Errors
    /// `InvalidData` where no blob can have such a restart point.
    pub fn resume(reader: R, restart: &Restart) -> io::Result<Self> {
        let window = restart.expand()?;
        let ring = Ring::at(restart.out, window.as_deref());
        Ok(Self::begin(reader, restart.bit, Inflate::new(ring, window.is_none())))
    }

    fn begin(reader: R, bit: u64, inflate: Inflate) -> Self {
        let shared = Shared { inflate, watch: None, failed: None };
        Self { reader, input: Input::at(bit), shared: Arc::new(Mutex::new(shared)) }
    }

    /// Notes block boundaries from here on, with a restart point at the first one in each stretch of `spacing`
    /// bytes of output, and says by whom they are asked for. Must be called before the first byte is read.
    #[must_use]
    pub fn watched(self, spacing: u64) -> (Self, Handle) {
        lock(&self.shared).watch = Some(Watch::new(spacing));
        let handle = Handle(Arc::clone(&self.shared));
        (self, handle)
    }
}

impl<R: Read> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let mut shared = lock(&self.shared);
            let count = shared.inflate.ring.serve(buffer);
            if count > 0 {
                return Ok(count);
            }
            if let Some(failure) = &shared.failed {
                return Err(failure.error());
            }
            match shared.step(&mut self.input) {
                // What there is goes out before more input is waited for.
                _ if shared.inflate.ring.served() < shared.inflate.ring.total() => continue,
                Some(Step::End) => return Ok(0),
                Some(Step::Hungry) => {}
                _ => continue,
            }
            // Whoever holds a handle need not wait for the input.
            drop(shared);
            if let Err(error) = self.input.fill(&mut self.reader, WANTED) {
                lock(&self.shared).failed = Some(Failure::Reader(error.kind(), error.to_string()));
            }
        }
    }
}

impl Shared {
    /// Decodes some more; `None` where that failed.
    fn step(&mut self, input: &mut Input) -> Option<Step> {
        let step = self.inflate.step(input, self.watch.as_mut());
        if let Some(watch) = &mut self.watch {
            if step == Ok(Step::End) {
                watch.finish();
            }
            watch.progress(&self.inflate.ring);
        }
        match step {
            Ok(step) => Some(step),
            Err(flaw) => {
                self.failed = Some(Failure::Flaw(flaw));
                None
            }
        }
    }
}

/// Asks for things on the way of a [`Gunzip`] that somebody else reads.
///
/// A place may be asked for until the reader has been given 1 MiB more than it; offsets count the
/// uncompressed bytes from the blob's first. Answers are there as soon as enough has been decoded.
#[derive(Clone)]
pub struct Handle(pub(super) Arc<Mutex<Shared>>);

impl Handle {
    /// Wants a restart point at the last block boundary at or before `out`. Boundaries within 512 bytes count as one.
    pub fn mark(&self, out: u64) {
        self.watch(|watch, ring| {
            watch.marks().want(out);
            watch.progress(ring);
        });
    }

    /// Wants to know where the block ends that holds byte `out - 1`.
    pub fn end(&self, out: u64) {
        self.watch(|watch, ring| {
            watch.marks().want_end(out);
            watch.progress(ring);
        });
    }

    /// The restart points that became ready since the last call, by their offset in the output.
    #[must_use]
    pub fn restarts(&self) -> Vec<Restart> {
        self.watch(|watch, _| watch.marks().take()).unwrap_or_default()
    }

    /// Answers to [`Handle::end`] that became ready since the last call: what was asked for, and a byte of the
    /// blob, such that all bytes before it are enough to decode up to there.
    #[must_use]
    pub fn ends(&self) -> Vec<(u64, u64)> {
        self.watch(|watch, _| watch.marks().take_ends()).unwrap_or_default()
    }

    /// Wants the blocks of the file whose output is `range`, to be put into another blob: they go to `taker` as
    /// they come.
    ///
    /// Kept are blocks that lie wholly in the file, from its byte 32 Ki on and ending before its last byte,
    /// with at least 1 KiB of output and at most 512 KiB of input, which is no longer than 9/8 of the output.
    /// That depends on nothing but the blob and the range.
    pub fn capture(&self, range: Range<u64>, taker: Box<dyn Taker>) {
        self.watch(|watch, ring| watch.capture(range, taker, ring));
    }

    /// The table of the blocks of the file that begins at `start`; `None` until all its output was decoded.
    ///
    /// # Errors
    /// The taker's; `InvalidInput` where [`Handle::capture`] came too late.
    #[must_use]
    pub fn segment(&self, start: u64) -> Option<io::Result<Segment>> {
        self.watch(|watch, _| watch.captures().take(start)).flatten()
    }

    fn watch<T>(&self, act: impl FnOnce(&mut Watch, &Ring) -> T) -> Option<T> {
        let mut shared = lock(&self.0);
        let Shared { inflate, watch, .. } = &mut *shared;
        watch.as_mut().map(|watch| act(watch, &inflate.ring))
    }
}

/// A panic elsewhere leaves nothing here that is half done and looks whole.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
