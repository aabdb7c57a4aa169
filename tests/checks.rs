//! Every check fires where it should and nowhere else: trees of libraries made here, before and after a change.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod elves;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use imgforge::audit;
use imgforge::audit::Donor;
use imgforge::audit::Subject;
use imgforge::finding::Finding;
use imgforge::finding::RecipeSpot;
use imgforge::finding::Severity;
use imgforge::layer::Changeset;
use imgforge::layer::Content;
use imgforge::layer::Entry;
use imgforge::layer::Meta;
use imgforge::layer::Node;
use imgforge::oci::ImagePath;
use imgforge::recipe::Allow;
use imgforge::recipe::AuditOptions;

use elves::Image;
use elves::Rig;
use elves::path;

const SITE: &str = "/opt/venv/lib/python3.12/site-packages/pkg";
const DONOR: &str = "/usr/lib/python3.12/dist-packages/pkg";

/// A build to audit, put together piece by piece.
struct Build {
    base: Changeset,
    edit: Changeset,
    donor: Changeset,
    moved: BTreeMap<ImagePath, ImagePath>,
    changed: BTreeMap<ImagePath, RecipeSpot>,
    env: Vec<(&'static str, String)>,
    options: AuditOptions,
}

fn put(changes: &mut Changeset, image: &str, file: &Path) {
    let node = Node::File(Content::Bytes(fs::read(file).unwrap()));
    changes.upserts.insert(path(image), Entry { meta: Meta::root(0o755), node });
}

impl Build {
    fn new() -> Self {
        Self {
            base: elves::system(),
            edit: Changeset::default(),
            donor: elves::system(),
            moved: BTreeMap::new(),
            changed: BTreeMap::new(),
            env: Vec::new(),
            options: AuditOptions::default(),
        }
    }

    fn base(&mut self, image: &str, file: &Path) -> &mut Self {
        put(&mut self.base, image, file);
        self
    }

    /// Each change stands on its own line of the recipe.
    fn change(&mut self, image: &str) {
        let line = 10 + self.changed.len();
        let spot = RecipeSpot { file: "r.toml".to_owned(), line, column: 1 };
        self.changed.insert(path(image), spot);
    }

    fn add(&mut self, image: &str, file: &Path) -> &mut Self {
        put(&mut self.edit, image, file);
        self.change(image);
        self
    }

    fn remove(&mut self, image: &str) -> &mut Self {
        self.edit.removals.insert(path(image));
        self.change(image);
        self
    }

    /// A file of the donor, and whether the build takes it.
    fn donor(&mut self, name: &str, file: &Path, taken: bool) -> &mut Self {
        let (from, to) = (format!("{DONOR}/{name}"), format!("{SITE}/{name}"));
        put(&mut self.donor, &from, file);
        if taken {
            self.add(&to, file);
            self.moved.insert(path(&to), path(&from));
        }
        self
    }

    fn audit(&self) -> Vec<Finding> {
        let env: Vec<(&str, &str)> = self.env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let before = Image::new(&[&self.base], &env);
        let after = Image::new(&[&self.base, &self.edit], &env);
        let donor = Image::new(&[&self.donor], &[]);
        let donors = [Donor {
            name: "donor",
            view: donor.view(),
            complete: true,
            moved: self.moved.clone(),
            roots: vec![(path(DONOR), path(SITE))],
        }];
        let subject = Subject {
            before: before.view(),
            after: after.view(),
            changed: &self.changed,
            donors: if self.moved.is_empty() { &[] } else { &donors },
            noted: &[],
            options: &self.options,
        };
        audit::run(&subject).unwrap()
    }
}

/// Findings as one line each: severity, check, path, symbol, recipe line.
fn lines(findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let name = finding.path.rsplit('/').next().unwrap_or_default();
        let symbol = finding.symbol.clone().unwrap_or_default();
        let place = finding.recipe.as_ref().map_or_else(|| "-".to_owned(), |spot| spot.line.to_string());
        let new = if finding.introduced { "new" } else { "old" };
        format!("{} {} {name} {symbol} {new} {place}", finding.severity, finding.check)
    };
    findings.iter().map(line).collect()
}

const USER: &str = "int b(void); int a(void){return b();}";

