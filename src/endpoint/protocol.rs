//! The shapes of the OpenAI-compatible API that imgforge asks for and reads: `/v1/models`, `/v1/completions`,
//! `/v1/chat/completions`. What a server adds is ignored; what the API promises must be there.

use serde_json::Value;
use serde_json::json;

use crate::endpoint::failure::Failure;
use crate::endpoint::failure::Kind;
use crate::endpoint::failure::excerpt;

/// Most models of a list that are taken in.
const MODELS: usize = 1000;

/// A route that makes tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `/v1/completions`.
    Completion,
    /// `/v1/chat/completions`.
    Chat,
}

/// What one question asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The route.
    pub api: Api,
    /// The model's name, as the server lists it.
    pub model: String,
    /// The prompt, or the user's message.
    pub prompt: String,
    /// The most tokens that the answer may have.
    pub max_tokens: u32,
    /// Whether the answer comes as a stream of events.
    pub stream: bool,
    /// Whether a stream is to end with the token counts (`stream_options.include_usage`).
    pub usage: bool,
}

/// How many tokens the server says that it read and made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Of the prompt, chat template included.
    pub prompt: u64,
    /// Of the answer.
    pub output: u64,
}

/// What an answer, or one event of it, carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Text, reasoning or the arguments of a call: what came of tokens. Empty where there is none.
    pub text: String,
    /// Why the model stopped, when it did.
    pub finish: Option<String>,
    /// Token counts, when the server gives them.
    pub usage: Option<Usage>,
}

impl Api {
    /// The path below the server's address.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Completion => "v1/completions",
            Self::Chat => "v1/chat/completions",
        }
    }
}

impl Question {
    /// The request's body.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = match self.api {
            Api::Completion => json!({"model": self.model, "prompt": self.prompt}),
            Api::Chat => {
                json!({"model": self.model, "messages": [{"role": "user", "content": self.prompt}]})
            }
        };
        body["max_tokens"] = self.max_tokens.into();
        body["temperature"] = 0.into();
        body["stream"] = self.stream.into();
        if self.stream && self.usage {
            body["stream_options"] = json!({"include_usage": true});
        }
        body
    }
}

/// Reads a whole answer.
///
/// # Errors
/// [`Kind::NotJson`], [`Kind::WrongShape`], [`Kind::NoChoices`], [`Kind::ErrorEvent`].
pub fn whole(bytes: &[u8]) -> Result<Part, Failure> {
    let value: Value = serde_json::from_slice(bytes).map_err(|_| not_json(Kind::NotJson, bytes))?;
    let part = read(&value, "message", bytes)?;
    match choices(&value) {
        Some([]) => Err(Failure::new(Kind::NoChoices, "")),
        _ => Ok(part),
    }
}

/// Reads one event of a stream. One without choices is fine: the last one may carry the counts alone.
///
/// # Errors
/// [`Kind::MalformedEvent`], [`Kind::WrongShape`], [`Kind::ErrorEvent`].
pub fn event(bytes: &[u8]) -> Result<Part, Failure> {
    let value: Value = serde_json::from_slice(bytes).map_err(|_| not_json(Kind::MalformedEvent, bytes))?;
    read(&value, "delta", bytes)
}

/// The names of the models that are served, in the server's order.
///
/// # Errors
/// [`Kind::NotJson`] and [`Kind::WrongShape`].
pub fn models(bytes: &[u8]) -> Result<Vec<String>, Failure> {
    let value: Value = serde_json::from_slice(bytes).map_err(|_| not_json(Kind::NotJson, bytes))?;
    let Some(list) = value["data"].as_array() else {
        return Err(shape("`data` is no list", bytes));
    };
    let names = list.iter().take(MODELS).map(|model| model["id"].as_str().map(str::to_owned));
    names.collect::<Option<_>>().ok_or_else(|| shape("a model has no `id`", bytes))
}

fn choices(value: &Value) -> Option<&[Value]> {
    value["choices"].as_array().map(Vec::as_slice)
}

fn read(value: &Value, inner: &str, bytes: &[u8]) -> Result<Part, Failure> {
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        let words = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
        return Err(Failure::new(Kind::ErrorEvent, words));
    }
    let Some(choices) = choices(value) else {
        return Err(shape("`choices` is no list", bytes));
    };
    let mut part = Part { usage: usage(&value["usage"]), ..Part::default() };
    for choice in choices {
        if !choice.is_object() {
            return Err(shape("a choice is no object", bytes));
        }
        text(choice, inner, &mut part.text);
        part.finish = choice["finish_reason"].as_str().map(excerpt).or(part.finish);
    }
    Ok(part)
}

/// What came of tokens: text, or under another name what reasoning models and tools make of them.
fn text(choice: &Value, inner: &str, out: &mut String) {
    let message = &choice[inner];
    let texts = [&choice["text"], &message["content"], &message["reasoning_content"], &message["reasoning"]];
    for text in texts.into_iter().filter_map(Value::as_str) {
        out.push_str(text);
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        for name in ["name", "arguments"] {
            out.push_str(call["function"][name].as_str().unwrap_or_default());
        }
    }
}

fn usage(value: &Value) -> Option<Usage> {
    let count = |name: &str| value[name].as_u64();
    Some(Usage { prompt: count("prompt_tokens")?, output: count("completion_tokens").unwrap_or(0) })
}

fn not_json(kind: Kind, bytes: &[u8]) -> Failure {
    Failure::new(kind, format!("`{}`", excerpt(&String::from_utf8_lossy(bytes))))
}

fn shape(what: &str, bytes: &[u8]) -> Failure {
    Failure::new(Kind::WrongShape, format!("{what} in `{}`", excerpt(&String::from_utf8_lossy(bytes))))
}
