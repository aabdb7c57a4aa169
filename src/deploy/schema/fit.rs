//! Whether an object fits its schema, with every misfit and its line.

use regex::Regex;
use serde_json::Map;
use serde_json::Value as Json;

use super::Kind;
use super::Schemas;
use crate::deploy::yaml::Node;
use crate::deploy::yaml::Value;

/// Deepest schema that is followed: references cannot go round.
const DEEPEST: usize = 64;

/// A place where an object is not what its schema asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Fields from the root, such as `spec.components[main].replicas`.
    pub field: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub slip: Slip,
}

/// How an object can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slip {
    /// A field that is not there; with those that are.
    Unknown(String, Vec<String>),
    /// A field that must be there.
    Missing(String),
    /// Another type, with what belongs here.
    Type(&'static str, &'static str),
    /// A value that is not allowed, and why.
    Bounds(String),
}

struct Walk<'a> {
    kind: &'a Kind,
    misfits: Vec<Misfit>,
}

impl Schemas {
    /// Everywhere that `object` does not fit. Nothing when its kind is not known.
    #[must_use]
    pub fn misfits(&self, version: &str, kind: &str, object: &Node) -> Vec<Misfit> {
        let Some(kind) = self.find(version, kind) else {
            return Vec::new();
        };
        let mut walk = Walk { kind, misfits: Vec::new() };
        walk.value(&kind.schema, object, "", 0);
        let mut misfits = walk.misfits;
        // A definition says nothing of `metadata`.
        if let (Some((schema, owner)), Some(metadata)) = (self.metadata(), object.get("metadata"))
            && !std::ptr::eq(owner, kind)
        {
            let mut walk = Walk { kind: owner, misfits: Vec::new() };
            walk.value(&schema, metadata, "metadata", 0);
            misfits.extend(walk.misfits);
        }
        misfits
    }
}

impl Walk<'_> {
    fn fail(&mut self, field: &str, line: usize, slip: Slip) {
        self.misfits.push(Misfit { field: field.to_owned(), line, slip });
    }

    fn value(&mut self, schema: &Json, node: &Node, field: &str, depth: usize) {
        let kind = self.kind;
        let shape = schema["$ref"].as_u64().and_then(|number| usize::try_from(number).ok());
        let schema = shape.and_then(|number| kind.shapes.get(number)).unwrap_or(schema);
        let int_or_string = schema["x-kubernetes-int-or-string"] == Json::Bool(true);
        let want = schema["type"].as_str().unwrap_or_default();
        let fits = match &node.value {
            // The API server takes a null for a field that is not there.
            Value::Null => return,
            Value::Bool(_) => want == "boolean",
            Value::Integer(_) => int_or_string || want == "integer" || want == "number",
            Value::Float(number) => want == "number" || (want == "integer" && number.fract() == 0.0),
            Value::Text(_) => int_or_string || want == "string",
            Value::List(_) => want == "array",
            Value::Map(_) => want == "object",
        };
        if want.is_empty() && !int_or_string {
            return;
        }
        if !fits {
            let slip =
                Slip::Type(if int_or_string { "a string or a number" } else { article(want) }, node.kind());
            return self.fail(field, node.line, slip);
        }
        if let Some(reason) = bounds(schema, node) {
            self.fail(field, node.line, Slip::Bounds(reason));
        }
        if depth < DEEPEST {
            match &node.value {
                Value::List(items) => self.list(schema, items, field, depth),
                Value::Map(_) => self.map(schema, node, field, depth),
                _ => {}
            }
        }
    }

    fn list(&mut self, schema: &Json, items: &[Node], field: &str, depth: usize) {
        for (number, item) in items.iter().enumerate() {
            let name = item.text_at("name").map_or_else(|| number.to_string(), str::to_owned);
            self.value(&schema["items"], item, &format!("{field}[{name}]"), depth + 1);
        }
        if schema["x-kubernetes-list-type"] != "map" {
            return;
        }
        let keys = schema["x-kubernetes-list-map-keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        let key = |item: &Node| -> Vec<Option<String>> {
            keys.iter().map(|key| item.get(key.as_str()?).map(Node::shown)).collect()
        };
        for (number, item) in items.iter().enumerate() {
            if items[..number].iter().any(|other| key(other) == key(item)) {
                let said: Vec<String> = key(item).into_iter().flatten().collect();
                let reason = format!("has `{}` twice", said.join("`, `"));
                self.fail(field, item.line, Slip::Bounds(reason));
            }
        }
    }

    fn map(&mut self, schema: &Json, node: &Node, field: &str, depth: usize) {
        let none = Map::new();
        let known = schema["properties"].as_object().unwrap_or(&none);
        let any = &schema["additionalProperties"];
        let open = schema["x-kubernetes-preserve-unknown-fields"] == Json::Bool(true)
            || any == &Json::Bool(true)
            || (known.is_empty() && any.is_null());
        for (key, inner) in node.entries() {
            let name = &key.text;
            let path = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
            match known.get(name) {
                Some(property) => self.value(property, inner, &path, depth + 1),
                None if any.is_object() => self.value(any, inner, &path, depth + 1),
                None if open => {}
                None => {
                    let names = known.keys().cloned().collect();
                    self.fail(&path, key.line, Slip::Unknown(name.clone(), names));
                }
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if node.get(name).is_none_or(|inner| inner.value == Value::Null) {
                self.fail(field, node.line, Slip::Missing(name.to_owned()));
            }
        }
    }
}

/// Why a value of the right type is not allowed.
fn bounds(schema: &Json, node: &Node) -> Option<String> {
    if let Some(known) = schema["enum"].as_array()
        && !known.contains(&node.json())
    {
        let words: Vec<String> =
            known.iter().filter_map(Json::as_str).map(|word| format!("`{word}`")).collect();
        return Some(format!("is `{}`; allowed are {}", node.shown(), words.join(", ")));
    }
    let limit = |key: &str| schema[key].as_i64();
    let outside = |found: i64, least: &str, most: &str| {
        limit(least).is_some_and(|least| found < least) || limit(most).is_some_and(|most| found > most)
    };
    let length = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    match &node.value {
        Value::Integer(number) if outside(*number, "minimum", "maximum") => {
            let least = limit("minimum").map(|least| format!("at least {least}"));
            let most = limit("maximum").map(|most| format!("at most {most}"));
            let parts: Vec<String> = least.into_iter().chain(most).collect();
            Some(format!("is {number}; it must be {}", parts.join(" and ")))
        }
        Value::Text(text) if outside(length(text.chars().count()), "minLength", "maxLength") => {
            Some(if text.is_empty() {
                "is empty".to_owned()
            } else {
                format!("has {} characters", text.chars().count())
            })
        }
        Value::Text(text) => {
            let pattern = schema["pattern"].as_str()?;
            let fits = Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text));
            (!fits).then(|| format!("is `{text}`, which does not match `{pattern}`"))
        }
        Value::List(items) if outside(length(items.len()), "minItems", "maxItems") => {
            Some(format!("has {} items", items.len()))
        }
        Value::Map(entries) if outside(length(entries.len()), "minProperties", "maxProperties") => {
            Some(format!("has {} fields", entries.len()))
        }
        _ => None,
    }
}

fn article(kind: &str) -> &'static str {
    match kind {
        "object" => "an object",
        "array" => "a list",
        "string" => "a string",
        "boolean" => "a truth value",
        "integer" => "a whole number",
        _ => "a number",
    }
}
