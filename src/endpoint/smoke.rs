//! The smoke test: is there a model that answers, by each route, whole and as a stream.

use std::time::Duration;
use std::time::Instant;

use crate::endpoint::Error;
use crate::endpoint::ask::Reply;
use crate::endpoint::failure::Failure;
use crate::endpoint::failure::Kind;
use crate::endpoint::failure::excerpt;
use crate::endpoint::http::Client;
use crate::endpoint::protocol;
use crate::endpoint::protocol::Api;
use crate::endpoint::protocol::Question;
use crate::endpoint::runtime;

/// Most models that a verdict lists.
const LISTED: usize = 20;

/// The steps that ask for tokens: name, route, streaming.
const QUESTIONS: [(&str, Api, bool); 4] = [
    ("completion", Api::Completion, false),
    ("completion-stream", Api::Completion, true),
    ("chat", Api::Chat, false),
    ("chat-stream", Api::Chat, true),
];

/// The names of all steps, in their order.
pub const STEPS: [&str; 6] = ["health", "models", "completion", "completion-stream", "chat", "chat-stream"];

/// What to ask.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The model; the first that is served when it is `None`.
    pub model: Option<String>,
    /// What to say to it.
    pub prompt: String,
    /// The most tokens of each answer.
    pub max_tokens: u32,
    /// Names of [`STEPS`] to leave out.
    pub skip: Vec<String>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Well; with what there is to say.
    Passed(String),
    /// Not well.
    Failed(Failure),
    /// It was not taken; with the reason.
    Skipped(String),
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// One of [`STEPS`].
    pub name: &'static str,
    /// The request, as a person would write it.
    pub request: String,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// All steps, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smoke {
    /// The server.
    pub url: String,
    /// The model that was asked, when one was found.
    pub model: Option<String>,
    /// The steps.
    pub steps: Vec<Step>,
}

impl Smoke {
    /// The failures, in order.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.steps.iter().filter_map(|step| match &step.verdict {
            Verdict::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// Whether a step failed for want of a server.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.failures().any(|failure| failure.kind.is_unreachable())
    }
}

/// Takes all steps, each on a connection of its own. After a connection that cannot be made, or when there is no model to ask, the rest is skipped.
///
/// # Errors
/// When no thread can be started.
pub fn smoke(client: &Client, wish: &Wish) -> Result<Smoke, Error> {
    let runtime = runtime()?;
    let result = runtime.block_on(walk(&client.clone().without_reuse(), wish));
    runtime.shutdown_background();
    Ok(result)
}

async fn walk(client: &Client, wish: &Wish) -> Smoke {
    let mut smoke = Smoke { url: client.address(), model: wish.model.clone(), steps: Vec::new() };
    for (name, path) in [("health", "health"), ("models", "v1/models")] {
        let begun = Instant::now();
        let verdict = match why_not(&smoke, wish, name) {
            Some(reason) => Verdict::Skipped(reason),
            None if name == "health" => health(client.get(path).await),
            None => models(client.get(path).await, &mut smoke.model),
        };
        smoke.steps.push(Step { name, request: format!("GET /{path}"), verdict, took: begun.elapsed() });
    }
    for (name, api, stream) in QUESTIONS {
        let begun = Instant::now();
        let verdict = match (why_not(&smoke, wish, name), &smoke.model) {
            (Some(reason), _) => Verdict::Skipped(reason),
            (None, None) => Verdict::Skipped("no model is known: name one with `--model`".to_owned()),
            (None, Some(model)) => {
                let question = Question {
                    api,
                    model: model.clone(),
                    prompt: wish.prompt.clone(),
                    max_tokens: wish.max_tokens,
                    stream,
                    usage: false,
                };
                let reply = client.ask(&question).await;
                reply.map_or_else(Verdict::Failed, |reply| Verdict::Passed(answered(&reply, begun, stream)))
            }
        };
        let request = format!("POST /{}{}", api.path(), if stream { ", streaming" } else { "" });
        smoke.steps.push(Step { name, request, verdict, took: begun.elapsed() });
    }
    smoke
}

/// Why a step is not taken, if it is not.
fn why_not(smoke: &Smoke, wish: &Wish, name: &str) -> Option<String> {
    if wish.skip.iter().any(|skipped| skipped == name) {
        return Some("as asked".to_owned());
    }
    let last = smoke
        .failures()
        .find(|failure| failure.kind.is_unreachable() || matches!(failure.kind, Kind::ModelNotServed));
    last.map(|failure| format!("after {}", failure.kind))
}

/// A health route is not part of the API: a server without one is not ill.
fn health(answer: Result<Vec<u8>, Failure>) -> Verdict {
    match answer {
        Ok(bytes) => Verdict::Passed(excerpt(&String::from_utf8_lossy(&bytes))),
        Err(Failure { kind: Kind::Status(404 | 405), .. }) => {
            Verdict::Skipped("the server has no such route".to_owned())
        }
        Err(failure) => Verdict::Failed(failure),
    }
}

fn models(answer: Result<Vec<u8>, Failure>, model: &mut Option<String>) -> Verdict {
    let served = match answer.and_then(|bytes| protocol::models(&bytes)) {
        Ok(served) => served,
        Err(failure) => return Verdict::Failed(failure),
    };
    let names = served.iter().take(LISTED).map(|name| format!("`{}`", excerpt(name)));
    let mut list = names.collect::<Vec<_>>().join(", ");
    if served.len() > LISTED {
        list.push_str(&format!(" and {} more", served.len() - LISTED));
    }
    match (&*model, served.first()) {
        (_, None) => Verdict::Failed(Failure::new(Kind::ModelNotServed, "the list is empty")),
        (Some(wanted), _) if !served.contains(wanted) => {
            let detail = format!("`{wanted}` is not among {list}");
            Verdict::Failed(Failure::new(Kind::ModelNotServed, detail))
        }
        (Some(_), _) => Verdict::Passed(list),
        (None, Some(first)) => {
            *model = Some(first.clone());
            Verdict::Passed(list)
        }
    }
}

fn answered(reply: &Reply, begun: Instant, stream: bool) -> String {
    let mut said = format!("`{}`", excerpt(&reply.text.chars().take(60).collect::<String>()));
    if let Some(usage) = reply.usage {
        said.push_str(&format!(", {} tokens", usage.output));
    }
    if stream {
        let first = reply.first.duration_since(begun).as_secs_f64() * 1e3;
        said.push_str(&format!(", {} events, the first after {first:.0} ms", reply.events));
    }
    if let Some(reason) = &reply.finish {
        said.push_str(&format!(", stopped by {reason}"));
    }
    said
}
