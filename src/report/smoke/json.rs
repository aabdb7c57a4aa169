//! A smoke test for machines: `imgforge.smoke/1`. Fields may be added; none changes its meaning within a version.

use std::io;
use std::io::Write;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::endpoint::smoke::Smoke;
use crate::endpoint::smoke::Verdict;
use crate::report::json::schema_of;

/// The document's version.
pub const SCHEMA: &str = "imgforge.smoke/1";

/// A smoke test of a served model.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// The version of this document: `imgforge.smoke/1`.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The server.
    url: &'a str,
    /// The model that was asked, when one was found.
    model: Option<&'a str>,
    /// Whether no step failed.
    ok: bool,
    /// Whether a step failed for want of a connection.
    unreachable: bool,
    /// The steps, in order.
    steps: Vec<Step<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Step<'a> {
    /// `health`, `models`, `completion`, `completion-stream`, `chat` or `chat-stream`.
    name: &'a str,
    /// The request.
    request: &'a str,
    /// `passed`, `failed` or `skipped`.
    verdict: &'static str,
    /// The kind of failure, such as `refused`, `status-503` or `no-tokens`.
    kind: Option<String>,
    /// What there is to say of it; words of the server among it.
    detail: String,
    /// What to look at next, after a failure.
    help: Option<&'static str>,
    /// How long it took.
    seconds: f64,
}

fn document(smoke: &Smoke) -> Document<'_> {
    let steps = smoke.steps.iter().map(|step| {
        let (verdict, kind, detail, help) = match &step.verdict {
            Verdict::Passed(said) => ("passed", None, said.clone(), None),
            Verdict::Skipped(reason) => ("skipped", None, reason.clone(), None),
            Verdict::Failed(failure) => {
                ("failed", Some(failure.kind.id()), failure.to_string(), Some(failure.kind.advice()))
            }
        };
        let seconds = step.took.as_secs_f64();
        Step { name: step.name, request: &step.request, verdict, kind, detail, help, seconds }
    });
    Document {
        schema: SCHEMA,
        url: &smoke.url,
        model: smoke.model.as_deref(),
        ok: smoke.failures().next().is_none(),
        unreachable: smoke.is_unreachable(),
        steps: steps.collect(),
    }
}

/// Writes one JSON document.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, smoke: &Smoke) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(smoke))?;
    writeln!(out)
}

/// The JSON Schema of the document.
#[must_use]
pub fn schema() -> Value {
    schema_of::<Document<'_>>("imgforge smoke test")
}
