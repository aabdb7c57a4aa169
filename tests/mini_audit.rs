//! The gate on the mini fixtures: two builds of one package, mixed in every way that `fixtures/mini` knows.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod elves;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use imgforge::audit;
use imgforge::audit::Donor;
use imgforge::audit::Subject;
use imgforge::finding::Finding;
use imgforge::finding::RecipeSpot;
use imgforge::finding::Severity;
use imgforge::index;
use imgforge::index::ImageObjects;
use imgforge::index::LayerIndex;
use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Node;
use imgforge::loader::View;
use imgforge::oci::Config;
use imgforge::oci::Image;
use imgforge::oci::ImagePath;
use imgforge::oci::Manifest;
use imgforge::oci::manifest::Document;
use imgforge::progress::Silent;
use imgforge::recipe::AuditOptions;
use imgforge::rootfs::Rootfs;
use imgforge::store::Store;

fn manifest_of(bytes: Vec<u8>) -> Manifest {
    match Document::parse(bytes, "").unwrap() {
        Document::Manifest(manifest) => manifest,
        Document::Index(_) => panic!("the fixture's images are manifests"),
    }
}

/// The fixture's layout and the names that `fixture.env` gives.
struct Fixture {
    layout: PathBuf,
    names: BTreeMap<String, String>,
}

impl Fixture {
    fn open() -> Option<Self> {
        let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mini/out");
        let Ok(text) = fs::read_to_string(out.join("fixture.env")) else {
            elves::skipped("the mini fixtures are not built: `fixtures/mini/build.sh`");
            return None;
        };
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some(Self { layout: out.join("layout"), names: text.lines().filter_map(pair).collect() })
    }

    fn blob(&self, hex: &str) -> PathBuf {
        self.layout.join("blobs/sha256").join(hex)
    }

    fn package(&self, place: &str) -> ImagePath {
        elves::path(format!("{}/tensorrt_llm", self.names[place]))
    }
}

/// An image of the fixture with all that is known of it.
struct Known {
    indexes: Vec<LayerIndex>,
    tree: Rootfs,
    objects: ImageObjects,
    env: BTreeMap<String, String>,
}

impl Known {
    fn new(fixture: &Fixture, store: &Store, digest: &str) -> Self {
        let bytes = fs::read(fixture.blob(digest.strip_prefix("sha256:").unwrap())).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let config =
            manifest["config"]["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap().to_owned();
        let config = Config::parse(fs::read(fixture.blob(&config)).unwrap()).unwrap();
        let image = Image::new(manifest_of(bytes), config).unwrap();
        let index = |layer: &imgforge::oci::Layer| {
            let file = fixture.blob(&layer.descriptor.digest.hex());
            let mut open = || -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(fs::File::open(&file)?)) };
            index::obtain(store, layer, &mut open, &|_| false, &Silent).unwrap()
        };
        let indexes: Vec<LayerIndex> = image.layers().iter().map(index).collect();
        let changes: Vec<&Changeset> = indexes.iter().map(|index| &index.changeset).collect();
        Self {
            tree: Rootfs::fold(0, &changes, true).unwrap(),
            objects: ImageObjects::new(store, indexes.iter().enumerate()),
            env: image.config.env().into_iter().collect(),
            indexes,
        }
    }

    fn view(&self) -> View<'_> {
        View { tree: &self.tree, objects: &self.objects, env: &self.env }
    }
}

/// Audits a build that moves those files of the package whose relative names `takes` accepts, with or without
/// EFA's libraries in the search path.
fn audit_mix(efa: bool, takes: &dyn Fn(&str) -> bool) -> Option<Vec<Finding>> {
    let fixture = Fixture::open()?;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let base = Known::new(&fixture, &store, &fixture.names["BASE_DIGEST"]);
    let donor = Known::new(&fixture, &store, &fixture.names["DONOR_DIGEST"]);
    let (root, into) = (fixture.package("DIST_PACKAGES"), fixture.package("SITE_PACKAGES"));
    let (mut changes, mut changed, mut moved) = (Changeset::default(), BTreeMap::new(), BTreeMap::new());
    for (path, _) in donor.tree.under(&root) {
        let rest = path.relative_to(&root).unwrap();
        let name = std::str::from_utf8(rest).unwrap();
        let moves = (name == CALLER || name.contains(".so")) && takes(name);
        let Some(entry) = moves.then(|| copy(&store, &donor, path, &fixture)).flatten() else {
            continue;
        };
        let to = into.join(rest).unwrap();
        changes.upserts.insert(to.clone(), entry);
        let spot = RecipeSpot { file: "libfabric.toml".to_owned(), line: 40, column: 1 };
        changed.insert(to.clone(), spot);
        moved.insert(to, path.clone());
    }
    // As the recipe's `env_prepend` does: the base has EFA's libfabric off the search path.
    let mut env = base.env.clone();
    let list = env.get("LD_LIBRARY_PATH").cloned().unwrap_or_default();
    if efa {
        env.insert("LD_LIBRARY_PATH".to_owned(), format!("/opt/amazon/efa/lib:{list}"));
    }
    let after = base.tree.with(&changes, base.indexes.len()).unwrap();
    let donors =
        [Donor { name: "trtllm", view: donor.view(), complete: true, moved, roots: vec![(root, into)] }];
    let subject = Subject {
        before: base.view(),
        after: View { tree: &after, env: &env, ..base.view() },
        changed: &changed,
        donors: &donors,
        noted: &[],
        options: &AuditOptions::default(),
    };
    Some(audit::run(&subject).unwrap())
}

