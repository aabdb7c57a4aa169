//! Other names (hard links) of files that change: a layer replaces names, not files.

use crate::edit::Decided;
use crate::edit::Decision;
use crate::edit::Edited;
use crate::edit::What;
use crate::edit::notice::HARDLINK_ALIAS;
use crate::finding::Finding;
use crate::layer::Entry;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::rootfs::Rootfs;

/// Replaces the other names of each changed file where its step asks for that, and says of every other name that
/// stays what it means. Called when all that the steps do is known: a name that a step changes or takes away
/// itself is no surprise.
pub(super) fn settle(decided: &Decided, base: &Rootfs, edited: &mut Edited) {
    for (path, decision) in &decided.entries {
        let changed = edited.changes.upserts.get(path);
        let Some(entry) = changed.filter(|entry| matches!(entry.node, Node::File(_))).cloned() else {
            continue;
        };
        for alias in base.aliases(path) {
            let gone = edited.changes.removals.iter().any(|gone| alias.is_within(gone));
            let changed = edited.changes.upserts.contains_key(&alias);
            if gone || changed || decided.entries.contains_key(&alias) {
                continue;
            }
            if decision.replace_aliases {
                let node = Node::Hardlink(path.clone());
                edited.spots.insert(alias.clone(), decision.spot.clone());
                edited.changes.upserts.insert(alias, Entry { meta: entry.meta.clone(), node });
            } else {
                edited.findings.push(report(path, decision, &alias));
            }
        }
    }
}

fn report(path: &ImagePath, decision: &Decision, alias: &ImagePath) -> Finding {
    let message = format!("is a hard link to `{path}` and keeps the old content");
    let mut finding = Finding::of(&HARDLINK_ALIAS, alias.to_string(), message);
    finding.recipe = Some(decision.spot.clone());
    let help = match decision.what {
        What::Graft { .. } => "set `aliases = \"replace\"` in the graft to replace both names",
        _ => "give the other name a step of its own, or make it a link to this one",
    };
    finding.help = Some(help.to_owned());
    finding
}
