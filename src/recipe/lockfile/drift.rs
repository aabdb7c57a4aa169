//! What moved between two lock files, in words.

use std::collections::BTreeMap;
use std::fmt;

use crate::recipe::lockfile::Lockfile;

/// One input or result that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What moved, such as ``base `debian:12` ``.
    pub what: String,
    /// What the lock file has; `None`: it was not there.
    pub was: Option<String>,
    /// What is now; `None`: it is not there any more.
    pub now: Option<String>,
    /// Whether it is an input; the rest follows from inputs.
    pub input: bool,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.was, &self.now) {
            (Some(was), Some(now)) => write!(f, "{} was {was}, now {now}", self.what),
            (Some(was), None) => write!(f, "{} was {was}, now gone", self.what),
            (None, now) => write!(f, "{} is new: {}", self.what, now.as_deref().unwrap_or_default()),
        }
    }
}

/// Facts by what they are about. The number puts inputs before what follows from them.
type Facts = BTreeMap<(u8, String), String>;

/// Facts below this number are inputs of the build.
const FIRST_RESULT: u8 = 5;

impl Lockfile {
    /// What is different in `now`: inputs first, then what follows from them. Empty when nothing moved.
    #[must_use]
    pub fn drift(&self, now: &Self) -> Vec<Drift> {
        let (was, now) = (facts(self), facts(now));
        let mut keys: Vec<_> = was.keys().chain(now.keys()).collect();
        keys.sort();
        keys.dedup();
        let moved = keys.into_iter().filter(|key| was.get(key) != now.get(key));
        moved
            .map(|key| Drift {
                what: key.1.clone(),
                was: was.get(key).cloned(),
                now: now.get(key).cloned(),
                input: key.0 < FIRST_RESULT,
            })
            .collect()
    }
}

fn facts(lock: &Lockfile) -> Facts {
    let mut facts = Facts::new();
    let mut add = |order: u8, what: String, value: String| {
        facts.insert((order, what), value);
    };
    add(0, "the recipe".to_owned(), lock.recipe.to_string());
    add(0, "the format of layers".to_owned(), lock.format.clone());
    for (name, value) in &lock.vars {
        add(1, format!("variable `{name}`"), format!("`{value}`"));
    }
    for image in &lock.images {
        let name = match image.name.as_str() {
            "base" => format!("base `{}`", image.reference),
            name => format!("source `{name}`, `{}`", image.reference),
        };
        add(2, format!("platform of {name}"), image.platform.clone());
        add(2, name.clone(), image.manifest.to_string());
        for (layer, number) in image.layers.iter().zip(1..) {
            add(6, format!("layer {number:03} of {name}"), layer.digest.to_string());
            add(6, format!("content of layer {number:03} of {name}"), layer.diff_id.to_string());
        }
    }
    for input in &lock.inputs {
        add(3, format!("file `{}`", input.path), input.sha256.to_string());
    }
    for graft in &lock.grafts {
        let what = format!("`{}` for `{}`", graft.donor_path, graft.path);
        add(5, format!("graft of {what} from `{}`", graft.from), graft.sha256.to_string());
        add(6, format!("layer of {what} from `{}`", graft.from), graft.layer.to_string());
    }
    for patch in &lock.patches {
        add(5, format!("`{}` before `{}`", patch.path, patch.with), patch.before.to_string());
        add(6, format!("`{}` after `{}`", patch.path, patch.with), patch.after.to_string());
    }
    if let Some(result) = &lock.result {
        for (diff_id, number) in result.diff_ids.iter().zip(1..) {
            add(7, format!("new layer {number:03}"), diff_id.to_string());
        }
        add(8, "the manifest of the result".to_owned(), result.manifest.to_string());
    }
    facts
}
