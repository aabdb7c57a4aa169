//! The cache for machines. Fields may be added; none changes its meaning within a version.

use std::io;
use std::io::Write;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::Share;
use super::by_kind;
use super::time;
use super::total;
use crate::report::json::schema_of;
use crate::store::inventory::Item;
use crate::store::inventory::Kind;
use crate::store::prune::Pruned;
use crate::store::repair::Repaired;

/// The version of what `cache show` prints.
pub const CACHE: &str = "imgforge.cache/1";
/// The version of what `cache prune` prints.
pub const PRUNE: &str = "imgforge.cache-prune/1";
/// The version of what `cache repair` prints.
pub const REPAIR: &str = "imgforge.cache-repair/1";

/// What lies in the cache.
#[derive(Serialize, JsonSchema)]
struct Cache {
    /// The version of this document: `imgforge.cache/1`.
    #[schemars(extend("const" = CACHE))]
    schema: &'static str,
    /// The directory.
    root: String,
    /// What there is, by kind.
    kinds: Vec<Part>,
    /// All of it.
    total: Sum,
}

/// What went out of the cache because of its size or age.
#[derive(Serialize, JsonSchema)]
struct Prune {
    /// The version of this document: `imgforge.cache-prune/1`.
    #[schemars(extend("const" = PRUNE))]
    schema: &'static str,
    /// Whether nothing was removed, and this is what would be.
    dry_run: bool,
    /// What went, by kind.
    removed: Vec<Part>,
    /// All that went.
    removed_total: Sum,
    /// What stays.
    kept_total: Sum,
}

/// What was wrong in the cache.
#[derive(Serialize, JsonSchema)]
struct Repair {
    /// The version of this document: `imgforge.cache-repair/1`.
    #[schemars(extend("const" = REPAIR))]
    schema: &'static str,
    /// What was verified, by kind.
    checked: Vec<Part>,
    /// What was removed, by path.
    removed: Vec<Removed>,
}

/// Files of one kind.
#[derive(Serialize, JsonSchema)]
struct Part {
    /// `blobs`, `notes/` and a kind of facts, `partial`, `tmp` or `other`.
    kind: String,
    /// How many.
    files: usize,
    /// Their length in bytes.
    bytes: u64,
    /// The least recent use, RFC 3339; of what is partial or in `tmp` the last write.
    oldest_use: String,
    /// The most recent use.
    newest_use: String,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    /// How many files.
    files: usize,
    /// Their length in bytes.
    bytes: u64,
}

#[derive(Serialize, JsonSchema)]
struct Removed {
    /// Path below the cache directory.
    path: String,
    /// Kind, as in `checked`.
    kind: String,
    /// Length in bytes.
    bytes: u64,
    /// Why it was removed.
    why: String,
}

fn parts<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<Part> {
    let part = |(kind, share): (Kind, Share)| Part {
        kind: kind.to_string(),
        files: share.count,
        bytes: share.bytes,
        oldest_use: time(share.oldest),
        newest_use: time(share.newest),
    };
    by_kind(items).into_iter().map(part).collect()
}

fn sum<'a>(items: impl IntoIterator<Item = &'a Item>) -> Sum {
    let all = total(&by_kind(items));
    Sum { files: all.map_or(0, |all| all.count), bytes: all.map_or(0, |all| all.bytes) }
}

fn write(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

/// Writes what there is.
///
/// # Errors
/// When the output cannot be written.
pub fn show(out: &mut dyn Write, root: &Path, items: &[Item]) -> io::Result<()> {
    let root = root.display().to_string();
    write(out, &Cache { schema: CACHE, root, kinds: parts(items), total: sum(items) })
}

/// Writes what went.
///
/// # Errors
/// When the output cannot be written.
pub fn pruned(out: &mut dyn Write, pruned: &Pruned, dry_run: bool) -> io::Result<()> {
    let document = Prune {
        schema: PRUNE,
        dry_run,
        removed: parts(&pruned.removed),
        removed_total: sum(&pruned.removed),
        kept_total: sum(&pruned.kept),
    };
    write(out, &document)
}

/// Writes what was wrong.
///
/// # Errors
/// When the output cannot be written.
pub fn repaired(out: &mut dyn Write, repaired: &Repaired) -> io::Result<()> {
    let removed = repaired.removed.iter().map(|(item, why)| Removed {
        path: item.path.display().to_string(),
        kind: item.kind.to_string(),
        bytes: item.bytes,
        why: why.clone(),
    });
    let document = Repair { schema: REPAIR, checked: parts(&repaired.checked), removed: removed.collect() };
    write(out, &document)
}

/// The JSON Schemas of the documents: `show`, `prune`, `repair`.
#[must_use]
pub fn schemas() -> [Value; 3] {
    [
        schema_of::<Cache>("imgforge cache"),
        schema_of::<Prune>("imgforge cache prune"),
        schema_of::<Repair>("imgforge cache repair"),
    ]
}
