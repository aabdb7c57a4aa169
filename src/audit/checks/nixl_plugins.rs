//! The plugins that NIXL finds, and those that it never looks at.

use std::collections::BTreeSet;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::nixl;
use crate::audit::nixl::Core;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "nixl-plugins",
    summary: "plugins of NIXL that are not looked at, or are of another build than the libnixl that opens them",
    severity: Severity::Warning,
    explain: "\
NIXL opens its backends (`libplugin_UCX.so`, `libplugin_LIBFABRIC.so`) from one directory: $NIXL_PLUGIN_DIR, else \
`plugins` beside the `libnixl.so` that the process has loaded. Images carry several NIXLs, and which one a file \
gets is decided by RPATH, LD_LIBRARY_PATH and RUNPATH; a plugin that does not load is left out without a word, and \
so is one that lies in a directory that nobody asks.

Told are plugin directories that no libnixl of the image looks into (a warning when this build puts something \
there), a NIXL_PLUGIN_DIR that leads to nothing, and plugins that were linked against another build of NIXL's own \
libraries than the process has: they get its copies, as the names are loaded already.

Put the plugins where the finding says that they are looked for, or set NIXL_PLUGIN_DIR; take libnixl and its \
plugins from one release.",
    example: include_str!("../../../fixtures/checks/nixl-plugins/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let directories = nixl::directories(case);
    if directories.is_empty() {
        return Ok(());
    }
    let cores = nixl::cores(&case.loader)?;
    for core in &cores {
        let plugins = core.plugins.as_ref().and_then(|directory| directories.get(directory));
        match plugins {
            None => nowhere(core, findings),
            Some(plugins) => {
                for plugin in plugins {
                    foreign(case, core, plugin, findings)?;
                }
            }
        }
    }
    let asked: BTreeSet<&ImagePath> = cores.iter().filter_map(|core| core.plugins.as_ref()).collect();
    for (directory, plugins) in directories.iter().filter(|(directory, _)| !asked.contains(directory)) {
        if !cores.is_empty() {
            unasked(case, directory, plugins, &cores, findings);
        }
    }
    Ok(())
}

fn finding(severity: Severity, path: &ImagePath, message: String, core: &Core) -> Finding {
    let mut finding = Finding::new(CHECK.id, severity, path.to_string(), message);
    let users = core.users.iter().take(5).map(|(user, rule)| format!("{user} by {rule}"));
    finding.evidence.insert("loaded_by".to_owned(), users.collect::<Vec<_>>().join(", "));
    finding.evidence.insert("libnixl".to_owned(), core.file.to_string());
    finding
}

/// The directory that a core looks into has no plugins, or is not there.
fn nowhere(core: &Core, findings: &mut Findings) {
    let message = format!("looks for its plugins in `{}`, where there are none", core.written);
    let mut finding = finding(Severity::Warning, &core.file, message, core);
    finding.help = Some(format!("set {} to a directory of plugins of the same release", nixl::VARIABLE));
    findings.add(finding, vec![core.file.clone()]);
}

/// A plugin that was linked against other builds of NIXL's libraries than the process has.
fn foreign(
    case: &Case<'_>,
    core: &Core,
    plugin: &ImagePath,
    findings: &mut Findings,
) -> Result<(), ObjectError> {
    let Some(world) = case.loader.load(plugin)? else {
        return Ok(());
    };
    let mut others = BTreeSet::new();
    for mapped in world.objects.iter().filter(|mapped| nixl::is_own(&nixl::name_of(mapped))) {
        let name = nixl::name_of(mapped);
        let had = core.world.objects.iter().find(|had| nixl::name_of(had) == name);
        if had.is_some_and(|had| had.object.digest != mapped.object.digest) {
            others.insert(mapped.file.to_string());
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    let message = format!("is opened by `{}`, which has other builds of what it was linked with", core.file);
    let mut finding = finding(Severity::Warning, plugin, message, core);
    finding.evidence.insert("linked_with".to_owned(), others.into_iter().collect::<Vec<_>>().join(", "));
    finding.help = Some("take libnixl and its plugins from one release".to_owned());
    findings.add(finding, vec![plugin.clone(), core.file.clone()]);
    Ok(())
}

/// A directory of plugins that nobody looks into.
fn unasked(
    case: &Case<'_>,
    directory: &ImagePath,
    plugins: &BTreeSet<ImagePath>,
    cores: &[Core],
    findings: &mut Findings,
) {
    let changed: Vec<&ImagePath> =
        plugins.iter().filter(|plugin| case.changed.contains_key(*plugin)).collect();
    // Everything of an image that is audited by itself counts as changed.
    let build = case.changed.len() < case.loader.catalogue.iter().count();
    let severity = if changed.is_empty() || !build { Severity::Note } else { Severity::Warning };
    let asked: BTreeSet<&str> = cores.iter().map(|core| core.written.as_str()).collect();
    let asked = asked.into_iter().map(|written| format!("`{written}`")).collect::<Vec<_>>().join(", ");
    let message = format!("has plugins that no libnixl of the image looks at: they look in {asked}");
    let mut finding = finding(severity, directory, message, &cores[0]);
    finding.evidence.remove("libnixl");
    finding.evidence.remove("loaded_by");
    let names = plugins.iter().map(|plugin| String::from_utf8_lossy(plugin.name()).into_owned());
    finding.evidence.insert("plugins".to_owned(), names.collect::<Vec<_>>().join(", "));
    let cores: BTreeSet<String> = cores.iter().map(|core| core.file.to_string()).collect();
    finding.evidence.insert("libnixl".to_owned(), cores.into_iter().collect::<Vec<_>>().join(", "));
    finding.help = Some(format!("put them into {asked}, or set {}", nixl::VARIABLE));
    findings.add(finding, changed.into_iter().cloned().collect());
}
