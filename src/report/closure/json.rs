//! For machines: `imgforge.closure/1`. Fields may be added; none changes its meaning within a version.
//!
//! The three sets are nested and name files that are replaced, by path in the old tree. A file that replaces
//! nothing, because its name is new there, is under `brought_along` of the smallest set that needs it.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use super::Answer;
use super::SETS;
use crate::abi::closure::Moved;
use crate::abi::closure::Reason;
use crate::abi::closure::Tier;
use crate::oci::ImagePath;

/// The document's version.
pub const SCHEMA: &str = "imgforge.closure/1";
/// Most names of one reason that are listed.
const MOST: usize = 20;

/// The document.
#[must_use]
pub fn value(answers: &[Answer]) -> Value {
    json!({"schema": SCHEMA, "closures": answers.iter().map(answer).collect::<Vec<_>>()})
}

fn answer(answer: &Answer) -> Value {
    let closure = &answer.closure;
    let counts = &closure.counts;
    let paths = |tier, replaces| -> Vec<String> {
        let files = closure.within(tier).filter(|(_, moved)| moved.replaces == replaces);
        files.map(|(path, _)| path.to_string()).collect()
    };
    let mut sets: BTreeMap<&str, Value> = BTreeMap::new();
    let mut brought: BTreeMap<&str, Value> = BTreeMap::new();
    for (tier, name, _) in SETS {
        let replaced = closure.within(tier).filter(|(_, moved)| moved.replaces || moved.tier == Tier::Seed);
        sets.insert(name, json!(replaced.map(|(path, _)| path.to_string()).collect::<Vec<_>>()));
        brought.insert(name, json!(paths(tier, false)));
    }
    json!({
        "old": answer.old, "new": answer.new, "seeds": answer.seeds,
        "needed_to_load": sets["needed_to_load"], "needed_for_layout": sets["needed_for_layout"],
        "built_together": sets["built_together"], "brought_along": brought,
        "files": closure.moves.iter().map(|(path, moved)| file(path, moved)).collect::<Vec<_>>(),
        "unsettled": closure.unsettled.iter().map(reason).collect::<Vec<_>>(),
        "wheel": closure.wheel,
        "counts": {"old": counts.old, "new": counts.new, "paired": counts.paired,
            "identical": counts.identical, "changed": counts.paired - counts.identical},
        "grafts": answer.grafts.iter().map(|graft| json!({
            "root": graft.root, "into": graft.into, "files": graft.files, "added": graft.added,
            "line": graft.line(),
            "recipe": graft.spot.as_ref().map(|spot| json!({"file": spot.file, "line": spot.line})),
        })).collect::<Vec<_>>(),
    })
}

fn file(path: &ImagePath, moved: &Moved) -> Value {
    let set = SETS.iter().find(|(tier, ..)| moved.tier <= *tier).map(|(_, name, _)| *name);
    json!({
        "path": path.to_string(), "from": moved.from.to_string(), "set": set,
        "seed": moved.tier == Tier::Seed, "replaces": moved.replaces,
        "links": moved.links.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "reasons": moved.reasons.iter().map(reason).collect::<Vec<_>>(),
    })
}

fn reason(reason: &Reason) -> Value {
    json!({
        "kind": reason.kind.word(), "by": reason.by.to_string(),
        "of": reason.of.as_ref().map(ToString::to_string),
        "count": reason.names.len(), "names": reason.names.iter().take(MOST).collect::<Vec<_>>(),
        "shown": reason.shown(MOST),
    })
}