/// Puts a file of the donor into the store, as a build does.
fn copy(store: &Store, donor: &Known, path: &ImagePath, fixture: &Fixture) -> Option<Entry> {
    let node = donor.tree.get(path).unwrap();
    let Node::File(Content::InLayer { offset, size }) = node.entry.node else {
        return None;
    };
    let bytes = fs::read(fixture.blob(&fixture.names["DONOR_DIGEST"]["sha256:".len()..])).unwrap();
    let manifest = manifest_of(bytes);
    let layer = imgforge::oci::Layer {
        descriptor: manifest.layers[node.layer].clone(),
        diff_id: donor.indexes[node.layer].diff_id,
    };
    let file = fixture.blob(&layer.descriptor.digest.hex());
    let mut open = || -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(fs::File::open(&file)?)) };
    let wanted = BTreeMap::from([(offset, index::Wanted::new(size, None))]);
    let copied = index::copy_out(store, &layer, &mut open, &wanted, &Silent).unwrap();
    let (digest, size) = (copied[&offset].digest, copied[&offset].size);
    let content = Content::Stored { digest, size };
    Some(Entry { meta: node.entry.meta.clone(), node: Node::File(content) })
}

fn told(findings: &[Finding], severity: Severity) -> Vec<String> {
    let told = findings.iter().filter(|finding| finding.introduced && finding.severity == severity);
    let name = |path: &str| path.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned();
    // What a finding is about: the symbol, or the files that were replaced beside the one that stays.
    let about = |f: &Finding| {
        let replaced = f.evidence.get("replaced").map(String::as_str);
        name(f.symbol.as_deref().or(replaced).unwrap_or(""))
    };
    let line = |f: &Finding| format!("{} {} {}", f.check, name(&f.path), about(f));
    let mut lines: Vec<String> = told.map(line).collect();
    lines.dedup();
    lines
}

fn is_binding(name: &str) -> bool {
    name.starts_with("bindings.")
}

#[test]
fn all_of_one_build_moved_is_clean() {
    let Some(findings) = audit_mix(true, &|_| true) else {
        return;
    };
    assert_eq!(told(&findings, Severity::Error), [""; 0]);
    assert_eq!(told(&findings, Severity::Warning), [""; 0]);
}

#[test]
fn libraries_without_the_bindings_load_and_crash() {
    let Some(findings) = audit_mix(true, &|name| !is_binding(name)) else {
        return;
    };
    assert_eq!(told(&findings, Severity::Error), [""; 0]);
    assert_eq!(told(&findings, Severity::Warning), ["built-together bindings libtensorrt_llm"]);
}

#[test]
fn bindings_without_the_libraries_load_and_crash() {
    let Some(findings) = audit_mix(true, &is_binding) else {
        return;
    };
    assert_eq!(told(&findings, Severity::Error), [""; 0]);
    assert_eq!(told(&findings, Severity::Warning), ["built-together libtensorrt_llm bindings"]);
}

#[test]
fn without_the_core_library_nothing_loads() {
    let Some(findings) = audit_mix(true, &|name| name != "libs/libtensorrt_llm.so") else {
        return;
    };
    let errors = told(&findings, Severity::Error);
    assert!(
        errors.iter().any(|line| line.starts_with("undefined-symbol") && line.contains("opTableGeneration")),
        "{errors:?}"
    );
}

#[test]
fn the_plugin_without_its_libfabric_is_refused() {
    let Some(findings) = audit_mix(false, &|_| true) else {
        return;
    };
    assert_eq!(told(&findings, Severity::Error), ["needed-missing libplugin_LIBFABRIC libfabric"]);
    let help = findings.iter().find_map(|finding| finding.help.as_deref()).unwrap();
    assert!(help.contains("/opt/amazon/efa/lib/"), "{help}");
}

/// The module that calls `fused_qk_norm_rope`: with 15 values in the base, with 16 in the donor.
const CALLER: &str = "_torch/modules/qk_norm_attention.py";

fn operators(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.check.starts_with("torch-op")).collect()
}

#[test]
fn a_library_that_wants_more_than_its_caller_passes_is_refused() {
    let Some(findings) = audit_mix(true, &|name| name != CALLER) else {
        return;
    };
    let [finding] = operators(&findings)[..] else { panic!("{findings:#?}") };
    assert_eq!((finding.severity, finding.check.as_str()), (Severity::Error, "torch-op-arity"));
    assert!(finding.path.ends_with(CALLER) && finding.introduced && finding.recipe.is_some(), "{finding:#?}");
    let raises = &finding.evidence["raises"];
    assert!(
        raises.contains("trtllm::fused_qk_norm_rope() is missing value for argument 'is_qk_norm'"),
        "{raises}"
    );
    assert!(!finding.evidence["caller_declared"].contains("is_qk_norm"), "{finding:#?}");
}

#[test]
fn a_caller_that_passes_more_than_the_library_takes_is_refused() {
    let Some(findings) = audit_mix(true, &|name| name == CALLER) else {
        return;
    };
    let [finding] = operators(&findings)[..] else { panic!("{findings:#?}") };
    assert_eq!((finding.severity, finding.check.as_str()), (Severity::Error, "torch-op-arity"));
    let raises = &finding.evidence["raises"];
    assert!(raises.contains("expected at most 15 argument(s) but received 16 argument(s)"), "{raises}");
    assert!(finding.evidence["caller_declared"].contains("is_qk_norm"), "{finding:#?}");
}
