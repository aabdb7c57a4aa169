//! A run from its first request to its summary.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::End;
use super::Load;
use super::Plan;
use super::closed;
use super::conclude;
use super::open;
use super::summary::Summary;
use super::tally::Sample;
use super::tally::Tally;
use crate::endpoint::Error;
use crate::endpoint::http::Client;
use crate::endpoint::protocol::Question;
use crate::endpoint::runtime;
use crate::progress::Progress;
use crate::progress::Task;

/// How often the wish to stop is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// What all requests of a run share.
pub(super) struct Run {
    pub(super) client: Client,
    pub(super) plan: Plan,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) handle: Handle,
    books: Mutex<(Tally, Option<Box<dyn Task>>)>,
}

/// Runs the plan. When `stop` becomes true, what is under way is given up and the results so far are returned.
///
/// # Errors
/// When no thread can be started. Failed requests are results.
pub fn run(
    client: &Client,
    plan: &Plan,
    stop: &Arc<AtomicBool>,
    progress: &dyn Progress,
) -> Result<Summary, Error> {
    let runtime = runtime()?;
    let total = match plan.end {
        End::Requests(count) => Some(count.saturating_add(plan.warmup)),
        End::Duration(_) => None,
    };
    let task = progress.begin_count("requests", total);
    let run = Arc::new(Run {
        client: client.clone(),
        plan: plan.clone(),
        stop: stop.clone(),
        handle: runtime.handle().clone(),
        books: Mutex::new((Tally::new(plan.stream, plan.objectives), Some(task))),
    });
    let whole = match plan.load {
        Load::Open { rate } => open::drive(&run, rate),
        Load::Closed { concurrency } => closed::drive(&run, concurrency),
    };
    runtime.shutdown_background();
    let mut books = run.books.lock().unwrap_or_else(PoisonError::into_inner);
    books.1 = None;
    Ok(conclude::summary(&run.plan, run.client.address(), &books.0, !whole))
}

impl Run {
    /// Sends request `number`, meant to be sent at `meant`, and takes its end in. Whether the answer was good.
    pub(super) async fn one(&self, number: u64, meant: Instant) -> bool {
        let counts = number >= self.plan.warmup;
        if counts {
            self.books.lock().unwrap_or_else(PoisonError::into_inner).0.begin(meant);
        }
        let question = Question {
            api: self.plan.api,
            model: self.plan.model.clone(),
            prompt: self.plan.prompts.get(number, self.plan.seed),
            max_tokens: self.plan.max_tokens,
            stream: self.plan.stream,
            usage: self.plan.usage,
        };
        let sent = Instant::now();
        let result = self.client.ask(&question).await;
        let ended = result.as_ref().map_or_else(|_| Instant::now(), |reply| reply.done);
        let good = result.is_ok();
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        if counts {
            books.0.take(&Sample { meant, sent, result, ended });
        }
        if let Some(task) = &books.1 {
            task.advance(1);
        }
        good
    }

    /// Whether request `number` is to be sent, if it is meant to be sent at `meant`.
    pub(super) fn goes_on(&self, number: u64, meant: Instant) -> bool {
        let begun = self.books.lock().unwrap_or_else(PoisonError::into_inner).0.begun;
        let over = match self.plan.end {
            End::Requests(count) => number >= count.saturating_add(self.plan.warmup),
            End::Duration(time) => begun.is_some_and(|begun| meant.saturating_duration_since(begun) >= time),
        };
        !over && !self.stopped()
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits for the requests under way, or gives them up when told to stop. Whether all came to their end.
    pub(super) fn finish(&self, mut tasks: JoinSet<()>) -> bool {
        while !tasks.is_empty() {
            if self.stopped() {
                tasks.abort_all();
                return false;
            }
            let next = async { tokio::time::timeout(GLANCE, tasks.join_next()).await };
            drop(self.handle.block_on(next));
        }
        !self.stopped()
    }
}
