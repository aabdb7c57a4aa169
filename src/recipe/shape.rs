//! Compares a document with its schema and finds everything of the wrong shape at once.
//!
//! Serde stops at the first mistake and words it for programmers; the schema holds the same rules as data.
//! Understands what [`super::schema::of`] writes: `type`, `properties`, `required`,
//! `additionalProperties`, `items` and `enum`. Keys that exclude each other are not its business.

use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::recipe::error::Problem;
use crate::recipe::fault::Fault;
use crate::recipe::fault::nearest;

/// All places where `document` has not the shape that `schema` asks for.
#[must_use]
pub fn check(schema: &Value, document: &Spanned<DeTable<'_>>) -> Vec<Problem> {
    let mut problems = Vec::new();
    table(schema, document.get_ref(), 0..0, &mut problems);
    problems
}

fn value(schema: &Value, found: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) {
    let want = schema["type"].as_str().unwrap_or_default();
    let fits = match found.get_ref() {
        DeValue::String(_) => want == "string",
        DeValue::Integer(_) => want == "integer",
        DeValue::Boolean(_) => want == "boolean",
        DeValue::Array(_) => want == "array",
        DeValue::Table(_) => want == "object",
        DeValue::Float(_) | DeValue::Datetime(_) => false,
    };
    if !fits {
        let fault =
            Fault::WrongType { want: with_article(want), found: with_article(found.get_ref().type_str()) };
        problems.push(Problem::at(fault, found.span()));
        return;
    }
    match found.get_ref() {
        DeValue::Table(inner) => table(schema, inner, found.span(), problems),
        DeValue::Array(items) => items.iter().for_each(|item| value(&schema["items"], item, problems)),
        DeValue::String(text) => word(schema, text, found.span(), problems),
        _ => {}
    }
}

fn word(schema: &Value, text: &str, span: Range<usize>, problems: &mut Vec<Problem>) {
    let Some(known) = schema["enum"].as_array() else {
        return;
    };
    let known: Vec<String> = known.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if !known.iter().any(|one| one == text) {
        let found = text.to_owned();
        problems.push(Problem::at(Fault::NotAmong { found, known }, span));
    }
}

fn table(schema: &Value, found: &DeTable<'_>, span: Range<usize>, problems: &mut Vec<Problem>) {
    let known: Vec<String> = schema["properties"]
        .as_object()
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default();
    let mut meant = Vec::new();
    for (key, inner) in found {
        match (&schema["properties"][key.get_ref().as_ref()], &schema["additionalProperties"]) {
            (property @ Value::Object(_), _) => value(property, inner, problems),
            (_, any @ Value::Object(_)) => value(any, inner, problems),
            // Handed over as it is.
            (_, Value::Bool(true)) => {}
            _ => {
                meant.extend(nearest(key.get_ref(), &known).map(str::to_owned));
                let fault = Fault::UnknownKey { key: key.get_ref().to_string(), known: known.clone() };
                problems.push(Problem::at(fault, key.span()));
            }
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    for key in required.filter_map(Value::as_str) {
        // A misspelt key has been named already.
        if !found.contains_key(key) && !meant.iter().any(|other| other == key) {
            let place = if span.is_empty() { "belongs at the top" } else { "belongs in this table" };
            problems.push(Problem::at(Fault::MissingKey(key.to_owned()), span.clone()).label(place));
        }
    }
}

fn with_article(kind: &str) -> String {
    match kind {
        "object" | "table" => "a table".to_owned(),
        "array" | "integer" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}
