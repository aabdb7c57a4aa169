//! The stream as a machine: member after member, block after block, as far as input and output have room.
//!
//! Knows neither where the input comes from nor who watches for block boundaries: those it tells of, as it
//! passes them, to a [`Watch`].

use super::crc::Crc;

use super::fast;
use super::flaw::Flaw;
use super::head;
use super::head::Kind;
use super::head::LONGEST_HEAD;
use super::header::Header;
use super::huffman::Codes;
use super::huffman::TOKEN_BITS;
use super::huffman::Token;
use super::input::Input;
use super::peek::peek;
use super::ring::Ring;
use super::watch::Watch;

/// With this much input at hand nothing has to be taken up in its middle.
pub(super) const WANTED: usize = 1024;
const _: () = assert!(WANTED > LONGEST_HEAD && WANTED > 4 * fast::MARGIN_IN);

/// Why a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is enough output.
    Full,
    /// There is too little input, and there may be more.
    Hungry,
    /// The last member has ended.
    End,
}

enum Phase {
    Header(Header),
    Block,
    Stored(usize),
    Codes,
    Trailer,
    /// After a member: another one, or the end.
    Between,
    End,
}

/// The sum of the member's output; none where it was entered in the middle.
struct Check {
    crc: Crc,
    length: u32,
}

/// A gzip stream being decoded.
pub(super) struct Inflate {
    pub(super) ring: Ring,
    codes: Box<Codes>,
    /// Whether `codes` are the fixed ones.
    fixed: bool,
    phase: Phase,
    /// Whether the block is the last of its member.
    last: bool,
    check: Option<Check>,
    /// Up to which cell the output is summed.
    summed: usize,
}

impl Inflate {
    /// Begins with a member's header (`member`), or at a block within a member.
    pub(super) fn new(ring: Ring, member: bool) -> Self {
        let phase = if member { Phase::Header(Header::new()) } else { Phase::Block };
        let summed = ring.at;
        Self { ring, codes: Box::new(Codes::new()), fixed: false, phase, last: false, check: None, summed }
    }

    /// Decodes on. All output must have been handed out before.
    pub(super) fn step(&mut self, input: &mut Input, watch: Option<&mut Watch>) -> Result<Step, Flaw> {
        let limit = self.ring.limit();
        self.summed = self.ring.at;
        let mut watch = watch;
        let result = self.decode(input, limit, &mut watch);
        self.sum();
        if let Some(watch) = watch {
            watch.keep(input);
        }
        result
    }

    fn decode(
        &mut self,
        input: &mut Input,
        limit: usize,
        watch: &mut Option<&mut Watch>,
    ) -> Result<Step, Flaw> {
        loop {
            if self.ring.at >= limit {
                return Ok(Step::Full);
            }
            if input.available() < WANTED && !input.ended {
                return Ok(Step::Hungry);
            }
            match &mut self.phase {
                Phase::Header(_) => self.header(input, watch)?,
                Phase::Block => self.block(input, watch)?,
                Phase::Stored(left) => {
                    let left = *left;
                    self.stored(input, left, limit)?;
                    if matches!(self.phase, Phase::Stored(0)) {
                        self.close(input, watch);
                    }
                }
                Phase::Codes => {
                    if self.tokens(input, limit)? {
                        self.close(input, watch);
                    }
                }
                Phase::Trailer => self.trailer(input)?,
                Phase::Between => self.between(input)?,
                Phase::End => return Ok(Step::End),
            }
        }
    }

    fn header(&mut self, input: &mut Input, watch: &mut Option<&mut Watch>) -> Result<(), Flaw> {
        let Phase::Header(header) = &mut self.phase else { return Ok(()) };
        let at = input.bit / 8;
        if let (Some(watch), true) = (watch, header.is_new()) {
            watch.member(input.position(), self.ring.total());
        }
        match header.take(&input.good()[at..])? {
            None if input.ended => return Err(Flaw::Cut),
            None => input.bit = input.length * 8,
            Some(count) => {
                input.bit += count * 8;
                self.ring.seal();
                self.sum();
                self.check = Some(Check { crc: Crc::new(), length: 0 });
                self.phase = Phase::Block;
            }
        }
        Ok(())
    }

