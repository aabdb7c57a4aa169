//! A model that says what it is told to, as a well-behaved server would put it.

use serde_json::Value;
use serde_json::json;

use crate::script::Act;
use crate::script::Ask;
use crate::script::head;
use crate::script::json as document;
use crate::script::say;
use crate::script::wait;

/// An event with text, in the form that the route has.
pub(crate) fn event(ask: &Ask, text: &str, finish: Option<&str>) -> String {
    let choice = match ask.path.contains("chat") {
        true => json!({"index": 0, "delta": {"content": text}, "finish_reason": finish}),
        false => json!({"index": 0, "text": text, "finish_reason": finish}),
    };
    format!("data: {}\n\n", json!({"object": "x", "choices": [choice]}))
}

/// The event that ends a stream with its counts.
pub(crate) fn counts(prompt: u64, output: u64) -> String {
    let usage = json!({"prompt_tokens": prompt, "completion_tokens": output});
    format!("data: {}\n\n", json!({"choices": [], "usage": usage}))
}

/// The kind that a stream is.
pub(crate) fn stream() -> Act {
    head(200, "text/event-stream; charset=utf-8")
}

/// Health, models, and `words` as answers; `first` and `between` milliseconds of waiting in a stream.
pub(crate) fn well(ask: &Ask, words: &[&str], first: u64, between: u64) -> Vec<Act> {
    match ask.path.as_str() {
        "/health" => document(200, &json!({"status": "healthy"})),
        "/v1/models" => document(200, &json!({"object": "list", "data": [{"id": "tiny"}, {"id": "other"}]})),
        path if ask.body["stream"] == Value::Bool(true) => {
            let mut acts = vec![stream(), wait(first)];
            if path.contains("chat") {
                acts.push(say(
                    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n",
                ));
            }
            for (number, word) in words.iter().enumerate() {
                acts.extend([wait(if number > 0 { between } else { 0 }), say(event(ask, word, None))]);
            }
            acts.push(say(event(ask, "", Some("stop"))));
            if ask.body["stream_options"]["include_usage"] == Value::Bool(true) {
                acts.push(say(counts(7, words.len() as u64)));
            }
            acts.push(say("data: [DONE]\n\n"));
            acts
        }
        path => {
            let text = words.concat();
            let choice = match path.contains("chat") {
                true => json!({"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}),
                false => json!({"text": text, "finish_reason": "stop"}),
            };
            let usage = json!({"prompt_tokens": 7, "completion_tokens": words.len()});
            document(200, &json!({"choices": [choice], "usage": usage}))
        }
    }
}
