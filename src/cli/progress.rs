//! Progress as a person sees it: bars on a terminal, plain lines elsewhere. The only file that names indicatif.

use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use indicatif::MultiProgress;
use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;

use crate::cli::args::ProgressMode;
use crate::progress::Progress;
use crate::progress::Silent;
use crate::progress::Task;

/// Work that is over sooner than this gets no line of its own: a cached layer is no news.
const WORTH_A_LINE: Duration = Duration::from_millis(500);

/// Chooses how progress is shown.
#[must_use]
pub fn choose(mode: ProgressMode, quiet: bool) -> Box<dyn Progress> {
    let terminal = std::io::stderr().is_terminal();
    match mode {
        _ if quiet => Box::new(Silent),
        ProgressMode::None => Box::new(Silent),
        ProgressMode::Bars => Box::new(Bars::new()),
        ProgressMode::Auto if terminal => Box::new(Bars::new()),
        ProgressMode::Auto | ProgressMode::Plain => Box::new(Lines),
    }
}

/// One bar a task, with rate and time left.
struct Bars {
    all: MultiProgress,
}

impl Bars {
    fn new() -> Self {
        Self {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)),
        }
    }
}

impl Progress for Bars {
    fn begin(&self, what: &str, total: Option<u64>) -> Box<dyn Task> {
        let template = match total {
            Some(_) => "{msg:40!} {bar:24} {bytes:>10}/{total_bytes:>10} {bytes_per_sec:>11} eta {eta}",
            None => "{msg:40!} {spinner} {bytes:>10} {bytes_per_sec:>11}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self
            .all
            .add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
        bar.set_style(style);
        // Names come from images and registries: no control characters on a terminal (RUSTSEC-2025-0055).
        bar.set_message(what.escape_debug().to_string());
        Box::new(Bar(bar))
    }
}

struct Bar(ProgressBar);

impl Task for Bar {
    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line when a longer task ends.
struct Lines;

struct Line {
    what: String,
    begun: Instant,
    bytes: std::sync::atomic::AtomicU64,
}

impl Progress for Lines {
    fn begin(&self, what: &str, _total: Option<u64>) -> Box<dyn Task> {
        let bytes = std::sync::atomic::AtomicU64::new(0);
        Box::new(Line {
            what: what.escape_debug().to_string(),
            begun: Instant::now(),
            bytes,
        })
    }
}

impl Task for Line {
    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        if took < WORTH_A_LINE {
            return;
        }
        let bytes = *self.bytes.get_mut();
        let rate = bytes as f64 / took.as_secs_f64() / 1e6;
        let done = crate::report::bytes(bytes);
        // A closed stderr must not end the work.
        drop(writeln!(
            std::io::stderr(),
            "  {}: {done} in {:.1} s ({rate:.0} MB/s)",
            self.what,
            took.as_secs_f64()
        ));
    }
}
