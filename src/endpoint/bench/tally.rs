//! What has come of a run so far. Its size does not depend on the number of requests.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use super::Objectives;
use super::series::Slices;
use super::spread::Times;
use crate::endpoint::ask::Reply;
use crate::endpoint::failure::Failure;

/// One request that ended.
#[derive(Debug)]
pub(super) struct Sample {
    /// When it was meant to be sent.
    pub(super) meant: Instant,
    /// When it was sent.
    pub(super) sent: Instant,
    /// What came of it.
    pub(super) result: Result<Reply, Failure>,
    /// When that was.
    pub(super) ended: Instant,
}

/// The figures.
#[derive(Debug)]
pub(super) struct Tally {
    stream: bool,
    objectives: Objectives,
    pub(super) begun: Option<Instant>,
    pub(super) ended: Option<Instant>,
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) again: u64,
    pub(super) good: u64,
    pub(super) errors: BTreeMap<String, (u64, String)>,
    pub(super) ttft: Times,
    pub(super) itl: Times,
    pub(super) tpot: Times,
    pub(super) e2e: Times,
    pub(super) late: Times,
    pub(super) prompt_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) uncounted: u64,
    pub(super) events: u64,
    pub(super) slices: Slices,
}

impl Tally {
    pub(super) fn new(stream: bool, objectives: Objectives) -> Self {
        Self {
            stream,
            objectives,
            begun: None,
            ended: None,
            ok: 0,
            failed: 0,
            again: 0,
            good: 0,
            errors: BTreeMap::new(),
            ttft: Times::new(),
            itl: Times::new(),
            tpot: Times::new(),
            e2e: Times::new(),
            late: Times::new(),
            prompt_tokens: 0,
            output_tokens: 0,
            uncounted: 0,
            events: 0,
            slices: Slices::default(),
        }
    }

    /// The first request that counts is meant to be sent now. Only the first call counts.
    pub(super) fn begin(&mut self, now: Instant) {
        self.begun.get_or_insert(now);
    }

    /// Takes in a request that counts.
    pub(super) fn take(&mut self, sample: &Sample) {
        self.begin(sample.meant);
        self.ended = self.ended.max(Some(sample.ended));
        self.late.record(sample.sent.duration_since(sample.meant));
        let time = self.begun.map_or(Duration::ZERO, |begun| sample.ended.duration_since(begun));
        match &sample.result {
            Ok(reply) => self.take_reply(sample, reply, time),
            Err(failure) => {
                self.failed += 1;
                self.slices.at(time).failed += 1;
                let slot = self.errors.entry(failure.kind.id()).or_default();
                slot.0 += 1;
                if slot.1.is_empty() {
                    slot.1 = failure.detail.clone();
                }
            }
        }
    }

    fn take_reply(&mut self, sample: &Sample, reply: &Reply, time: Duration) {
        let e2e = reply.done.duration_since(sample.meant);
        let ttft = self.stream.then(|| reply.first.duration_since(sample.meant));
        let output = reply.usage.map_or(0, |usage| usage.output);
        let tpot = (self.stream && output > 1)
            .then(|| reply.last.duration_since(reply.first).div_f64((output - 1) as f64));
        self.ok += 1;
        self.again += u64::from(reply.again);
        self.e2e.record(e2e);
        if let Some(ttft) = ttft {
            self.ttft.record(ttft);
            self.events += reply.events;
        }
        reply.gaps.iter().for_each(|gap| self.itl.record_micros(u64::from(*gap)));
        if let Some(tpot) = tpot {
            self.tpot.record(tpot);
        }
        match reply.usage {
            Some(usage) => {
                self.prompt_tokens = self.prompt_tokens.saturating_add(usage.prompt);
                self.output_tokens = self.output_tokens.saturating_add(usage.output);
            }
            None => self.uncounted += 1,
        }
        let slice = self.slices.at(time);
        slice.ok += 1;
        slice.output_tokens = slice.output_tokens.saturating_add(output);
        // What was not measured cannot miss its objective, unless it was asked for and there is nothing to measure.
        let meets = |wanted: Option<Duration>, had: Option<Duration>| {
            wanted.is_none_or(|wanted| had.is_some_and(|had| had <= wanted))
        };
        let single = if output == 1 { Some(Duration::ZERO) } else { tpot };
        let objectives = self.objectives;
        if meets(objectives.ttft, ttft) && meets(objectives.tpot, single) && meets(objectives.e2e, Some(e2e))
        {
            self.good += 1;
        }
    }
}
