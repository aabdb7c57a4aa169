//! Restart points and block ends: which were asked for, which can be told already.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;

use super::restart::Restart;
use super::restart::Window;
use super::ring::Ring;
use super::ring::WINDOW;
use super::tape::Tape;
use super::trace::Trace;

/// A mark is found in the history if it lies at most this far before what it was asked for. Where blocks that are
/// longer begin, one is made in time and held back until it is asked for.
pub(super) const REACH: u64 = 512 << 10;

/// Boundaries nearer to each other than this count as one, or a blob of tiny blocks would fill the memory.
const APART: u64 = 512;

/// Most windows that wait for the blocks after them.
const MOST_PENDING: usize = 64;

/// Most marks that are held back: more long blocks do not end within what may be asked for.
const MOST_HELD: usize = 8;

/// Where a block or a member begins.
#[derive(Debug, Clone, Copy)]
struct Start {
    out: u64,
    bit: u64,
    member: bool,
}

/// A restart point whose window is known, but not what of it is used.
struct Pending {
    start: Start,
    window: Box<[u8; WINDOW]>,
    /// Nobody asked for it yet.
    held: bool,
}

/// The boundaries of late, and what is wanted of them.
pub(super) struct Marks {
    /// Bytes of output between two marks that nobody asked for.
    spacing: u64,
    /// Output offset of the latest boundary.
    latest: Option<u64>,
    /// The same of the latest block that was found to be long.
    long: Option<u64>,
    starts: VecDeque<Start>,
    /// Block ends: offset in the output, and the byte of the blob behind it.
    ends: VecDeque<(u64, u64)>,
    wanted: BTreeSet<u64>,
    wanted_ends: BTreeSet<u64>,
    /// Long blocks whose marks were asked for.
    wanted_long: BTreeSet<u64>,
    /// Where marks are to be made, and whether to hold them back.
    chosen: Vec<(Start, bool)>,
    pending: Vec<Pending>,
    held: VecDeque<Restart>,
    done: BTreeMap<u64, Restart>,
    done_ends: BTreeMap<u64, u64>,
}

impl Marks {
    pub(super) fn new(spacing: u64) -> Self {
        Self {
            spacing: spacing.max(1),
            latest: None,
            long: None,
            starts: VecDeque::new(),
            ends: VecDeque::new(),
            wanted: BTreeSet::new(),
            wanted_ends: BTreeSet::new(),
            wanted_long: BTreeSet::new(),
            chosen: Vec::new(),
            pending: Vec::new(),
            held: VecDeque::new(),
            done: BTreeMap::new(),
            done_ends: BTreeMap::new(),
        }
    }

    pub(super) fn want(&mut self, out: u64) {
        self.wanted.insert(out);
    }

    pub(super) fn want_end(&mut self, out: u64) {
        self.wanted_ends.insert(out);
    }

    /// The restart points that are ready.
    pub(super) fn take(&mut self) -> Vec<Restart> {
        std::mem::take(&mut self.done).into_values().collect()
    }

