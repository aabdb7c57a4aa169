//! Libraries that are opened by name at run time, of which one side moved and the other did not.

use super::built_together::Left;
use super::built_together::left_behind;
use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "plugin-left-behind",
    summary: "a library that a replaced file opens at run time stays behind, or the other way round",
    severity: Severity::Warning,
    explain: "\
Plugins are opened with dlopen by a name that stands in the read-only data of the file that opens them, so no \
DT_NEEDED and no symbol connects the two. When one is replaced by another build and the other stays, the image \
loads, and what happens when the plugin is opened depends on what changed in its interface: TensorRT-LLM's \
libtensorrt_llm.so opens libtensorrt_llm_nixl_wrapper.so, and with one of the two left behind the backend that \
was asked for is not there.

Looked at are files in the directories that grafts map of which the donor has another build. Told are those whose \
name stands in a file that was replaced, and those in which the name of a replaced file stands; a beginning such \
as `libplugin_` stands for all names that begin so.

To fix it, graft the file that is named too.",
    example: include_str!("../../../fixtures/checks/plugin-left-behind/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for file in left_behind(case).iter().filter(|file| file.has) {
        if let Some((moved, opens)) = partner(case, file)? {
            let message = if opens {
                format!("stays as it is, but `{moved}`, which is replaced, opens it at run time")
            } else {
                format!("stays as it is, but opens `{moved}`, which is replaced, at run time")
            };
            let mut finding = Finding::new(CHECK.id, CHECK.severity, file.path.to_string(), message);
            finding.help = Some(file.help());
            findings.add(finding, vec![moved.clone()]);
        }
    }
    Ok(())
}

/// A file that was moved, and whether it opens the one left behind (else it is opened by that).
fn partner<'c>(case: &'c Case<'_>, file: &'c Left<'_>) -> Result<Option<(&'c ImagePath, bool)>, ObjectError> {
    let moved = file.donor.donor.moved.keys().filter(|path| case.changed.contains_key(*path));
    for moved in moved {
        if opens(case, moved, &file.path)? {
            return Ok(Some((moved, true)));
        }
        if opens(case, &file.path, moved)? {
            return Ok(Some((moved, false)));
        }
    }
    Ok(None)
}

/// Whether the name of `plugin` stands in `opener`, which does not need it otherwise.
fn opens(case: &Case<'_>, opener: &ImagePath, plugin: &ImagePath) -> Result<bool, ObjectError> {
    let (Some(object), Some(other)) = (case.loader.catalogue.get(opener), case.loader.catalogue.get(plugin))
    else {
        return Ok(false);
    };
    let own = String::from_utf8_lossy(plugin.name());
    let names = [Some(&*own), other.facts.soname.as_deref()];
    let needed = |name: &str| object.facts.needed.iter().any(|needed| needed == name);
    if opener == plugin || names.iter().flatten().any(|name| needed(name)) {
        return Ok(false);
    }
    let traits = case.traits(opener)?;
    // A file's own SONAME stands in its data too where it says who it is.
    let stands = |text: &String| {
        names
            .iter()
            .flatten()
            .any(|name| text == name || (text.ends_with('_') && name.starts_with(text.as_str())))
    };
    Ok(traits.texts.libraries.iter().any(stands))
}
