//! Trees without a C library: unpacked wheels, audited as they are.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod elves;

use std::collections::BTreeMap;
use std::path::Path;

use imgforge::audit;
use imgforge::audit::Subject;
use imgforge::finding::RecipeSpot;
use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::oci::ImagePath;
use imgforge::recipe::AuditOptions;

use elves::Image;
use elves::Rig;

const CORE: &str =
    "struct Key { int a; }; struct Ep { Ep(); int read(Key const&); int send(Key const&, int); };
Ep::Ep() {} int Ep::read(Key const& k) { return k.a; }
#if NEW
int Ep::send(Key const& k, int n) { return k.a + n; }
#endif
";
const PLUGIN: &str = "#include <cstdio>
struct Key { int a; }; struct Ep { Ep(); int read(Key const&); int send(Key const&, int); };
extern \"C\" int entry() { Ep e; Key k{1}; puts(\"\");
#if NEW
  return e.send(k, 2);
#else
  return e.read(k);
#endif
}";

/// Severity, check, file and symbol of each finding.
fn audit(files: &[(&str, &Path)], record: &str) -> Vec<String> {
    let mut changes = Changeset::default();
    let mut put = |place: &str, bytes: Vec<u8>| {
        let entry = Entry { meta: Meta::root(0o755), node: Node::File(Content::Bytes(bytes)) };
        changes.upserts.insert(elves::path(place), entry);
    };
    files.iter().for_each(|(place, file)| put(place, std::fs::read(file).unwrap()));
    put("/p-1.dist-info/RECORD", record.as_bytes().to_vec());
    let (after, before) = (Image::new(&[&changes], &[]), Image::new(&[], &[]));
    let nowhere = RecipeSpot { file: String::new(), line: 0, column: 0 };
    let changed: BTreeMap<ImagePath, RecipeSpot> =
        files.iter().map(|(place, _)| (elves::path(place), nowhere.clone())).collect();
    let options = AuditOptions::default();
    let subject = Subject {
        before: before.view(),
        after: after.view(),
        changed: &changed,
        donors: &[],
        noted: &[],
        options: &options,
    };
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let line = |finding: &imgforge::finding::Finding| {
        let symbol = finding.symbol.clone().unwrap_or_default();
        format!("{} {} {} {symbol}", finding.severity, finding.check, name(&finding.path))
    };
    audit::run(&subject).unwrap().iter().map(line).collect()
}

/// A library and a plugin for it, of the older or the newer release.
fn family(rig: &Rig, new: u32) -> [std::path::PathBuf; 2] {
    let define = format!("-DNEW={new}");
    let core = format!("v{new}/libcore.so");
    let core = rig.library(&core, "libcore.so", CORE, &["c++", &define]);
    let link = core.to_str().unwrap();
    let arguments = ["c++", &define, link, "-lz", "-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN"];
    let arguments = if Path::new("/usr/include/zlib.h").exists() {
        arguments.to_vec()
    } else {
        arguments.into_iter().filter(|argument| *argument != "-lz").collect()
    };
    [core.clone(), rig.library(&format!("v{new}/libplugin.so"), "libplugin.so", PLUGIN, &arguments)]
}

#[test]
fn a_wheel_is_silent_and_a_mix_is_told_exactly() {
    let Some(rig) = Rig::new() else { return };
    let ([old_core, old], [core, new]) = (family(&rig, 0), family(&rig, 1));
    let record = "p/libcore.so,,\np/libplugin.so,,\n";
    assert_eq!(audit(&[("/p/libcore.so", &old_core), ("/p/libplugin.so", &old)], record), [""; 0]);
    assert_eq!(audit(&[("/p/libcore.so", &core), ("/p/libplugin.so", &new)], record), [""; 0]);
    assert_eq!(
        audit(&[("/p/libcore.so", &old_core), ("/p/libplugin.so", &new)], record),
        ["error undefined-symbol libplugin.so _ZN2Ep4sendERK3Keyi"]
    );
    // Elsewhere in the tree: an import has loaded it.
    let apart = audit(&[("/q/libcore.so", &old_core), ("/p/libplugin.so", &new)], record);
    assert!(
        apart.contains(&"error undefined-symbol libplugin.so _ZN2Ep4sendERK3Keyi".to_owned()),
        "{apart:?}"
    );
}

#[test]
fn what_must_be_there_and_what_comes_from_elsewhere() {
    let Some(rig) = Rig::new() else { return };
    let [_, plugin] = family(&rig, 1);
    let files = [("/p/libplugin.so", plugin.as_path())];
    assert_eq!(audit(&files, "p/libplugin.so,,\n"), ["note needed-missing libplugin.so libcore.so"]);
    assert_eq!(
        audit(&files, "p/libcore.so,,\np/libplugin.so,,\n"),
        ["error needed-missing libplugin.so libcore.so"]
    );
}
