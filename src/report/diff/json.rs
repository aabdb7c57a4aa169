//! Differences for machines: `imgforge.diff/1`. Fields may be added; none changes its meaning within a version.

use std::io;
use std::io::Write;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::Compared;
use super::device;
use super::kind;
use super::size;
use super::target;
use crate::build::diff::Aspect;
use crate::build::diff::Difference;
use crate::report::json::schema_of;
use crate::rootfs::TreeNode;

/// The document's version.
pub const SCHEMA: &str = "imgforge.diff/1";

/// What differs between the trees of two images.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// The version of this document: `imgforge.diff/1`.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The first image.
    before: Image<'a>,
    /// The second image.
    after: Image<'a>,
    /// How many paths differ.
    counts: Counts,
    /// The paths that differ, in order.
    paths: Vec<Path>,
}

#[derive(Serialize, JsonSchema)]
struct Image<'a> {
    /// As it was written.
    reference: &'a str,
    /// Of its manifest.
    digest: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct Counts {
    /// Only in the second.
    added: usize,
    /// Only in the first.
    removed: usize,
    /// In both, and not the same.
    changed: usize,
}

#[derive(Serialize, JsonSchema)]
struct Path {
    /// The path.
    path: String,
    /// `added`, `removed` or `changed`.
    change: &'static str,
    /// In what it changed: `kind`, `size`, `content`, `target`, `device`, `mode`, `owner`, `attributes`.
    what: Vec<&'static str>,
    /// What is in the first image.
    before: Option<Thing>,
    /// What is in the second image.
    after: Option<Thing>,
}

#[derive(Serialize, JsonSchema)]
struct Thing {
    /// `directory`, `file`, `link`, `character device`, `block device` or `pipe`.
    kind: &'static str,
    /// Permission bits, octal.
    mode: String,
    /// Numeric owner.
    uid: u64,
    /// Numeric group.
    gid: u64,
    /// Length of a file in bytes.
    size: Option<u64>,
    /// Where a link leads.
    target: Option<String>,
    /// Major and minor number of a device.
    device: Option<String>,
    /// Number of the layer that it comes from, the bottom one being 0.
    layer: usize,
}

fn thing(node: &TreeNode) -> Thing {
    let (meta, kind_of) = (&node.entry.meta, &node.entry.node);
    Thing {
        kind: kind(kind_of),
        mode: format!("{:04o}", meta.mode),
        uid: meta.uid,
        gid: meta.gid,
        size: size(kind_of),
        target: target(kind_of),
        device: device(kind_of),
        layer: node.layer,
    }
}

const fn word(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Kind => "kind",
        Aspect::Size => "size",
        Aspect::Content => "content",
        Aspect::Target => "target",
        Aspect::Device => "device",
        Aspect::Mode => "mode",
        Aspect::Owner => "owner",
        Aspect::Attributes => "attributes",
    }
}

fn path(difference: &Difference) -> Path {
    Path {
        path: difference.path.to_string(),
        change: match (&difference.before, &difference.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        },
        what: difference.what.iter().copied().map(word).collect(),
        before: difference.before.as_ref().map(thing),
        after: difference.after.as_ref().map(thing),
    }
}

/// Writes the differences as one JSON document.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, compared: &Compared) -> io::Result<()> {
    let (added, removed, changed) = compared.counts();
    let (before, after) = (&compared.before, &compared.after);
    let document = Document {
        schema: SCHEMA,
        before: Image { reference: &before.0, digest: &before.1 },
        after: Image { reference: &after.0, digest: &after.1 },
        counts: Counts { added, removed, changed },
        paths: compared.differences.iter().map(path).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// The JSON Schema of the document.
#[must_use]
pub fn schema() -> Value {
    schema_of::<Document<'_>>("imgforge diff")
}
