//! A served model, asked over the OpenAI-compatible API: does it answer, and how fast.
//!
//! Knows HTTP, server-sent events and four routes of the API; it does not know how the server came to run, nor what
//! the model should say. Every answer is hostile: each line, event, body and wait has a bound.

pub mod ask;
pub mod bench;
pub mod error;
pub mod failure;
pub mod http;
pub mod protocol;
pub mod smoke;
pub mod sse;

pub use error::Error;
pub use failure::Failure;
pub use failure::Kind;
pub use http::Client;
pub use http::Patience;
pub use http::Target;

use tokio::runtime::Builder;
use tokio::runtime::Runtime;

/// The ids of the kinds that mean that there was no connection.
pub const UNREACHABLE: [&str; 5] = ["dns", "refused", "tls", "connect-timeout", "unreachable"];

/// The first model that the server lists.
///
/// # Errors
/// The outer one when no thread can be started, the inner one when there is no list or nothing in it.
pub fn first_model(client: &Client) -> Result<Result<String, Failure>, Error> {
    let runtime = runtime()?;
    let answer = runtime.block_on(client.get("v1/models"));
    runtime.shutdown_background();
    let models = answer.and_then(|bytes| protocol::models(&bytes));
    let none = || Failure::new(Kind::ModelNotServed, "the list is empty");
    Ok(models.and_then(|models| models.into_iter().next().ok_or_else(none)))
}

/// The runtime that requests run on: two threads are far more than one server can keep busy.
///
/// # Errors
/// [`Error::Runtime`] when the system gives no threads.
pub(crate) fn runtime() -> Result<Runtime, Error> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name("endpoint").enable_all().build().map_err(Error::Runtime)
}
