//! A plan, for people and for machines.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::build::plan::ImagePlan;
use crate::build::plan::Plan;
use crate::build::plan::Reading;
use crate::report::bytes;
use crate::transport::Fate;

/// Writes the plan for people.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    writeln!(out, "plan of {}", plan.recipe)?;
    write_image(out, "base", &plan.base)?;
    for (name, image) in &plan.donors {
        write_image(out, name, image)?;
    }
    writeln!(out, "  steps")?;
    for (line, words) in &plan.steps {
        writeln!(out, "    line {line:>3}  {words}")?;
    }
    for output in &plan.outputs {
        writeln!(out, "  output {}", output.name)?;
        for (blob, fate) in &output.blobs {
            writeln!(
                out,
                "    {:<8} {}  {:>9}",
                fate_word(*fate),
                blob.digest.short(),
                bytes(blob.size)
            )?;
        }
        writeln!(
            out,
            "    up: {} of the base, and the new layer",
            bytes(output.bytes_up())
        )?;
    }
    let (surely, perhaps) = totals(plan);
    writeln!(
        out,
        "  down: {}, and at most {} more if the donors' upper layers lack a file",
        bytes(surely),
        bytes(perhaps)
    )
}

fn totals(plan: &Plan) -> (u64, u64) {
    let all = std::iter::once(&plan.base)
        .chain(plan.donors.values())
        .map(ImagePlan::bytes_down);
    all.fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
}

fn write_image(out: &mut dyn Write, name: &str, image: &ImagePlan) -> io::Result<()> {
    writeln!(out, "  {name} {} ({})", image.written, image.digest.short())?;
    for (blob, reading) in &image.layers {
        writeln!(
            out,
            "    {:<8} {}  {:>9}",
            reading_word(*reading),
            blob.digest.short(),
            bytes(blob.size)
        )?;
    }
    Ok(())
}

const fn reading_word(reading: Reading) -> &'static str {
    match reading {
        Reading::Known => "known",
        Reading::Cached => "cached",
        Reading::Fetch => "fetch",
        Reading::Perhaps => "perhaps",
    }
}

const fn fate_word(fate: Fate) -> &'static str {
    match fate {
        Fate::Present => "present",
        Fate::Mount => "mount",
        Fate::Upload => "upload",
    }
}

/// The plan as a JSON value: `imgforge.plan/1`.
#[must_use]
pub fn value(plan: &Plan) -> Value {
    let image = |image: &ImagePlan| {
        let layers = image.layers.iter().map(|(blob, reading)| {
            json!({"digest": blob.digest.to_string(), "size": blob.size, "reading": reading_word(*reading)})
        });
        json!({"reference": image.written, "digest": image.digest.to_string(), "layers": layers.collect::<Vec<_>>()})
    };
    let (surely, perhaps) = totals(plan);
    let outputs = plan.outputs.iter().map(|output| {
        let blobs = output.blobs.iter().map(|(blob, fate)| {
            json!({"digest": blob.digest.to_string(), "size": blob.size, "fate": fate_word(*fate)})
        });
        json!({"name": output.name, "bytes_up": output.bytes_up(), "blobs": blobs.collect::<Vec<_>>()})
    });
    json!({
        "schema": "imgforge.plan/1",
        "recipe": plan.recipe,
        "base": image(&plan.base),
        "donors": plan.donors.iter().map(|(name, donor)| (name.clone(), image(donor))).collect::<serde_json::Map<_, _>>(),
        "steps": plan.steps.iter().map(|(line, words)| json!({"line": line, "step": words})).collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "bytes_down": surely,
        "bytes_down_perhaps": perhaps,
    })
}
