//! What is noted of a stream on the way: block boundaries, compressed bytes, and what was asked for.

use std::ops::Range;

use super::capture::Captures;
use super::capture::LATE;
use super::capture::Taker;
use super::input::Input;
use super::marks::Marks;
use super::marks::REACH;
use super::ring::Ring;
use super::ring::STEP;
use super::tape::Tape;

/// How far back blocks and boundaries are kept: what was read late, what lies before it, and what is decoded ahead.
const KEPT: u64 = LATE + REACH + 2 * STEP as u64;

/// The notes of a stream that somebody watches.
pub(super) struct Watch {
    marks: Marks,
    tape: Tape,
    captures: Captures,
    /// Nothing more comes.
    over: bool,
}

impl Watch {
    pub(super) fn new(spacing: u64) -> Self {
        Self { marks: Marks::new(spacing), tape: Tape::default(), captures: Captures::default(), over: false }
    }

    /// A member's header begins.
    pub(super) fn member(&mut self, bit: u64, out: u64) {
        self.marks.begin(bit, out, true);
    }

    /// A block begins.
    pub(super) fn begin(&mut self, bit: u64, out: u64, stored: bool) {
        self.marks.begin(bit, out, false);
        self.tape.begin(bit, out, stored);
    }

    /// The block ends where the input stands.
    pub(super) fn end(&mut self, input: &Input, out: u64) {
        self.tape.end(input, out);
        self.marks.end(out, input.position().div_ceil(8));
    }

    /// Takes what the input may forget.
    pub(super) fn keep(&mut self, input: &Input) {
        self.tape.keep(input);
    }

    /// The stream has ended as it should.
    pub(super) fn finish(&mut self) {
        self.over = true;
    }

    /// Does what was asked for, as far as it can be done, and forgets what is too old.
    pub(super) fn progress(&mut self, ring: &Ring) {
        self.marks.progress(ring, &self.tape, self.over);
        self.captures.progress(&self.tape, ring.total());
        let old = ring.total().saturating_sub(KEPT);
        self.marks.trim(old);
        self.tape.trim(old);
    }

    pub(super) fn marks(&mut self) -> &mut Marks {
        &mut self.marks
    }

    pub(super) fn captures(&mut self) -> &mut Captures {
        &mut self.captures
    }

    pub(super) fn capture(&mut self, range: Range<u64>, taker: Box<dyn Taker>, ring: &Ring) {
        self.captures.want(range, taker, ring.served());
        self.progress(ring);
    }
}
