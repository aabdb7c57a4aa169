//! A plan, for people and for machines.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::build::plan::FilePlan;
use crate::build::plan::ImagePlan;
use crate::build::plan::OutputPlan;
use crate::build::plan::PatternPlan;
use crate::build::plan::Plan;
use crate::build::plan::Reading;
use crate::build::plan::StepPlan;
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
    for step in &plan.steps {
        write_step(out, step, plan.files.as_deref())?;
    }
    for layer in &plan.whole {
        let (blob, from) = (&layer.descriptor, &layer.from);
        let size = bytes(blob.size);
        writeln!(out, "  whole    {}  {size:>9}  layer of {from}, taken as it is", blob.digest.short())?;
    }
    for output in &plan.outputs {
        write_output(out, output)?;
    }
    let (surely, perhaps) = plan.bytes_down();
    write!(out, "  down: {}", bytes(surely))?;
    if perhaps > 0 {
        let more = bytes(perhaps);
        write!(out, ", and {more} more if the donors' upper layers lack a file")?;
    }
    match plan.bytes_grafted() {
        Some(size) => writeln!(
            out,
            "\n  disk: {} in the cache directory, with what is fetched and taken out of layers, and at most as much \
             again as is taken out ({}) for the new layer",
            bytes(surely + perhaps + size),
            bytes(size)
        ),
        None => writeln!(
            out,
            "\n  disk: at most {} in the cache directory, and twice the size of what the steps replace",
            bytes(surely + perhaps)
        ),
    }
}

/// One step: its words, and what it comes to, or its patterns while that is not known.
fn write_step(out: &mut dyn Write, step: &StepPlan, files: Option<&[FilePlan]>) -> io::Result<()> {
    writeln!(out, "    line {:>3}  {}", step.line, step.words)?;
    let Some(files) = files else {
        for pattern in &step.patterns {
            let note = if pattern.optional { "  (if the donor has it)" } else { "" };
            writeln!(out, "              {}{note}", pattern.pattern)?;
        }
        return Ok(());
    };
    for file in files.iter().filter(|file| step.asks_for(file)) {
        let sizes = match (file.size, file.replaced) {
            (Some(size), Some(was)) => format!("{}, was {}", bytes(size), bytes(was)),
            (Some(size), None) => format!("{}, new", bytes(size)),
            (None, Some(was)) => format!("was {}", bytes(was)),
            (None, None) => String::new(),
        };
        writeln!(out, "              {:<7} {}  {sizes}", file.action, file.path)?;
    }
    let absent =
        |pattern: &&PatternPlan| pattern.optional && files.iter().all(|file| file.line != pattern.line);
    for pattern in step.patterns.iter().filter(absent) {
        writeln!(out, "              absent  {}  the donor has no such file", pattern.pattern)?;
    }
    Ok(())
}

fn write_output(out: &mut dyn Write, output: &OutputPlan) -> io::Result<()> {
    writeln!(out, "  output {}", output.name)?;
    for (blob, fate) in &output.blobs {
        writeln!(out, "    {:<8} {}  {:>9}", fate_word(*fate), blob.digest.short(), bytes(blob.size))?;
    }
    writeln!(out, "    up: {} of the base, and the new layer", bytes(output.bytes_up()))
}

fn write_image(out: &mut dyn Write, name: &str, image: &ImagePlan) -> io::Result<()> {
    writeln!(out, "  {name} {} ({})", image.written, image.digest.short())?;
    for (blob, reading) in &image.layers {
        writeln!(out, "    {:<8} {}  {:>9}", reading_word(*reading), blob.digest.short(), bytes(blob.size))?;
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
    let (surely, perhaps) = plan.bytes_down();
    let steps = plan.steps.iter().map(|step| {
        let patterns = step.patterns.iter();
        let patterns =
            patterns.map(|one| json!({"pattern": one.pattern, "optional": one.optional, "line": one.line}));
        json!({"line": step.line, "step": step.words, "files": patterns.collect::<Vec<_>>()})
    });
    let files = plan.files.as_ref().map(|files| {
        let file = |file: &FilePlan| {
            json!({"path": file.path.to_string(), "line": file.line, "action": file.action, "size": file.size,
                "replaced": file.replaced})
        };
        files.iter().map(file).collect::<Vec<_>>()
    });
    let whole = plan.whole.iter().map(|layer| {
        json!({"from": layer.from, "digest": layer.descriptor.digest.to_string(), "size": layer.descriptor.size})
    });
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
        "steps": steps.collect::<Vec<_>>(),
        "files": files,
        "whole_layers": whole.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "bytes_down": surely,
        "bytes_down_perhaps": perhaps,
        "bytes_grafted": plan.bytes_grafted(),
    })
}
