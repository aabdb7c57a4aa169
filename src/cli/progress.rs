//! Progress as a person sees it: bars on a terminal, plain lines elsewhere. The only file that names indicatif.

use std::io::IsTerminal;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
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
        Box::new(Bar {
            all: self.all.clone(),
            // Names come from images and registries: no control characters on a terminal (RUSTSEC-2025-0055).
            what: what.escape_debug().to_string(),
            total,
            shown: OnceLock::new(),
        })
    }
}

/// A bar that is there from the first bytes on: work that waits for other work is not shown, nor is work that is
/// done at once.
struct Bar {
    all: MultiProgress,
    what: String,
    total: Option<u64>,
    shown: OnceLock<ProgressBar>,
}

impl Bar {
    fn show(&self) -> ProgressBar {
        let template = match self.total {
            Some(_) => {
                "{msg:40!} {bar:20} {decimal_bytes:>9}/{decimal_total_bytes:<9} {decimal_bytes_per_sec:>11} eta {eta}"
            }
            None => "{msg:40!} {spinner} {decimal_bytes:>9} {decimal_bytes_per_sec:>11}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let bar = self.all.add(bar.with_style(style));
        bar.set_message(self.what.clone());
        bar
    }
}

impl Task for Bar {
    fn advance(&self, bytes: u64) {
        if self.shown.get().is_some() || self.total.is_none_or(|total| bytes < total) {
            self.shown.get_or_init(|| self.show()).inc(bytes);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.shown.get() {
            bar.finish_and_clear();
        }
    }
}

/// A line when a longer task ends.
struct Lines;

struct Line {
    what: String,
    begun: Instant,
    bytes: AtomicU64,
}

impl Progress for Lines {
    fn begin(&self, what: &str, _total: Option<u64>) -> Box<dyn Task> {
        let bytes = AtomicU64::new(0);
        Box::new(Line {
            what: what.escape_debug().to_string(),
            begun: Instant::now(),
            bytes,
        })
    }
}

impl Task for Line {
    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
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
