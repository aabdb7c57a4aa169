//! Where NIXL looks for its plugins.
//!
//! The plugin manager takes `$NIXL_PLUGIN_DIR`, else `plugins` beside the `libnixl.so` that the process has loaded
//! (NIXL `src/core/nixl_plugin_manager.cpp`, the same from 0.5.0 to 1.4.0), and leaves a plugin that does not load
//! out without a word above the level of information.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Case;
use crate::elf;
use crate::loader::Loader;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

/// The variable that replaces the directory beside the library.
pub(super) const VARIABLE: &str = "NIXL_PLUGIN_DIR";

/// One `libnixl.so` that somebody loads.
pub(super) struct Core {
    pub(super) file: ImagePath,
    /// Who loads it, and by which rule of the search.
    pub(super) users: BTreeSet<(ImagePath, String)>,
    /// Its plugin directory; `None` when it leads to nothing.
    pub(super) plugins: Option<ImagePath>,
    /// As NIXL would print it.
    pub(super) written: String,
    /// A process that has it.
    pub(super) world: World,
}

/// Every core that a file of the tree needs, by its file and its plugin directory.
pub(super) fn cores(loader: &Loader<'_>) -> Result<Vec<Core>, ObjectError> {
    let mut cores: BTreeMap<(ImagePath, String), Core> = BTreeMap::new();
    for (path, object) in loader.catalogue.iter() {
        if !object.facts.needed.iter().any(|name| is_core(name)) {
            continue;
        }
        let Some(world) = loader.load(path)? else { continue };
        let found = world.objects.iter().find(|mapped| is_core(&name_of(mapped)));
        let Some(mapped) = found else { continue };
        let own = mapped.opened.rsplit_once('/').map_or("", |(directory, _)| directory);
        let set = loader.view.env.get(VARIABLE).filter(|value| !value.is_empty());
        let written = set.cloned().unwrap_or_else(|| format!("{own}/plugins"));
        let rule = mapped.via.clone().unwrap_or_else(|| "its own path".to_owned());
        let plugins = loader.place(&written);
        let key =
            (mapped.file.clone(), plugins.as_ref().map_or_else(|| written.clone(), ToString::to_string));
        let file = mapped.file.clone();
        let core = || Core { file, users: BTreeSet::new(), plugins, written, world: world.clone() };
        cores.entry(key).or_insert_with(core).users.insert((path.clone(), rule));
    }
    Ok(cores.into_values().collect())
}

/// Directories of the tree that hold plugins, with the plugins.
pub(super) fn directories(case: &Case<'_>) -> BTreeMap<ImagePath, BTreeSet<ImagePath>> {
    let mut directories: BTreeMap<ImagePath, BTreeSet<ImagePath>> = BTreeMap::new();
    for (path, _) in case.loader.catalogue.iter() {
        let name = String::from_utf8_lossy(path.name());
        if name.starts_with("libplugin_")
            && name.ends_with(".so")
            && elf::stem(&name) == name.trim_end_matches(".so")
        {
            directories.entry(path.parent().unwrap_or_default()).or_default().insert(path.clone());
        }
    }
    directories
}

/// Whether a library belongs to NIXL itself.
pub(super) fn is_own(name: &str) -> bool {
    ["libnixl", "libserdes", "libstream", "libucx_utils", "libfile_utils"]
        .iter()
        .any(|own| name.starts_with(own))
}

fn is_core(name: &str) -> bool {
    elf::stem(name.rsplit('/').next().unwrap_or(name)) == "libnixl"
}

/// The SONAME, else the file's name.
pub(super) fn name_of(mapped: &crate::loader::Mapped) -> String {
    let own = || String::from_utf8_lossy(mapped.file.name()).into_owned();
    mapped.object.facts.soname.clone().unwrap_or_else(own)
}