    fn block(&mut self, input: &mut Input, watch: &mut Option<&mut Watch>) -> Result<(), Flaw> {
        let begin = input.position();
        let mut at = input.bit;
        let head = head::read(input.good(), &mut at, &mut self.codes)?;
        input.bit = at;
        self.last = head.last;
        self.phase = match head.kind {
            Kind::Stored(length) => Phase::Stored(length),
            Kind::Fixed | Kind::Dynamic => Phase::Codes,
        };
        if head.kind == Kind::Fixed && !self.fixed {
            head::fixed(&mut self.codes)?;
        }
        // A stored block leaves the codes as they are.
        self.fixed = head.kind == Kind::Fixed || (self.fixed && head.kind != Kind::Dynamic);
        if let Some(watch) = watch {
            watch.begin(begin, self.ring.total(), matches!(head.kind, Kind::Stored(_)));
        }
        if matches!(self.phase, Phase::Stored(0)) {
            self.close(input, watch);
        }
        Ok(())
    }

    /// The block has ended.
    fn close(&mut self, input: &Input, watch: &mut Option<&mut Watch>) {
        self.phase = if self.last { Phase::Trailer } else { Phase::Block };
        if let Some(watch) = watch {
            watch.end(input, self.ring.total());
        }
    }

    fn stored(&mut self, input: &mut Input, left: usize, limit: usize) -> Result<(), Flaw> {
        let count = left.min(input.available()).min(limit - self.ring.at);
        if count == 0 {
            return Err(Flaw::Cut);
        }
        let from = input.bit / 8;
        self.ring.extend(&input.good()[from..from + count]);
        input.bit += count * 8;
        self.phase = Phase::Stored(left - count);
        Ok(())
    }

    /// Decodes tokens; says whether the block has ended.
    fn tokens(&mut self, input: &mut Input, limit: usize) -> Result<bool, Flaw> {
        if input.available() > 2 * fast::MARGIN_IN {
            let ring = &mut self.ring;
            let (at, floor, cells) = (ring.at, ring.floor, &mut *ring.cells);
            let (bit, length) = (input.bit, input.length);
            let mut place = fast::Place { input: &input.bytes, bit, length, cells, at, floor, limit };
            let ended = fast::run(&self.codes, &mut place);
            (input.bit, ring.at) = (place.bit, place.at);
            return ended;
        }
        while self.ring.at < limit {
            let left = (input.length * 8).saturating_sub(input.bit);
            let (token, taken) = match self.codes.token(peek(input.good(), input.bit)) {
                Err(_) if left < TOKEN_BITS => return Err(Flaw::Cut),
                Ok((_, taken)) if taken > left => return Err(Flaw::Cut),
                other => other?,
            };
            input.bit += taken;
            match token {
                Token::Literal(literal) => self.ring.push(literal),
                Token::Match { length, distance } => self.ring.repeat(distance, length)?,
                Token::End => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Takes the output since the last call into the member's check.
    fn sum(&mut self) {
        let fresh = &self.ring.cells[self.summed..self.ring.at];
        if let Some(check) = &mut self.check {
            check.crc.update(fresh);
            check.length = check.length.wrapping_add(fresh.len() as u32);
        }
        self.summed = self.ring.at;
    }

    fn trailer(&mut self, input: &mut Input) -> Result<(), Flaw> {
        let from = input.bit.div_ceil(8);
        let Some(trailer) = input.good().get(from..from + 8) else { return Err(Flaw::Cut) };
        let word =
            |at: usize| u32::from_le_bytes([trailer[at], trailer[at + 1], trailer[at + 2], trailer[at + 3]]);
        let (crc, length) = (word(0), word(4));
        self.sum();
        let check = self.check.take();
        if check.is_some_and(|check| check.crc.sum() != crc || check.length != length) {
            return Err(Flaw::Broken("the gzip member's check does not match its content"));
        }
        input.bit = (from + 8) * 8;
        self.phase = Phase::Between;
        Ok(())
    }

    fn between(&mut self, input: &Input) -> Result<(), Flaw> {
        self.phase = match input.good().get(input.bit / 8) {
            None => Phase::End,
            Some(0x1f) => Phase::Header(Header::new()),
            Some(_) => return Err(Flaw::Broken("other data follows the end of the gzip stream")),
        };
        Ok(())
    }
}
