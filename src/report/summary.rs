//! What a build did, for people and as metadata for pipelines.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::build::Assembled;
use crate::build::Locked;
use crate::edit::Edited;
use crate::report::Costs;
use crate::report::bytes;
use crate::transport::Receipt;

/// Writes what was changed and where it went.
///
/// # Errors
/// When the output cannot be written.
pub fn write(
    out: &mut dyn Write,
    edited: &Edited,
    assembled: &Assembled,
    receipts: &[Receipt],
    costs: &Costs,
) -> io::Result<()> {
    for graft in &edited.grafts {
        let was = graft.replaced.map_or_else(|| "new".to_owned(), |size| format!("was {}", bytes(size)));
        let state = if graft.identical { "same  " } else { "graft " };
        writeln!(
            out,
            "{state} {} ({}, {was}) sha256:{}",
            graft.path,
            bytes(graft.place.size),
            graft.digest.short()
        )?;
    }
    for patch in &edited.patches {
        let state = if patch.before == patch.after { "same  " } else { "patch " };
        writeln!(out, "{state} {} ({} → {})", patch.path, patch.before.short(), patch.after.short())?;
    }
    for path in &edited.changes.removals {
        writeln!(out, "remove {path}")?;
    }
    for layer in &assembled.whole {
        let (digest, from) = (&layer.descriptor.digest, &layer.from);
        let size = bytes(layer.descriptor.size);
        writeln!(out, "whole  {digest} (layer of {from}, {} entries, {size} compressed)", layer.entries)?;
    }
    match &assembled.layer {
        Some(layer) => writeln!(
            out,
            "layer  {} ({} entries, {} as tar, {} compressed)",
            layer.descriptor.digest,
            layer.entries,
            bytes(layer.tar_size),
            bytes(layer.descriptor.size)
        )?,
        None if assembled.whole.is_empty() => writeln!(out, "layer  none: no file changes")?,
        None => {}
    }
    for receipt in receipts {
        let (sent, mounted) = (bytes(receipt.bytes_sent()), bytes(receipt.bytes_mounted()));
        writeln!(out, "output {} ({sent} sent, {mounted} mounted)", receipt.name)?;
    }
    costs.write(out)?;
    writeln!(out, "image  {}", assembled.image.manifest.digest())
}

/// A build that its gate refused, with the report that says why: `imgforge.build/1`.
#[must_use]
pub fn refused(recipe: &str, report: Value) -> Value {
    json!({"schema": "imgforge.build/1", "recipe": recipe, "digest": null, "report": report})
}

/// What was built, from what, and where it went, and what was found: `imgforge.build/1`.
#[must_use]
pub fn value(
    locked: &Locked,
    edited: &Edited,
    assembled: &Assembled,
    receipts: &[Receipt],
    costs: &Costs,
    report: Value,
) -> Value {
    let donors = locked.donors.iter().map(|(name, donor)| {
        (
            name.clone(),
            json!({"reference": donor.written, "digest": donor.image.manifest.digest().to_string()}),
        )
    });
    let grafts = edited.grafts.iter().map(|graft| {
        json!({"path": graft.path.to_string(), "from": graft.from, "donor_path": graft.donor_path.to_string(),
            "digest": graft.digest.to_string(), "size": graft.place.size, "identical": graft.identical})
    });
    let patches = edited.patches.iter().map(|patch| {
        json!({"path": patch.path.to_string(), "before": patch.before.to_string(), "after": patch.after.to_string()})
    });
    let layer = assembled.layer.as_ref().map(|layer| {
        json!({"digest": layer.descriptor.digest.to_string(), "diff_id": layer.diff_id.to_string(),
            "size": layer.descriptor.size, "tar_size": layer.tar_size, "entries": layer.entries})
    });
    let whole = assembled.whole.iter().map(|layer| {
        json!({"digest": layer.descriptor.digest.to_string(), "diff_id": layer.diff_id.to_string(),
            "size": layer.descriptor.size, "entries": layer.entries, "from": layer.from})
    });
    let outputs = receipts.iter().map(|receipt| {
        json!({"name": receipt.name, "digest": receipt.digest.to_string(),
            "bytes_sent": receipt.bytes_sent(), "bytes_mounted": receipt.bytes_mounted()})
    });
    json!({
        "schema": "imgforge.build/1",
        "recipe": locked.recipe.name,
        "digest": assembled.image.manifest.digest().to_string(),
        "image_id": assembled.image.config.digest().to_string(),
        "base": {"reference": locked.base.written, "digest": locked.base.image.manifest.digest().to_string()},
        "donors": donors.collect::<serde_json::Map<_, _>>(),
        "layer": layer,
        "whole_layers": whole.collect::<Vec<_>>(),
        "files": grafts.collect::<Vec<_>>(),
        "patches": patches.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "costs": costs.value(),
        "report": report,
    })
}
