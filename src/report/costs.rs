//! What a build has cost: bytes that moved, and time of each stage.

use std::io;
use std::io::Write;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::report::bytes;

/// One stage of a build.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// From its beginning to its end.
    pub wall: Duration,
    /// Processor time of all threads in it.
    pub cpu: Duration,
}

/// What a build has cost.
#[derive(Debug, Clone, Default)]
pub struct Costs {
    /// Bytes of the donors' files that the steps take.
    pub wanted: u64,
    /// Bytes that came from registries, documents included.
    pub fetched: u64,
    /// Bytes that were read from layouts and archives of this machine.
    pub read: u64,
    /// Bytes that were sent to registries.
    pub sent: u64,
    /// Bytes of blobs that were mounted from another repository.
    pub mounted: u64,
    /// The stages, in their order.
    pub stages: Vec<Stage>,
}

impl Costs {
    /// Writes one line.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let read = if self.read > 0 { format!(", read {}", bytes(self.read)) } else { String::new() };
        let (wall, cpu) = self.total();
        let stages = self.stages.iter().map(|stage| {
            format!("{} {:.2}/{:.2}", stage.name, stage.wall.as_secs_f64(), stage.cpu.as_secs_f64())
        });
        writeln!(
            out,
            "cost   wanted {}, fetched {}{read}, sent {}, mounted {}; {:.2} s, {:.2} CPU s ({})",
            bytes(self.wanted),
            bytes(self.fetched),
            bytes(self.sent),
            bytes(self.mounted),
            wall.as_secs_f64(),
            cpu.as_secs_f64(),
            stages.collect::<Vec<_>>().join(", ")
        )
    }

    /// As metadata: bytes, and seconds.
    #[must_use]
    pub fn value(&self) -> Value {
        let stages = self.stages.iter().map(|stage| {
            json!({"name": stage.name, "wall": stage.wall.as_secs_f64(), "cpu": stage.cpu.as_secs_f64()})
        });
        let (wall, cpu) = self.total();
        json!({"wanted": self.wanted, "fetched": self.fetched, "read": self.read, "sent": self.sent,
            "mounted": self.mounted, "wall": wall.as_secs_f64(), "cpu": cpu.as_secs_f64(),
            "stages": stages.collect::<Vec<_>>()})
    }

    fn total(&self) -> (Duration, Duration) {
        let sum = |of: fn(&Stage) -> Duration| self.stages.iter().map(of).sum();
        (sum(|stage| stage.wall), sum(|stage| stage.cpu))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_all_of_it() {
        let stage = |name, wall, cpu| Stage {
            name,
            wall: Duration::from_millis(wall),
            cpu: Duration::from_millis(cpu),
        };
        let stages = vec![stage("resolve", 20, 10), stage("read", 1500, 2250)];
        let costs = Costs { wanted: 2_000_000, fetched: 1_000, sent: 5, stages, ..Costs::default() };
        let mut line = Vec::new();
        costs.write(&mut line).unwrap();
        let want = "cost   wanted 2.00 MB, fetched 1.00 kB, sent 5 B, mounted 0 B; 1.52 s, 2.26 CPU s \
                    (resolve 0.02/0.01, read 1.50/2.25)\n";
        assert_eq!(String::from_utf8(line).unwrap(), want);
    }
}
