//! How long the stages of a command take, on the wall and of the processor, and how many bytes move in them.

use std::time::Duration;
use std::time::Instant;

use crate::report::Costs;
use crate::report::Stage;
use crate::transport::traffic::Traffic;

/// Measures one stage after another.
pub(super) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
    stages: Vec<Stage>,
    traffic: Traffic,
    /// Bytes that were fetched, read and sent before.
    before: [u64; 3],
}

impl Stopwatch {
    /// Begins with the first stage.
    pub(super) fn start(traffic: &Traffic) -> Self {
        let (wall, cpu, before) = (Instant::now(), processor(), counts(traffic));
        Self { wall, cpu, stages: Vec::new(), traffic: traffic.clone(), before }
    }

    /// Ends a stage and begins the next; a stage that is done again counts together.
    pub(super) fn lap(&mut self, name: &'static str) {
        let (wall, cpu) = (Instant::now(), processor());
        let (took, used) = (wall - self.wall, cpu.saturating_sub(self.cpu));
        (self.wall, self.cpu) = (wall, cpu);
        match self.stages.iter_mut().find(|stage| stage.name == name) {
            Some(stage) => (stage.wall, stage.cpu) = (stage.wall + took, stage.cpu + used),
            None => self.stages.push(Stage { name, wall: took, cpu: used }),
        }
    }

    /// What was measured up to now.
    pub(super) fn costs(&self) -> Costs {
        let now = counts(&self.traffic);
        let [fetched, read, sent] = std::array::from_fn(|n| now[n].saturating_sub(self.before[n]));
        Costs { fetched, read, sent, stages: self.stages.clone(), ..Costs::default() }
    }
}

fn counts(traffic: &Traffic) -> [u64; 3] {
    [traffic.received(), traffic.read_locally(), traffic.sent()]
}

/// Processor time of this process: user and system time of proc(5), in ticks that are hundredths of a second on every
/// Linux of today. Zero where there is no /proc.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_measured_and_counted_where_it_was_done() {
        let mut watch = Stopwatch::start(&Traffic::default());
        let begun = Instant::now();
        let mut sum = 0_u64;
        while begun.elapsed() < Duration::from_millis(60) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        watch.lap("work");
        watch.lap("rest");
        watch.lap("work");
        let stages = watch.costs().stages;
        assert_eq!(stages.iter().map(|stage| stage.name).collect::<Vec<_>>(), ["work", "rest"]);
        assert!(stages[0].wall >= Duration::from_millis(60));
        assert!(processor() > Duration::ZERO);
    }
}
