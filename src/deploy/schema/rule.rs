//! The rules that a definition adds to its schema (`x-kubernetes-validations`), asked of an object that is made.
//!
//! As on an API server they are asked of an object that fits its schema, with the defaults in it, and a rule about a
//! change is not asked: it needs the object as it was.

use serde_json::Value as Json;

use super::Kind;
use super::Schemas;
use super::expression::Answer;
use super::expression::Engine;
use super::expression::Own;
use crate::deploy::yaml::Node;

/// Deepest value that is looked at.
const DEEPEST: usize = 64;

/// What a rule has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Fields from the root; empty for the object itself.
    pub field: String,
    /// Line, from 1.
    pub line: usize,
    /// What it asks for, in the definition's words.
    pub message: String,
    /// Why nobody can tell here; `None` when the rule is broken.
    pub unknown: Option<String>,
}

impl Schemas {
    /// Every rule that the object breaks or that cannot be asked here. Nothing when the definition is built in: those
    /// rules are `check::rules`'.
    #[must_use]
    pub fn rulings(&self, version: &str, kind: &str, object: &Node) -> Vec<Ruling> {
        let Some(Kind { schema, own: true, .. }) = self.find(version, kind) else {
            return Vec::new();
        };
        let mut json = object.json();
        complete(schema, &mut json, 0);
        let mut walk = Walk { engine: Engine::new(), rulings: Vec::new() };
        walk.value(schema, &json, Spot { node: Some(object), line: object.line }, "", 0);
        walk.rulings
    }
}

/// Puts the schema's defaults in, and takes away what is null: an API server takes it for a field that is not there.
fn complete(schema: &Json, json: &mut Json, depth: usize) {
    if depth == DEEPEST {
        return;
    }
    match json {
        Json::Object(fields) => {
            fields.retain(|_, inner| !inner.is_null());
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                if let (Some(default), false) = (property.get("default"), fields.contains_key(name)) {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, inner) in fields.iter_mut() {
                complete(
                    schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]),
                    inner,
                    depth + 1,
                );
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| complete(&schema["items"], item, depth + 1)),
        _ => {}
    }
}

/// Where a value stands; one that a default put in stands where its parent does.
#[derive(Clone, Copy)]
struct Spot<'a> {
    node: Option<&'a Node>,
    line: usize,
}

impl<'a> Spot<'a> {
    fn of(self, node: Option<&'a Node>) -> Self {
        Self { node, line: node.map_or(self.line, |node| node.line) }
    }
}

struct Walk {
    engine: Engine,
    rulings: Vec<Ruling>,
}

impl Walk {
    fn value(&mut self, schema: &Json, json: &Json, spot: Spot<'_>, field: &str, depth: usize) {
        if depth == DEEPEST {
            return;
        }
        let rules = schema["x-kubernetes-validations"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !rules.is_empty() {
            let own = Own::of(schema, json);
            rules.iter().for_each(|rule| self.rule(rule, &own, spot, field));
        }
        match json {
            Json::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    let name = item["name"].as_str().map_or_else(|| number.to_string(), str::to_owned);
                    let spot = spot.of(spot.node.and_then(|node| node.items().get(number)));
                    self.value(&schema["items"], item, spot, &format!("{field}[{name}]"), depth + 1);
                }
            }
            Json::Object(fields) => {
                for (name, inner) in fields {
                    let path = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                    let property = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                    let spot = spot.of(spot.node.and_then(|node| node.get(name)));
                    self.value(property, inner, spot, &path, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn rule(&mut self, rule: &Json, own: &Own, spot: Spot<'_>, field: &str) {
        let text = |key: &str| rule[key].as_str().filter(|text| !text.is_empty());
        let Some(expression) = text("rule") else {
            return;
        };
        if self.engine.looks_back(expression) && rule["optionalOldSelf"] != Json::Bool(true) {
            return;
        }
        let unknown = match self.engine.ask(expression, own) {
            Answer::Yes => return,
            Answer::No => None,
            Answer::Text(_) => Some("it is neither true nor false".to_owned()),
            Answer::Unknown(reason) => Some(reason),
        };
        let said = text("messageExpression").map(|message| self.engine.ask(message, own));
        let message = match said {
            Some(Answer::Text(said)) => said,
            _ => text("message").map_or_else(|| format!("`{expression}`"), str::to_owned),
        };
        let path = text("fieldPath").unwrap_or_default();
        let names = path.split('.').filter(|name| !name.is_empty());
        let below = names.clone().try_fold(spot.node, |node, name| node.map(|node| node.get(name)));
        let line = below.flatten().map_or(spot.line, |node| node.line);
        let field = match (field, path.trim_start_matches('.')) {
            (field, "") => field.to_owned(),
            ("", path) => path.to_owned(),
            (field, path) => format!("{field}.{path}"),
        };
        self.rulings.push(Ruling { field, line, message, unknown });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::yaml;
    use serde_json::json;

    /// Field, line and reason of each ruling on a text.
    fn rulings(rules: &Json, text: &str) -> Vec<(String, usize, String, bool)> {
        let part = json!({"type": "object", "x-kubernetes-validations": rules, "properties": {
            "least": {"type": "integer"}, "most": {"type": "integer", "default": 3}}});
        let spec = json!({"type": "object", "properties": {"parts": {"type": "array", "items": part}}});
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        let version = json!({"name": "v1", "served": true, "schema": {"openAPIV3Schema": schema}});
        let spec = json!({"group": "g.io", "names": {"kind": "K"}, "versions": [version]});
        let mut schemas = Schemas::built_in();
        schemas.define("crd", &json!({"kind": "CustomResourceDefinition", "spec": spec})).unwrap();
        let object = yaml::read(text).unwrap().remove(0);
        let told = schemas.rulings("g.io/v1", "K", &object);
        told.into_iter().map(|one| (one.field, one.line, one.message, one.unknown.is_some())).collect()
    }

    const TEXT: &str = "spec:\n  parts:\n  - least: 4\n    most: null\n  - least: 4\n    most: 9\n  - {}\n";

    #[test]
    fn a_broken_rule_is_told_with_its_place_and_defaults_count() {
        let rules = json!([{"rule": "!has(self.least) || self.least <= self.most", "message": "too much",
            "fieldPath": ".least"}]);
        let want = ("spec.parts[0].least".to_owned(), 3, "too much".to_owned(), false);
        assert_eq!(rulings(&rules, TEXT), [want]);
        let rules =
            json!([{"rule": "!has(self.least)", "messageExpression": "'least is ' + string(self.least)"}]);
        let told = rulings(&rules, TEXT);
        assert_eq!((told.len(), told[1].0.as_str(), told[1].2.as_str()), (2, "spec.parts[1]", "least is 4"));
    }

    #[test]
    fn a_rule_about_a_change_is_not_asked_and_what_cannot_be_asked_is_told() {
        let rules = json!([{"rule": "self.most == oldSelf.most"}]);
        assert_eq!(rulings(&rules, TEXT), []);
        let rules = json!([{"rule": "oldSelf.hasValue() || self.most == 9", "optionalOldSelf": true}]);
        assert_eq!(rulings(&rules, TEXT).len(), 2);
        let told =
            rulings(&json!([{"rule": "self.most == 3 && ip('::1').family() == 6", "message": "m"}]), TEXT);
        assert_eq!(told.iter().filter(|one| one.3).count(), 2, "{told:?}");
        assert_eq!(told.iter().filter(|one| !one.3).count(), 1, "the one that is false whatever `ip` says");
    }
}
