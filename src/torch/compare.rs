//! What a change of an operator means for its callers.

use super::Argument;
use super::Schema;

/// How a change touches callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Some calls that worked are refused.
    Breaking,
    /// Calls go through, but compilation or mutation may differ.
    Note,
    /// Every call that worked still works.
    Compatible,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What it does to callers.
    pub effect: Effect,
    /// The operator, as it was declared, without its arguments.
    pub operator: String,
    /// What has changed, in one lower-case line.
    pub what: String,
}

/// The differences between all schemas of one build and all of another, sorted, the worst first.
#[must_use]
pub fn compare(old: &[Schema], new: &[Schema]) -> Vec<Change> {
    let mut changes = Vec::new();
    for schema in old {
        match new.iter().find(|other| name(other) == name(schema)) {
            Some(other) => one(schema, other, &mut changes),
            None => changes.push(change(schema, Effect::Breaking, "is gone".to_owned())),
        }
    }
    for schema in new.iter().filter(|schema| !old.iter().any(|other| name(other) == name(schema))) {
        changes.push(change(schema, Effect::Compatible, "is new".to_owned()));
    }
    changes.sort();
    changes.dedup();
    changes
}

fn name(schema: &Schema) -> (Option<&str>, &str, Option<&str>) {
    (schema.namespace.as_deref(), &schema.name, schema.overload.as_deref())
}

fn change(schema: &Schema, effect: Effect, what: String) -> Change {
    Change { effect, operator: schema.operator(), what }
}

fn one(old: &Schema, new: &Schema, changes: &mut Vec<Change>) {
    let mut say = |effect, what: String| changes.push(change(old, effect, what));
    for (place, argument) in old.arguments.iter().enumerate() {
        match find(new, &argument.name) {
            None => match new.arguments.get(place).filter(|other| find(old, &other.name).is_none()) {
                Some(other) if other.kind == argument.kind => {
                    say(Effect::Breaking, renamed(&argument.name, &other.name));
                }
                _ => say(Effect::Breaking, format!("argument `{argument}` is gone")),
            },
            Some((at, other)) => {
                pair(argument, other, &mut say);
                if at != place && !(argument.keyword_only && other.keyword_only) {
                    let what =
                        format!("argument `{}` moved from place {} to {}", argument.name, place + 1, at + 1);
                    say(Effect::Breaking, what);
                }
            }
        }
    }
    for (place, argument) in new.arguments.iter().enumerate() {
        let takes_place = old
            .arguments
            .get(place)
            .is_some_and(|other| find(new, &other.name).is_none() && other.kind == argument.kind);
        if find(old, &argument.name).is_none() && !takes_place {
            let effect = if argument.default.is_some() { Effect::Compatible } else { Effect::Breaking };
            let kind = if argument.default.is_some() { "optional" } else { "required" };
            say(effect, format!("new {kind} argument `{argument}` at place {}", place + 1));
        }
    }
    if let (Some(before), Some(after)) = (&old.returns, &new.returns)
        && before != after
    {
        say(Effect::Note, format!("returns `{after}` instead of `{before}`"));
    }
}

fn renamed(old: &str, new: &str) -> String {
    format!("argument `{old}` is now `{new}`: calls that pass it by name are refused")
}

fn pair(old: &Argument, new: &Argument, say: &mut impl FnMut(Effect, String)) {
    let name = &old.name;
    if old.kind != new.kind {
        let (before, after) = (old.kind.to_string(), new.kind.to_string());
        let effect = match after.replace("SymInt", "int") == before.replace("SymInt", "int") {
            true => Effect::Note,
            false if *new.kind.inner() == old.kind => Effect::Compatible,
            false => Effect::Breaking,
        };
        say(effect, format!("argument `{name}` is `{after}` instead of `{before}`"));
    }
    match (&old.default, &new.default) {
        (Some(default), None) => {
            say(Effect::Breaking, format!("argument `{name}` has no default `{default}` any more"))
        }
        (None, Some(default)) => {
            say(Effect::Compatible, format!("argument `{name}` has the default `{default}` now"))
        }
        (Some(before), Some(after)) if before != after => {
            say(Effect::Note, format!("argument `{name}` is by default `{after}` instead of `{before}`"));
        }
        _ => {}
    }
    if old.alias != new.alias {
        let show = |alias: &Option<String>| alias.clone().unwrap_or_else(|| "nothing".to_owned());
        let what = format!(
            "argument `{name}` is annotated `{}` instead of `{}`",
            show(&new.alias),
            show(&old.alias)
        );
        say(Effect::Note, what);
    }
    if old.keyword_only != new.keyword_only {
        let (effect, what) = if new.keyword_only {
            (Effect::Breaking, "can be passed by name only now")
        } else {
            (Effect::Compatible, "can be passed by place now")
        };
        say(effect, format!("argument `{name}` {what}"));
    }
}

fn find<'a>(schema: &'a Schema, name: &str) -> Option<(usize, &'a Argument)> {
    schema.arguments.iter().enumerate().find(|(_, argument)| argument.name == name)
}
