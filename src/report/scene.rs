//! Background and anatomy of what was audited as it is.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::audit;
use crate::build;
use crate::build::Locked;
use crate::build::Made;
use crate::build::Seen;
use crate::build::Subject;
use crate::build::origin::Origin;
use crate::finding::Finding;
use crate::index::LayerIndex;
use crate::loader::Loader;
use crate::loader::View;
use crate::oci::Config;
use crate::oci::ImagePath;
use crate::report::Anatomy;
use crate::report::anatomy::Graph;
use crate::report::anatomy::LayerPart;
use crate::report::anatomy::graph;
use crate::report::anatomy::layers;
use crate::report::background::FileIdentity;
use crate::report::background::ImageIdentity;

/// Variables that ld.so and Python's import read: what a verdict depends on.
const LOADING: [&str; 7] = [
    "LD_AUDIT",
    "LD_BIND_NOW",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "NIXL_PLUGIN_DIR",
    "PYTHONHOME",
    "PYTHONPATH",
];

/// The ELF files that findings are about or name, by path as findings write it.
#[must_use]
pub fn files(view: View<'_>, findings: &[Finding]) -> BTreeMap<String, FileIdentity> {
    let separators = ['`', ',', ' ', ';'];
    let texts = findings.iter().flat_map(|finding| finding.evidence.values().chain([&finding.message]));
    let words = texts.flat_map(|text| text.split(separators)).filter(|word| word.starts_with('/'));
    let names: BTreeSet<&str> = words.chain(findings.iter().map(|finding| finding.path.as_str())).collect();
    let identity = |name: &str| {
        let path = ImagePath::from_tar(name.as_bytes()).ok()?;
        let object = view.objects.object(&path, view.tree.get(&path)?)?;
        Some(FileIdentity {
            digest: object.digest.to_string(),
            size: object.size,
            build_id: object.facts.build_id.clone(),
            soname: object.facts.soname.clone(),
        })
    };
    names.into_iter().filter_map(|name| Some((name.to_owned(), identity(name)?))).collect()
}

/// The variables of an environment that decide what is loaded.
#[must_use]
pub fn environment(env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let chosen = LOADING.iter().filter_map(|name| env.get_key_value(*name));
    chosen.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Which image or tree it is.
#[must_use]
pub fn identity(subject: &Subject) -> ImageIdentity {
    match subject {
        Subject::Image(origin) => image("image".to_owned(), origin),
        Subject::Directory(_, name) | Subject::Files(_, name) => ImageIdentity {
            role: "tree".to_owned(),
            reference: name.clone(),
            digest: None,
            platform: String::new(),
        },
    }
}

/// Which images a build is made of, the base first.
#[must_use]
pub fn identities(locked: &Locked) -> Vec<ImageIdentity> {
    let donors = locked.donors.iter().map(|(name, origin)| image(format!("donor {name}"), origin));
    std::iter::once(image("base".to_owned(), &locked.base)).chain(donors).collect()
}

fn image(role: String, origin: &Origin) -> ImageIdentity {
    ImageIdentity {
        role,
        reference: origin.written.clone(),
        digest: Some(origin.image.manifest.digest().to_string()),
        platform: origin.image.config.platform().to_string(),
    }
}

/// Layers and graph of what is as it is. Takes the time of loading each file with an error or warning once more.
///
/// # Errors
/// A file's facts cannot be had.
pub fn anatomy(subject: &Subject, seen: &Seen<'_>, findings: &[Finding]) -> Result<Anatomy, build::Error> {
    let layers = match subject {
        Subject::Image(origin) => layers_of(origin, seen.indexes),
        Subject::Directory(_, name) | Subject::Files(_, name) => {
            seen.indexes.values().map(|index| layers::part(name.clone(), &index.changeset)).collect()
        }
    };
    Ok(Anatomy { layers, graph: graph(seen, findings)? })
}

/// As [`anatomy`], of a build: the base's layers and the new one on top.
///
/// # Errors
/// As [`anatomy`].
pub fn anatomy_of_build(
    made: &Made<'_>,
    seen: &Seen<'_>,
    findings: &[Finding],
) -> Result<Anatomy, build::Error> {
    let mut layers = layers_of(&made.locked.base, seen.indexes);
    let recipe = &made.locked.recipe;
    let instruction = Some(format!("made by {}", recipe.file.display()));
    layers.push(LayerPart { instruction, ..layers::part("new layer".to_owned(), made.changes) });
    Ok(Anatomy { layers, graph: graph(seen, findings)? })
}

fn graph(seen: &Seen<'_>, findings: &[Finding]) -> Result<Graph, build::Error> {
    let loader = Loader::new(seen.view, &seen.options.host_libraries).map_err(audit::Error::from)?;
    let loader = loader.with(audit::companies(&seen.options.contexts)?);
    Ok(graph::of(&loader, findings).map_err(audit::Error::from)?)
}

fn layers_of(origin: &Origin, indexes: &BTreeMap<usize, LayerIndex>) -> Vec<LayerPart> {
    let made = instructions(&origin.image.config);
    let part = |(number, index): (&usize, &LayerIndex)| {
        let digest = origin.image.manifest.layers.get(*number).map(|blob| blob.digest.to_string());
        let instruction = made.get(*number).cloned().filter(|text| !text.is_empty());
        LayerPart { digest, instruction, ..layers::part(format!("layer {number}"), &index.changeset) }
    };
    indexes.iter().map(part).collect()
}

/// What the history says of each layer, bottom first (image-spec `config.md`, `history`).
fn instructions(config: &Config) -> Vec<String> {
    let history = config.value().get("history").and_then(serde_json::Value::as_array);
    let full =
        history.into_iter().flatten().filter(|entry| entry["empty_layer"] != serde_json::Value::Bool(true));
    full.map(|entry| entry["created_by"].as_str().unwrap_or_default().to_owned()).collect()
}
