//! Cleared → Assembled: the new layer, the configuration and the manifest, written to the store.

use std::collections::BTreeMap;

use serde_json::json;

use crate::build::Cleared;
use crate::build::Error;
use crate::build::Locked;
use crate::build::World;
use crate::build::blob;
use crate::build::config::HistoryEntry;
use crate::build::config::append;
use crate::build::config::edit_config;
use crate::build::early::Earlies;
use crate::build::manifest::edit_manifest;
use crate::build::new_layer;
use crate::build::new_layer::NewLayer;
use crate::build::parents::add_parents;
use crate::build::whole;
use crate::build::whole::Whole;
use crate::edit::Edited;
use crate::layer::Changeset;
use crate::oci::Config;
use crate::oci::Descriptor;
use crate::oci::DiffId;
use crate::oci::Digest;
use crate::oci::Family;
use crate::oci::Image;
use crate::recipe::ConfigEdit;

/// The longest list of files that an annotation holds, in bytes.
const MAX_ANNOTATION: usize = 256 << 10;

/// An image whose new parts are in the store.
pub struct Assembled {
    /// The documents of the result. Equal to the base's, byte for byte, when the recipe changes nothing.
    pub image: Image,
    /// How many of its lowest layers are the base's.
    pub base_layers: usize,
    /// Layers of donors that come next, as they are.
    pub whole: Vec<Whole>,
    /// The layer that was made, if any: the topmost.
    pub layer: Option<NewLayer>,
}

impl Assembled {
    /// The layers that are not the base's, bottom first.
    pub fn added(&self) -> impl Iterator<Item = (&Descriptor, DiffId)> {
        let whole = self.whole.iter().map(|layer| (&layer.descriptor, layer.diff_id));
        whole.chain(self.layer.iter().map(|layer| (&layer.descriptor, layer.diff_id)))
    }
}

/// Writes the new parts of a cleared build. A layer that has to be made may go up early.
///
/// # Errors
/// When the store cannot take them, or a donor's file cannot be had. Nothing is named yet, so nothing half-made can be
/// seen.
pub fn assemble(cleared: &Cleared, earlies: &mut Earlies<'_>, world: &World<'_>) -> Result<Assembled, Error> {
    let (locked, edited) = (&cleared.fetched().locked, cleared.edited());
    let base = &locked.base.image;
    let base_layers = base.manifest.layers.len();
    let family = base.manifest.family;
    let (whole, rest) = divide(cleared);
    let notes = provenance(locked, edited);
    let layer = if rest.is_empty() {
        None
    } else {
        Some(new_layer::obtain(&rest, cleared, (&notes, earlies), world)?)
    };
    if whole.is_empty() && layer.is_none() && locked.recipe.config == ConfigEdit::default() {
        return Ok(Assembled { image: base.clone(), base_layers, whole, layer });
    }
    let config = make_config(locked, edited, &whole, layer.as_ref(), world)?;
    world.store.put(config.bytes())?;
    let config_type = &base.manifest.config.media_type;
    let config_type = if config_type.is_empty() { family.config() } else { config_type };
    let described = Descriptor::of(config_type, config.bytes());
    let added = whole.iter().map(|layer| &layer.descriptor);
    let added: Vec<&Descriptor> = added.chain(layer.as_ref().map(|layer| &layer.descriptor)).collect();
    let manifest = edit_manifest(&base.manifest, &described, &added, &notes)?;
    world.store.put(&manifest.bytes)?;
    let image = Image::new(manifest, config).map_err(|source| {
        let place = locked.base.written.clone();
        crate::transport::error::Error::Config { place, source: Box::new(source) }
    })?;
    Ok(Assembled { image, base_layers, whole, layer })
}

/// The donors' layers that do what the steps ask for as they are, and the changes that are left for a new one.
fn divide(cleared: &Cleared) -> (Vec<Whole>, Changeset) {
    let changes = &cleared.edited().changes;
    if changes.is_empty() {
        return (Vec::new(), Changeset::default());
    }
    let mut full = changes.clone();
    add_parents(&mut full, &cleared.fetched().base.rootfs);
    whole::take(cleared.fetched(), changes, &full)
}

fn make_config(
    locked: &Locked,
    edited: &Edited,
    whole: &[Whole],
    layer: Option<&NewLayer>,
    world: &World<'_>,
) -> Result<Config, Error> {
    let mut value = locked.base.image.config.value().clone();
    edit_config(&mut value, &locked.recipe.config);
    if locked.base.image.manifest.family == Family::Docker {
        // Docker's manifest has no annotations, so provenance goes where Docker shows it.
        let labels = provenance(locked, edited);
        edit_config(&mut value, &ConfigEdit { labels, ..ConfigEdit::default() });
    }
    let base_created = value.get("created").and_then(serde_json::Value::as_str).map(str::to_owned);
    let created = world.created.clone().or(base_created);
    if let (Some(created), Some(root)) = (&created, value.as_object_mut()) {
        root.insert("created".to_owned(), json!(created));
    }
    let created_by = format!("imgforge build {}", locked.recipe.name);
    for layer in whole {
        let created_by = format!("{created_by}: layer {} of {}", layer.descriptor.digest, layer.from);
        append(&mut value, Some(layer.diff_id), &HistoryEntry { created: created.clone(), created_by });
    }
    if whole.is_empty() || layer.is_some() {
        append(&mut value, layer.map(|layer| layer.diff_id), &HistoryEntry { created, created_by });
    }
    Ok(Config::from_value(&value)?)
}

/// Where everything came from. `org.opencontainers.image.base.*` names only the base
/// (image-spec `annotations.md`); donors have names of our own.
fn provenance(locked: &Locked, edited: &Edited) -> BTreeMap<String, String> {
    let mut notes = BTreeMap::from([
        ("org.opencontainers.image.base.name".to_owned(), locked.base.written.clone()),
        ("org.opencontainers.image.base.digest".to_owned(), locked.base.image.manifest.digest().to_string()),
        ("io.imgforge.recipe".to_owned(), locked.recipe.name.clone()),
        ("io.imgforge.recipe.digest".to_owned(), locked.recipe.digest.to_string()),
        ("io.imgforge.format".to_owned(), blob::FORMAT.to_owned()),
    ]);
    for (name, donor) in &locked.donors {
        let text = format!("{}@{}", donor.written, donor.image.manifest.digest());
        notes.insert(format!("io.imgforge.donor.{name}"), text);
    }
    let grafts = edited.grafts.iter().map(|graft| {
        let from = json!({"from": graft.from, "path": graft.donor_path.to_string(), "digest": graft.digest.to_string()});
        (graft.path.to_string(), from)
    });
    let patches = edited.patches.iter().map(|patch| {
        let hashes = json!({"before": patch.before.to_string(), "after": patch.after.to_string()});
        (patch.path.to_string(), hashes)
    });
    let grafts: BTreeMap<String, serde_json::Value> = grafts.collect();
    let patches: BTreeMap<String, serde_json::Value> = patches.collect();
    for (name, list) in [("io.imgforge.files", grafts), ("io.imgforge.patches", patches)] {
        if !list.is_empty() {
            notes.insert(name.to_owned(), bounded(&json!(list).to_string(), list.len()));
        }
    }
    notes
}

/// A list of files as an annotation. A manifest must stay below the 4 MiB that registries promise to take
/// (distribution-spec), so a longer list is named by its digest; the lock file has it in full.
fn bounded(text: &str, files: usize) -> String {
    if text.len() <= MAX_ANNOTATION {
        return text.to_owned();
    }
    json!({"files": files, "digest": Digest::of(text.as_bytes()).to_string()}).to_string()
}
