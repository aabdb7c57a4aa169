//! A file on its way into the store that somebody else reads as it comes.
//!
//! Who takes it out of its layer tells how far it has come; who makes a layer of it follows, and gets its last byte only
//! when the whole is what it should be. What is followed lies on disk, so that neither has to wait for the other's memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use super::extracts::Extract;
use crate::deflate::Block;
use crate::oci::Digest;
use crate::store::Damage;

/// The file: how far it has come.
#[derive(Debug)]
pub struct Arrival {
    digest: Digest,
    /// The layer that it comes out of, and where it is in its tar: the same file elsewhere has other blocks.
    from: (Digest, u64),
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    drafts: Option<Drafts>,
    /// How many bytes of it are written.
    written: u64,
    /// Up to which byte its blocks are known.
    settled: u64,
    blocks: Vec<Block>,
    /// Somebody follows it.
    followed: bool,
    end: Option<End>,
}

/// Where the file is written, and where its blocks are.
#[derive(Debug)]
pub(super) struct Drafts {
    pub(super) plain: File,
    pub(super) raw: Option<File>,
}

#[derive(Debug)]
enum End {
    /// It is in the store.
    Whole(Box<Extract>),
    /// It does not come.
    Lost,
}

impl State {
    fn lose(&mut self) {
        self.drafts = None;
        self.end = Some(End::Lost);
    }
}