    /// The block ends that are ready: what was asked for, and the byte.
    pub(super) fn take_ends(&mut self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.done_ends).into_iter().collect()
    }

    /// A block or a member begins.
    pub(super) fn begin(&mut self, bit: u64, out: u64, member: bool) {
        let start = Start { out, bit, member };
        self.look_back(out);
        // The first of all leads to what is before the second.
        if self.latest.is_none_or(|latest| latest / self.spacing != out / self.spacing) {
            self.wanted.insert(out);
        }
        self.latest = Some(out);
        match self.starts.back() {
            Some(last) if out - last.out < APART && !member => {}
            Some(last) if out == last.out => {
                self.starts.pop_back();
                self.starts.push_back(start);
            }
            _ => self.starts.push_back(start),
        }
    }

    /// A block ends before byte `byte` of the blob.
    pub(super) fn end(&mut self, out: u64, byte: u64) {
        let before = self.ends.len().checked_sub(2).and_then(|index| self.ends.get(index));
        if before.is_some_and(|before| out - before.0 < APART) {
            self.ends.pop_back();
        }
        self.ends.push_back((out, byte));
    }

    /// Does what can be done now. `over`: nothing will follow.
    pub(super) fn progress(&mut self, ring: &Ring, tape: &Tape, over: bool) {
        self.look_back(ring.total());
        self.choose(ring.total(), over);
        for (start, held) in std::mem::take(&mut self.chosen) {
            self.prepare(start, held, ring);
        }
        self.settle(tape, over);
        self.answer();
    }

    /// Has a mark made at the beginning of the open block once that is known, by its output up to `out`, to be long.
    fn look_back(&mut self, out: u64) {
        if let Some(begin) = self.latest.filter(|begin| out - begin > REACH && self.long != Some(*begin)) {
            self.long = Some(begin);
            self.chosen.extend(self.start(begin).map(|start| (start, true)));
        }
    }

    /// The last boundary at or before `out`.
    fn start(&self, out: u64) -> Option<Start> {
        let behind = self.starts.partition_point(|start| start.out <= out);
        self.starts.get(behind.checked_sub(1)?).copied()
    }

    /// Finds the boundaries of marks whose block is known: a byte behind them has been decoded.
    fn choose(&mut self, total: u64, over: bool) {
        let later = if over { BTreeSet::new() } else { self.wanted.split_off(&total) };
        for out in std::mem::replace(&mut self.wanted, later) {
            match self.start(out) {
                Some(start) if out - start.out <= REACH => self.chosen.push((start, false)),
                Some(start) => drop(self.wanted_long.insert(start.out)),
                None => {}
            }
        }
    }

    fn prepare(&mut self, start: Start, held: bool, ring: &Ring) {
        let waiting = self.pending.iter_mut().find(|pending| pending.start.out == start.out);
        if start.member {
            let restart = Restart { bit: start.bit, out: start.out, window: None };
            self.finish(restart, held);
        } else if let Some(waiting) = waiting {
            waiting.held &= held;
        } else if self.pending.len() < MOST_PENDING {
            let window = ring.window(start.out);
            self.pending.extend(window.map(|window| Pending { start, window, held }));
        }
    }

    fn finish(&mut self, restart: Restart, held: bool) {
        if !held {
            self.done.insert(restart.out, restart);
            return;
        }
        self.held.push_back(restart);
        if self.held.len() > MOST_HELD {
            self.held.pop_front();
        }
    }

    /// Finishes the marks behind which a window's length of whole blocks is known.
    fn settle(&mut self, tape: &Tape, over: bool) {
        let known = self.ends.back().map_or(0, |end| end.0);
        let ready = |pending: &mut Pending| over || pending.start.out + WINDOW as u64 <= known;
        let ready: Vec<_> = self.pending.extract_if(.., ready).collect();
        for Pending { start, window, held } in ready {
            let used = used(tape, start.out, known).unwrap_or_else(|| vec![true; WINDOW]);
            let window = Some(Window::of(&window, &used));
            self.finish(Restart { bit: start.bit, out: start.out, window }, held);
        }
        for restart in &self.held {
            if self.wanted_long.remove(&restart.out) {
                self.done.insert(restart.out, restart.clone());
            }
        }
    }

    fn answer(&mut self) {
        let Some((known, _)) = self.ends.back() else { return };
        let later = self.wanted_ends.split_off(&(known + 1));
        for out in std::mem::replace(&mut self.wanted_ends, later) {
            let end = self.ends.get(self.ends.partition_point(|end| end.0 < out));
            self.done_ends.extend(end.map(|end| (out, end.1)));
        }
    }

    /// Forgets boundaries that nobody needs who asks for `out` or later.
    pub(super) fn trim(&mut self, out: u64) {
        while self.starts.get(1).is_some_and(|start| start.out <= out) {
            self.starts.pop_front();
        }
        while self.ends.front().is_some_and(|end| end.0 < out) && self.ends.len() > 2 {
            self.ends.pop_front();
        }
    }
}

/// Which bytes of the window before `out` are referred to; `None` where the blocks after it are not all kept.
/// Blocks are known up to offset `known`.
fn used(tape: &Tape, out: u64, known: u64) -> Option<Vec<bool>> {
    let mut trace = Trace::new();
    let mut at = out;
    let end = known.min(out + WINDOW as u64);
    while at < end {
        let (_, block) = tape.block(tape.find(at)?)?;
        trace.follow(tape.bytes(block), usize::from(block.first)).ok()?;
        at += u64::from(block.length);
    }
    Some(trace.used())
}