#[test]
fn needed_missing_by_a_new_file_and_by_one_left_behind() {
    let Some(rig) = Rig::new() else { return };
    let b = rig.library("libb.so.1", "libb.so.1", "int b(void){return 1;}", &[]);
    let a = rig.library("liba.so", "liba.so", USER, &["{root}/libb.so.1", "-Wl,-rpath,$ORIGIN"]);
    let mut build = Build::new();
    build.base("/opt/p/libb.so.1", &b).base("/opt/p/liba.so", &a);
    assert_eq!(lines(&build.audit()), [""; 0], "nothing changed");

    build.remove("/opt/p/libb.so.1");
    let findings = build.audit();
    assert_eq!(
        lines(&findings),
        ["error needed-missing liba.so libb.so.1 new 10", "error undefined-symbol liba.so b new 10"]
    );
    assert!(findings[0].evidence["searched"].starts_with("/opt/p (RUNPATH), /etc/ld.so.cache"));

    let mut build = Build::new();
    build.add("/opt/p/liba.so", &a);
    assert_eq!(lines(&build.audit()), ["error needed-missing liba.so libb.so.1 new 10"]);
    build.base("/opt/q/libb.so.1", &b);
    let findings = build.audit();
    assert_eq!(
        findings[0].help.as_deref(),
        Some("it is at `/opt/q/libb.so.1`: put its directory into the search path")
    );
    build.env.push(("LD_LIBRARY_PATH", "/opt/q".to_owned()));
    assert_eq!(lines(&build.audit()), [""; 0]);
}

#[test]
fn what_was_broken_before_is_not_introduced() {
    let Some(rig) = Rig::new() else { return };
    rig.library("libb.so.1", "libb.so.1", "int b(void){return 1;}", &[]);
    let c = rig.library("libc9.so.1", "libc9.so.1", "int c(void){return 1;}", &[]);
    let source = "int b(void); int c(void); int a(void){return b()+c();}";
    let arguments = ["{root}/libb.so.1", "{root}/libc9.so.1", "-Wl,-rpath,$ORIGIN"];
    let a = rig.library("liba.so", "liba.so", source, &arguments);
    let newer = rig.library("x/libc9.so.1", "libc9.so.1", "int c(void){return 2;}", &[]);
    let mut build = Build::new();
    build.base("/opt/p/liba.so", &a).base("/opt/p/libc9.so.1", &c).add("/opt/p/libc9.so.1", &newer);
    assert_eq!(lines(&build.audit()), ["error needed-missing liba.so libb.so.1 old -"]);
}

#[test]
fn symbol_version_missing_in_an_older_provider() {
    let Some(rig) = Rig::new() else { return };
    let new =
        rig.script("new.map", "FABRIC_1.0 { global: b; local: *; }; FABRIC_1.7 { global: c; } FABRIC_1.0;");
    let old = rig.script("old.map", "FABRIC_1.0 { global: b; c; local: *; };");
    let source = "int b(void){return 1;} int c(void){return 2;}";
    let newer = rig.library("new/libf.so.1", "libf.so.1", source, &[&new]);
    let older = rig.library("old/libf.so.1", "libf.so.1", source, &[&old]);
    let user = "int c(void); int a(void){return c();}";
    let user = rig.library("plugin.so", "plugin.so", user, &["{root}/new/libf.so.1", "-Wl,-rpath,$ORIGIN"]);
    let mut build = Build::new();
    build.base("/opt/p/plugin.so", &user).base("/opt/p/libf.so.1", &newer).base("/opt/q/libf.so.1", &newer);
    build.add("/opt/p/libf.so.1", &older);
    let findings = build.audit();
    let errors: Vec<Finding> = findings.into_iter().filter(|f| f.severity == Severity::Error).collect();
    assert_eq!(
        lines(&errors),
        [
            "error symbol-version-missing plugin.so FABRIC_1.7 new 10",
            "error undefined-symbol plugin.so c new 10"
        ]
    );
    assert_eq!(
        errors[0].help.as_deref(),
        Some("`/opt/q/libf.so.1` has it: let its directory be searched first")
    );
}

/// A library, and one that uses it through C++; `-DRC=5` changes a name and a layout.
const CORE: &str = "
struct Key { int a; int b; };
struct Manager { int find(Key const&); int fresh(Key const&); };
int Manager::find(Key const& k) { return k.a; }
#if RC >= 5
int Manager::fresh(Key const& k) { return k.b; }
#endif
";
const BINDINGS: &str = "
struct Key { int a; int b; };
struct Manager { int find(Key const&); int fresh(Key const&); };
int entry() { Key k{RC, 2}; Manager m;
#if RC >= 5
  return m.fresh(k);
#else
  return m.find(k);
#endif
}";

