//! Differences for people: `A` added, `D` deleted, `M` modified, a path a line.

use std::io;
use std::io::Write;

use super::Compared;
use super::device;
use super::kind;
use super::size;
use super::target;
use crate::build::diff::Aspect;
use crate::build::diff::Difference;
use crate::report::bytes;
use crate::report::escape::line;
use crate::rootfs::TreeNode;

/// Writes a line for each path that differs.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, compared: &Compared) -> io::Result<()> {
    for difference in &compared.differences {
        let path = line(&difference.path.to_string());
        match (&difference.before, &difference.after) {
            (None, Some(node)) => writeln!(out, "A {path} ({})", thing(node))?,
            (Some(node), None) => writeln!(out, "D {path} ({})", thing(node))?,
            (Some(before), Some(after)) => {
                writeln!(out, "M {path} ({})", changes(difference, before, after))?;
            }
            (None, None) => {}
        }
    }
    Ok(())
}

/// The sums in one line.
#[must_use]
pub fn last_line(compared: &Compared) -> String {
    let (added, removed, changed) = compared.counts();
    format!("{added} added, {removed} deleted, {changed} modified")
}

/// What it is, in few words.
fn thing(node: &TreeNode) -> String {
    let node = &node.entry.node;
    let detail = size(node).map(bytes).or_else(|| target(node).map(|to| format!("link → {}", line(&to))));
    detail.unwrap_or_else(|| kind(node).to_owned())
}

fn changes(difference: &Difference, before: &TreeNode, after: &TreeNode) -> String {
    let (a, b) = (&before.entry, &after.entry);
    let both =
        |what: &str, of: &dyn Fn(&TreeNode) -> String| format!("{what} {} → {}", of(before), of(after));
    let words = difference.what.iter().filter_map(|aspect| {
        Some(match aspect {
            Aspect::Kind => format!("{} → {}", kind(&a.node), kind(&b.node)),
            Aspect::Size => both("size", &|node| size(&node.entry.node).map(bytes).unwrap_or_default()),
            // A file of another size has other bytes: once is enough.
            Aspect::Content if difference.what.contains(&Aspect::Size) => return None,
            Aspect::Content => "content".to_owned(),
            Aspect::Target => both("target", &|node| line(&target(&node.entry.node).unwrap_or_default())),
            Aspect::Device => both("device", &|node| device(&node.entry.node).unwrap_or_default()),
            Aspect::Mode => format!("mode {:04o} → {:04o}", a.meta.mode, b.meta.mode),
            Aspect::Owner => both("owner", &|node| {
                let meta = &node.entry.meta;
                format!("{}:{}", meta.uid, meta.gid)
            }),
            Aspect::Attributes => "extended attributes".to_owned(),
        })
    });
    words.collect::<Vec<_>>().join(", ")
}
