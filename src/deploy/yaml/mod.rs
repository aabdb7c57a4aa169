//! Documents of YAML as trees in which every part knows its line.
//!
//! Scalars mean what Kubernetes takes them for, which reads YAML 1.1's words: `yes` without quotes is true.
//! What is read is hostile: its length, depth and number of parts are bounded, with aliases counted in full.

mod build;
mod scalar;

use serde_json::Value as Json;

use crate::deploy::Problem;

/// Longest file that is read, in bytes.
pub const MOST_BYTES: u64 = 8 << 20;

/// A part of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Line, from 1; of a block scalar the first of its text.
    pub line: usize,
    /// Whether it is a text with a line of the file for each of its own.
    pub block: bool,
    /// What it is.
    pub value: Value,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
    /// Items in their order.
    List(Vec<Node>),
    /// Keys with the line of each, in their order; no two are the same.
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Line, from 1.
    pub line: usize,
}

/// All documents of a text; empty ones are left out.
///
/// # Errors
/// Where it is no YAML, says something twice, or is larger than any manifest.
pub fn read(text: &str) -> Result<Vec<Node>, Problem> {
    build::documents(text)
}

impl Node {
    /// What is at `key`, when this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(other, _)| other.text == key).map(|(_, node)| node)
    }

    /// What is at the end of `path`.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The keys of a map; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text, when it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text at `key`.
    #[must_use]
    pub fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Self::text)
    }

    /// The lines of a text with the line of the file that each stands in.
    pub fn lines(&self) -> impl Iterator<Item = (&str, usize)> {
        let lines = self.text().unwrap_or_default().lines().enumerate();
        lines.map(|(number, line)| (line, self.line + if self.block { number } else { 0 }))
    }

    /// What it is, with an article.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }

    /// The same without lines.
    #[must_use]
    pub fn json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(yes) => Json::from(*yes),
            Value::Integer(number) => Json::from(*number),
            Value::Float(number) => Json::from(*number),
            Value::Text(text) => Json::from(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Self::json).collect()),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|(key, node)| (key.text.clone(), node.json())).collect())
            }
        }
    }

    /// A scalar as it would be shown; empty for lists and maps.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.value {
            Value::Text(text) => text.clone(),
            Value::List(_) | Value::Map(_) => String::new(),
            _ => self.json().to_string(),
        }
    }
}