fn family(rig: &Rig, rc: u32) -> [std::path::PathBuf; 2] {
    let define = format!("-DRC={rc}");
    let core = rig.library(&format!("rc{rc}/libs/libcore.so"), "libcore.so", CORE, &["c++", &define]);
    let link = format!("{{root}}/rc{rc}/libs/libcore.so");
    let arguments = ["c++", define.as_str(), link.as_str(), "-Wl,-rpath,$ORIGIN/libs"];
    let bindings = rig.library(&format!("rc{rc}/bindings.so"), "bindings.so", BINDINGS, &arguments);
    [core, bindings]
}

const EXTENSION: &str = "bindings.cpython-312-x86_64-linux-gnu.so";

fn rc4(rig: &Rig) -> (Build, [std::path::PathBuf; 2]) {
    let [core, bindings] = family(rig, 4);
    let mut build = Build::new();
    build.base(&format!("{SITE}/libs/libcore.so"), &core);
    build.base(&format!("{SITE}/{EXTENSION}"), &bindings);
    (build, family(rig, 5))
}

#[test]
fn built_together_and_taken_apart() {
    let Some(rig) = Rig::new() else { return };
    let (mut build, [core, bindings]) = rc4(&rig);
    build.donor("libs/libcore.so", &core, true).donor(EXTENSION, &bindings, false);
    let findings = build.audit();
    assert_eq!(lines(&findings), [format!("warning built-together {EXTENSION}  new 10")]);
    assert_eq!(findings[0].evidence["replaced"], format!("{SITE}/libs/libcore.so"));
    assert_eq!(findings[0].evidence["symbols"], "Manager::find(Key const&)");
    assert_eq!(findings[0].help.as_deref(), Some("graft it from `donor` too"));

    build.add(&format!("{SITE}/{EXTENSION}"), &bindings);
    build.moved.insert(path(format!("{SITE}/{EXTENSION}")), path(format!("{DONOR}/{EXTENSION}")));
    assert_eq!(lines(&build.audit()), [""; 0], "all of the family moved");
}

#[test]
fn a_new_user_of_an_old_library() {
    let Some(rig) = Rig::new() else { return };
    let (mut build, [core, bindings]) = rc4(&rig);
    build.donor(EXTENSION, &bindings, true).donor("libs/libcore.so", &core, false);
    let findings = build.audit();
    assert_eq!(
        lines(&findings),
        [format!("error undefined-symbol {EXTENSION} _ZN7Manager5freshERK3Key new 10")]
    );
    let provider = format!("{DONOR}/libs/libcore.so");
    assert!(findings[0].message.contains("Manager::fresh(Key const&)"), "{}", findings[0].message);
    assert!(findings[0].message.contains(&provider), "{}", findings[0].message);
}

#[test]
fn a_file_that_is_the_same_in_both_images_is_not_left_behind() {
    let Some(rig) = Rig::new() else { return };
    let (mut build, [core, _]) = rc4(&rig);
    let [_, old] = family(&rig, 4);
    build.donor("libs/libcore.so", &core, true).donor(EXTENSION, &old, false);
    assert_eq!(lines(&build.audit()), [""; 0]);
}

#[test]
fn python_tag_of_another_version() {
    let Some(rig) = Rig::new() else { return };
    let module = rig.cc("m.so", "int m(void){return 1;}", &["-shared"]);
    for (name, want) in
        [("m.cpython-311-x86_64-linux-gnu.so", 1), ("m.cpython-312-x86_64-linux-gnu.so", 0), ("m.abi3.so", 0)]
    {
        let mut build = Build::new();
        build.add(&format!("{SITE}/{name}"), &module);
        let findings = build.audit();
        assert_eq!(findings.iter().filter(|f| f.check == "python-tag-mismatch").count(), want, "{name}");
        assert_eq!(findings.len(), want, "{name}: {:?}", lines(&findings));
    }
}

#[test]
fn machine_of_another_image() {
    let Some(rig) = Rig::new() else { return };
    let library = rig.library("liba.so", "liba.so", "int a(void){return 1;}", &[]);
    let mut bytes = fs::read(&library).unwrap();
    // e_machine: aarch64.
    bytes[18] = 183;
    let other = rig.at("other.so");
    fs::write(&other, bytes).unwrap();
    let mut build = Build::new();
    build.base("/opt/p/liba.so", &library).add("/opt/p/liba.so", &other);
    let findings = build.audit();
    assert_eq!(lines(&findings)[0], "error machine-mismatch liba.so  new 10");
    assert_eq!(findings[0].message, "is for aarch64 (64-bit), where x86-64 (64-bit) is wanted");
}

