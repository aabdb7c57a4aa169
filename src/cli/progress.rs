//! Progress as a person sees it: bars on a terminal, plain lines elsewhere. The only file that names indicatif.

use std::cell::OnceCell;
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
use crate::cli::interrupt;
use crate::progress::Progress;
use crate::progress::Silent;
use crate::progress::Task;

/// Work that is over sooner than this gets no line of its own: a cached layer is no news.
const WORTH_A_LINE: Duration = Duration::from_millis(500);

/// Chooses how progress is shown.
#[must_use]
pub fn choose(mode: ProgressMode, quiet: bool) -> Box<dyn Progress> {
    let terminal = std::io::stderr().is_terminal();
    let shown: Box<dyn Progress> = match mode {
        _ if quiet => Box::new(Silent),
        ProgressMode::None => Box::new(Silent),
        ProgressMode::Bars => Box::new(Bars::new()),
        ProgressMode::Auto if terminal => Box::new(Bars::new()),
        ProgressMode::Auto | ProgressMode::Plain => Box::new(Lines),
    };
    Box::new(Heeding { shown })
}

/// However progress is shown: its tasks tell of the user's wish to stop.
struct Heeding {
    shown: Box<dyn Progress>,
}

struct Heedful {
    shown: Box<dyn Task>,
    /// There from the first question on: only work that asks can be waited for.
    heeding: OnceCell<interrupt::Heeding>,
}

impl Heedful {
    fn over(shown: Box<dyn Task>) -> Box<dyn Task> {
        Box::new(Self { shown, heeding: OnceCell::new() })
    }
}

impl Progress for Heeding {
    fn begin(&self, what: &str, total: Option<u64>) -> Box<dyn Task> {
        Heedful::over(self.shown.begin(what, total))
    }

    fn begin_count(&self, what: &str, total: Option<u64>) -> Box<dyn Task> {
        Heedful::over(self.shown.begin_count(what, total))
    }
}

impl Task for Heedful {
    fn advance(&self, bytes: u64) {
        self.shown.advance(bytes);
    }

    fn is_stopped(&self) -> bool {
        self.heeding.get_or_init(interrupt::Heeding::begin).is_asked_to_stop()
    }
}

/// One bar a task, with rate and time left.
struct Bars {
    all: MultiProgress,
}

impl Bars {
    fn new() -> Self {
        Self { all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)) }
    }
}

impl Bars {
    fn bar(&self, what: &str, total: Option<u64>, counts: bool) -> Box<dyn Task> {
        Box::new(Bar {
            all: self.all.clone(),
            // Names come from images and registries: no control characters on a terminal (RUSTSEC-2025-0055).
            what: what.escape_debug().to_string(),
            total,
            counts,
            shown: OnceLock::new(),
        })
    }
}

impl Progress for Bars {
    fn begin(&self, what: &str, total: Option<u64>) -> Box<dyn Task> {
        self.bar(what, total, false)
    }

    fn begin_count(&self, what: &str, total: Option<u64>) -> Box<dyn Task> {
        self.bar(what, total, true)
    }
}

/// A bar that is there from the first bytes on: work that waits for other work is not shown, nor is work that is
/// done at once.
struct Bar {
    all: MultiProgress,
    what: String,
    total: Option<u64>,
    counts: bool,
    shown: OnceLock<ProgressBar>,
}

impl Bar {
    fn show(&self) -> ProgressBar {
        let template = match self.total {
            Some(_) if self.counts => "{msg:40!} {bar:20} {pos:>9}/{len:<9} {per_sec:>11} eta {eta}",
            None if self.counts => "{msg:40!} {spinner} {pos:>9} {per_sec:>11}",
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
    counts: bool,
    done: AtomicU64,
}

impl Lines {
    fn line(what: &str, counts: bool) -> Box<dyn Task> {
        let done = AtomicU64::new(0);
        Box::new(Line { what: what.escape_debug().to_string(), begun: Instant::now(), counts, done })
    }
}

impl Progress for Lines {
    fn begin(&self, what: &str, _total: Option<u64>) -> Box<dyn Task> {
        Self::line(what, false)
    }

    fn begin_count(&self, what: &str, _total: Option<u64>) -> Box<dyn Task> {
        Self::line(what, true)
    }
}

impl Task for Line {
    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        if took < WORTH_A_LINE {
            return;
        }
        let (done, seconds) = (*self.done.get_mut(), took.as_secs_f64());
        let rate = done as f64 / seconds;
        let text = match self.counts {
            true => format!("{done} in {seconds:.1} s ({rate:.1}/s)"),
            false => {
                let bytes = crate::report::bytes(done);
                format!("{bytes} in {seconds:.1} s ({:.0} MB/s)", rate / 1e6)
            }
        };
        // A closed stderr must not end the work.
        drop(writeln!(std::io::stderr(), "  {}: {text}", self.what));
    }
}