impl Arrival {
    fn new(digest: Digest, from: (Digest, u64)) -> Self {
        Self { digest, from, state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        if state.end.is_none() {
            change(&mut state);
            self.changed.notify_all();
        }
    }

    /// It begins to come, perhaps once more: then what comes is not what others have followed, and it is lost to them.
    pub(super) fn begin(&self, drafts: Drafts) {
        self.tell(|state| {
            if state.followed {
                return state.lose();
            }
            let settled = if drafts.raw.is_some() { 0 } else { u64::MAX };
            *state = State { drafts: Some(drafts), settled, ..State::default() };
        });
    }

    /// So many bytes of it are written.
    pub(super) fn write(&self, count: u64) {
        self.tell(|state| state.written = count);
    }

    /// A block of it is written.
    pub(super) fn take(&self, block: &Block) {
        self.tell(|state| state.blocks.push(*block));
    }

    /// No more blocks begin before byte `at`.
    pub(super) fn settle(&self, at: u64) {
        self.tell(|state| state.settled = at);
    }

    /// It is in the store, as it should be.
    pub fn end(&self, extract: &Extract) {
        self.tell(|state| {
            let blocks = extract.blocks.as_ref().map_or(&[][..], |blocks| &blocks.table.blocks);
            // A decoder that could not give all of them leaves a file without any.
            let same = state.drafts.take().is_none() || state.blocks == blocks;
            state.end = Some(if same { End::Whole(Box::new(extract.clone())) } else { End::Lost });
        });
    }

    /// It does not come, unless it is there.
    fn lose(&self) {
        self.tell(State::lose);
    }

    fn lost(&self) -> io::Error {
        Damage::Gone(self.digest).error(io::ErrorKind::NotFound)
    }

    /// Waits until `known` has an answer, or the file is lost.
    fn wait<T>(&self, known: impl Fn(&mut State) -> Option<T>) -> io::Result<T> {
        let mut state = self.state();
        loop {
            if matches!(state.end, Some(End::Lost)) {
                return Err(self.lost());
            }
            match (known(&mut state), &state.end) {
                (Some(answer), _) => return Ok(answer),
                (None, Some(_)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                (None, None) => {}
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Follows the file from its first byte, once it begins to come. `None`: it is in the store.
    ///
    /// # Errors
    /// It does not come: [`Damage::Gone`]; there are no more open files to be had.
    pub fn follow(self: &Arc<Self>) -> io::Result<Option<Following>> {
        let drafts = self.wait(|state| match (&state.end, &state.drafts) {
            (Some(_), _) => Some(None),
            (None, Some(drafts)) => {
                state.followed = true;
                let raw = drafts.raw.as_ref().map(File::try_clone).transpose();
                Some(Some((drafts.plain.try_clone(), raw)))
            }
            (None, None) => None,
        })?;
        let Some((plain, raw)) = drafts else { return Ok(None) };
        let plain = Plain { arrival: Arc::clone(self), file: plain?, at: 0 };
        Ok(Some(Following { arrival: Arc::clone(self), plain: Some(plain), raw: raw?, taken: 0 }))
    }

    /// What is in the store of it, if it has come.
    #[must_use]
    pub fn extract(&self) -> Option<Extract> {
        match &self.state().end {
            Some(End::Whole(extract)) => Some(extract.as_ref().clone()),
            _ => None,
        }
    }
}

/// Somebody who follows a file.
#[derive(Debug)]
pub struct Following {
    arrival: Arc<Arrival>,
    plain: Option<Plain>,
    raw: Option<File>,
    /// How many blocks were taken.
    taken: usize,
}

impl Following {
    /// Reads the file as it comes. A byte is given out only after the blocks that begin before it are known, the last
    /// one only after the file has proved to be what it should; what was written a moment ago is not summed up again.
    /// `None`: somebody has it already.
    pub fn plain(&mut self) -> Option<Box<dyn Read + Send>> {
        Some(Box::new(self.plain.take()?))
    }

    /// Reads the bytes of its blocks, one after another; what was not told yet may not be there. `None`: it comes
    /// without blocks, or somebody has them already.
    pub fn raw(&mut self) -> Option<Box<dyn Read + Send>> {
        Some(Box::new(Raw { file: self.raw.take()?, at: 0 }))
    }

    /// The blocks that were told since the last call.
    pub fn blocks(&mut self) -> Vec<Block> {
        let state = self.arrival.state();
        let fresh = state.blocks.get(self.taken..).unwrap_or_default().to_vec();
        self.taken += fresh.len();
        fresh
    }

    /// The CRC-32 of the file, once its last byte was given out.
    #[must_use]
    pub fn sum(&self) -> Option<u32> {
        self.arrival.extract().map(|extract| extract.crc)
    }
}

#[derive(Debug)]
struct Plain {
    arrival: Arc<Arrival>,
    file: File,
    at: u64,
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self.at;
        let limit = self.arrival.wait(|state| match &state.end {
            Some(End::Whole(extract)) => Some(extract.size),
            // One byte is held back: what has come may be all.
            _ => Some(state.written.saturating_sub(1).min(state.settled)).filter(|limit| *limit > at),
        })?;
        let most = usize::try_from(limit.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..most], at)?;
        self.at += count as u64;
        Ok(count)
    }
}

struct Raw {
    file: File,
    at: u64,
}

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Files that are on their way, by their digest.
#[derive(Debug, Default)]
pub struct Arrivals(BTreeMap<Digest, Arc<Arrival>>);

impl Arrivals {
    /// Files by digest, none of which has begun to come, and the layer and the offset in its tar that each comes from.
    #[must_use]
    pub fn new(files: BTreeMap<Digest, (Digest, u64)>) -> Self {
        let arrival = |(digest, from)| (digest, Arc::new(Arrival::new(digest, from)));
        Self(files.into_iter().map(arrival).collect())
    }

    /// The file with this digest, if it is expected.
    #[must_use]
    pub fn get(&self, digest: &Digest) -> Option<&Arc<Arrival>> {
        self.0.get(digest)
    }

    /// As [`Arrivals::get`], if it is expected from this place.
    #[must_use]
    pub fn from(&self, digest: &Digest, layer: &Digest, offset: u64) -> Option<&Arc<Arrival>> {
        self.get(digest).filter(|arrival| arrival.from == (*layer, offset))
    }

    /// Says that no more come.
    pub fn close(&self) {
        self.0.values().for_each(|arrival| arrival.lose());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use flate2::Compression;
    use flate2::read::GzEncoder;

    use super::*;
    use crate::deflate::Gunzip;
    use crate::index::extract::Wanted;
    use crate::index::extract::files;
    use crate::store::Store;

    const OFFSET: u64 = 1000;
    const SIZE: u64 = 3_000_000;

    /// Text that compresses, and that has no period.
    fn tar() -> Vec<u8> {
        let words = (0_u32..).map(|n| n.wrapping_mul(0x9e37_79b1).rotate_left(n % 31) >> 20);
        let text = words.flat_map(|word| format!("{word} ").into_bytes());
        text.take((OFFSET + SIZE + 9000) as usize).collect()
    }

    /// What somebody got who followed a file.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Got {
        plain: Vec<u8>,
        blocks: Vec<Block>,
        raw: Vec<u8>,
        sum: Option<u32>,
    }

    fn follow(arrival: &Arc<Arrival>) -> (Got, io::Result<()>) {
        let mut got = Got::default();
        let followed = (|| {
            let mut following = arrival.follow()?.expect("it has not come");
            let mut plain = following.plain().expect("nobody has it");
            let mut raw = following.raw().expect("there are blocks");
            let mut piece = vec![0; 70_000];
            loop {
                let count = plain.read(&mut piece)?;
                if count == 0 {
                    break;
                }
                let (fresh, before) = (following.blocks(), got.plain.len() as u64);
                assert!(fresh.iter().all(|block| block.out >= before), "a block was told too late");
                got.plain.extend(&piece[..count]);
                let length = fresh.iter().map(Block::bytes).sum();
                let mut bytes = vec![0; length];
                raw.read_exact(&mut bytes)?;
                got.raw.extend(bytes);
                got.blocks.extend(fresh);
            }
            got.sum = following.sum();
            Ok(())
        })();
        (got, followed)
    }

    /// Takes a file out of a gzip while somebody follows it.
    fn taken(digest: Digest) -> (io::Result<Extract>, (Got, io::Result<()>), Store, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let layer = Digest::of(b"layer");
        let arrivals = Arrivals::new(BTreeMap::from([(digest, (layer, OFFSET))]));
        assert!(arrivals.from(&digest, &layer, OFFSET + 1).is_none(), "the same file elsewhere");
        let arrival = arrivals.from(&digest, &layer, OFFSET).unwrap();
        let (tar, mut gz) = (tar(), Vec::new());
        GzEncoder::new(&tar[..], Compression::new(6)).read_to_end(&mut gz).unwrap();
        let (mut gunzip, handle) = Gunzip::new(&gz[..]).watched(u64::MAX);
        let wanted = Wanted { size: SIZE, digest: Some(digest), arrival: Some(Arc::clone(arrival)) };
        let (took, got) = std::thread::scope(|scope| {
            let follower = scope.spawn(|| follow(arrival));
            let took = files(&store, &BTreeMap::from([(OFFSET, wanted)]), &mut gunzip, Some(&handle), 0);
            arrivals.close();
            (took, follower.join().unwrap())
        });
        (took.map(|mut found| found.remove(&OFFSET).unwrap()), got, store, directory)
    }

    #[test]
    fn who_follows_a_file_gets_what_comes_to_be_in_the_store() {
        let file = tar()[OFFSET as usize..(OFFSET + SIZE) as usize].to_vec();
        let (took, (got, followed), store, _directory) = taken(Digest::of(&file));
        let extract = took.unwrap();
        followed.unwrap();
        let blocks = extract.blocks.unwrap();
        assert!(blocks.table.blocks.len() > 10);
        let raw = fs::read(store.blob_path(&blocks.digest)).unwrap();
        let whole = Got { plain: file, blocks: blocks.table.blocks, raw, sum: Some(extract.crc) };
        assert!(got == whole);
    }

    #[test]
    fn a_file_that_is_another_is_never_given_out_whole() {
        let (took, (got, followed), ..) = taken(Digest::of(b"another"));
        assert_eq!(took.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(Damage::is_cause(&followed.unwrap_err()));
        assert!((got.plain.len() as u64) < SIZE && got.sum.is_none());
    }

    #[test]
    fn a_file_that_begins_again_is_lost_to_who_follows_it_and_to_nobody_else() {
        let arrivals = Arrivals::new(BTreeMap::from([(Digest::of(b"x"), (Digest::of(b"layer"), 0))]));
        let arrival = arrivals.get(&Digest::of(b"x")).unwrap();
        let drafts = || Drafts { plain: tempfile::tempfile().unwrap(), raw: None };
        arrival.begin(drafts());
        arrival.write(5);
        arrival.begin(drafts());
        assert_eq!(arrival.state().written, 0, "the first five bytes are another file's");
        let mut plain = arrival.follow().unwrap().unwrap().plain().unwrap();
        arrival.begin(drafts());
        assert!(Damage::is_cause(&plain.read(&mut [0; 10]).unwrap_err()));
        assert!(Damage::is_cause(&arrival.follow().unwrap_err()));
    }
}
