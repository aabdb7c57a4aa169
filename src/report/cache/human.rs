//! The cache for people.

use std::io;
use std::io::Write;
use std::path::Path;

use super::Share;
use super::by_kind;
use super::time;
use super::total;
use crate::report::bytes;
use crate::report::escape::line;
use crate::store::inventory::Item;
use crate::store::inventory::Kind;
use crate::store::prune::Pruned;
use crate::store::repair::Repaired;

/// A table of what there is, by kind.
///
/// # Errors
/// When the output cannot be written.
pub fn show(out: &mut dyn Write, root: &Path, items: &[Item]) -> io::Result<()> {
    let shares = by_kind(items);
    writeln!(out, "cache {}", line(&root.display().to_string()))?;
    let Some(all) = total(&shares) else {
        return writeln!(out, "empty");
    };
    let names: Vec<String> = shares.keys().map(|kind| line(&kind.to_string())).collect();
    let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("total".len());
    let last = ("oldest use".to_owned(), "newest use".to_owned());
    row(out, wide, "kind", ("files", "bytes"), &last)?;
    for (name, share) in names.iter().map(String::as_str).chain(["total"]).zip(shares.values().chain([&all]))
    {
        let last = (time(share.oldest), time(share.newest));
        row(out, wide, name, (&share.count.to_string(), &bytes(share.bytes)), &last)?;
    }
    Ok(())
}

fn row(
    out: &mut dyn Write,
    wide: usize,
    name: &str,
    (count, size): (&str, &str),
    (oldest, newest): &(String, String),
) -> io::Result<()> {
    writeln!(out, "{name:<wide$} {count:>8} {size:>9}  {oldest:<20}  {newest}")
}

/// What went, by kind, and what is left. `dry`: what would go.
///
/// # Errors
/// When the output cannot be written.
pub fn pruned(out: &mut dyn Write, pruned: &Pruned, dry: bool) -> io::Result<()> {
    let verb = if dry { "would remove" } else { "removed" };
    let (gone, kept) = (by_kind(&pruned.removed), by_kind(&pruned.kept));
    for (kind, share) in &gone {
        writeln!(out, "{verb} {}: {}", line(&kind.to_string()), amount(Some(*share)))?;
    }
    let (gone, kept) = (total(&gone), total(&kept));
    writeln!(
        out,
        "{verb} {} in all, {} {}",
        amount(gone),
        amount(kept),
        if dry { "would stay" } else { "stay" }
    )
}

/// Everything that was removed and why, and a last line with the sums.
///
/// # Errors
/// When the output cannot be written.
pub fn repaired(out: &mut dyn Write, repaired: &Repaired) -> io::Result<()> {
    for (item, why) in &repaired.removed {
        let path = line(&item.path.display().to_string());
        writeln!(out, "removed {path} ({}): {}", bytes(item.bytes), line(why))?;
    }
    let (blobs, notes): (Vec<&Item>, Vec<&Item>) =
        repaired.checked.iter().partition(|item| item.kind == Kind::Blobs);
    let sum = |items: Vec<&Item>| amount(total(&by_kind(items)));
    write!(out, "checked blobs: {}, notes: {}; ", sum(blobs), sum(notes))?;
    match repaired.removed.len() {
        0 => writeln!(out, "all sound"),
        count => writeln!(out, "removed {count}: what builds need of it they fetch or make anew"),
    }
}

/// `3 files (1.20 kB)`.
fn amount(share: Option<Share>) -> String {
    let (count, size) = share.map_or((0, 0), |share| (share.count, share.bytes));
    format!("{count} file{} ({})", if count == 1 { "" } else { "s" }, bytes(size))
}