#[test]
fn soname_of_another_library() {
    let Some(rig) = Rig::new() else { return };
    let old = rig.library("libb.so.1", "libb.so.1", "int b(void){return 1;}", &[]);
    let new = rig.library("new.so", "libb.so.2", "int b(void){return 1;}", &[]);
    let user = rig.library("liba.so", "liba.so", USER, &["{root}/libb.so.1", "-Wl,-rpath,$ORIGIN"]);
    let mut build = Build::new();
    build.base("/opt/p/libb.so.1", &old).base("/opt/p/liba.so", &user).add("/opt/p/libb.so.1", &new);
    assert_eq!(lines(&build.audit()), ["warning soname-mismatch libb.so.1 libb.so.1 new 10"]);
}

#[test]
fn copies_that_differ_are_told() {
    let Some(rig) = Rig::new() else { return };
    let one = rig.library("1.so", "libb.so.1", "int b(void){return 1;}", &[]);
    let two = rig.library("2.so", "libb.so.1", "int b(void){return 2;}", &[]);
    let mut build = Build::new();
    build
        .base("/opt/q/libb-0a1b2c3d.so.1", &one)
        .base("/opt/p/libb.so.1", &one)
        .add("/opt/p/libb.so.1", &two);
    let findings = build.audit();
    assert_eq!(lines(&findings), ["note copies libb.so.1  new 10"]);
    assert_eq!(findings[0].evidence["copies"], "/opt/q/libb-0a1b2c3d.so.1");
}

#[test]
fn libraries_of_the_host_are_notes() {
    let Some(rig) = Rig::new() else { return };
    rig.library("libcuda.so.1", "libcuda.so.1", "int cuInit(int x){return x;}", &[]);
    rig.library("libvendor.so.3", "libvendor.so.3", "int vendor(int x){return x;}", &[]);
    let source = "int cuInit(int); int vendor(int); int a(void){return cuInit(0)+vendor(1);}";
    let a = rig.library("liba.so", "liba.so", source, &["{root}/libcuda.so.1", "{root}/libvendor.so.3"]);
    let mut build = Build::new();
    build.add("/opt/p/liba.so", &a);
    assert_eq!(
        lines(&build.audit()),
        [
            "error needed-missing liba.so libvendor.so.3 new 10",
            "note host-library liba.so libcuda.so.1 new 10"
        ]
    );
    build.options.host_libraries.push("libvendor.so.3".to_owned());
    assert_eq!(
        lines(&build.audit()),
        ["note host-library liba.so libcuda.so.1 new 10", "note host-library liba.so libvendor.so.3 new 10"]
    );
}

#[test]
fn an_import_before_can_have_loaded_it() {
    let Some(rig) = Rig::new() else { return };
    let torch = rig.library("libtorch.so", "libtorch.so", "int b(void){return 1;}", &[]);
    let module = rig.cc("m.so", USER, &["-shared", "{root}/libtorch.so"]);
    let site = "/opt/venv/lib/python3.12/site-packages";
    let mut build = Build::new();
    build.base(&format!("{site}/torch/lib/libtorch.so"), &torch).add(&format!("{SITE}/m.so"), &module);
    assert_eq!(lines(&build.audit()), ["note needed-missing m.so libtorch.so new 10"]);
}

#[test]
fn what_is_allowed_carries_the_reason() {
    let Some(rig) = Rig::new() else { return };
    let a = rig.library("libb.so.1", "libb.so.1", "int b(void){return 1;}", &[]);
    let a = rig.library("liba.so", "liba.so", USER, &[a.to_str().unwrap()]);
    let mut build = Build::new();
    build.add("/opt/p/liba.so", &a);
    build.options.allow.push(Allow {
        check: "needed-missing".to_owned(),
        path: Some("/opt/**".to_owned()),
        symbol: Some("libb*".to_owned()),
        reason: "an init container brings it".to_owned(),
        spot: RecipeSpot { file: "r.toml".to_owned(), line: 3, column: 1 },
    });
    let findings = build.audit();
    assert_eq!(findings[0].allowed.as_deref(), Some("an init container brings it"));
}

#[test]
fn every_check_is_found_by_its_id() {
    for check in audit::all() {
        assert_eq!(audit::find(check.id).map(|found| found.summary), Some(check.summary));
    }
    assert!(audit::find("no-such-check").is_none());
}
