//! How files come into a process: what a program has opened before decides what a later file finds. The real
//! program opens the files; the model is told of it by a context.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod elves;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgforge::audit;
use imgforge::audit::Subject;
use imgforge::elf::Undefined;
use imgforge::finding::Finding;
use imgforge::finding::RecipeSpot;
use imgforge::finding::Severity;
use imgforge::layer::Changeset;
use imgforge::recipe::AuditOptions;
use imgforge::recipe::EntryContext;
use imgforge::rootfs::Rootfs;

use elves::Image;
use elves::Rig;

/// Opens each argument, `L` for itself or `G` for all, and asks the last for its answer.
const HOST: &str = r#"
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **words) {
  void *last = 0;
  for (int i = 1; i < count; i++) {
    last = dlopen(words[i] + 1, RTLD_NOW | (words[i][0] == 'G' ? RTLD_GLOBAL : RTLD_LOCAL));
    if (!last) { printf("fails: %s\n", dlerror()); return 0; }
  }
  int (*answer)(void) = (int (*)(void))dlsym(last, "answer");
  printf("loads: %d\n", answer());
  return 0;
}
"#;

struct Place {
    rig: Rig,
    host: PathBuf,
}

impl Place {
    fn new() -> Option<Self> {
        let rig = Rig::new()?;
        let host = rig.cc("bin/host", HOST, &["-ldl"]);
        Some(Self { rig, host })
    }

    /// What the real program comes to.
    fn real(&self, before: &[(char, &Path)], subject: &Path) -> String {
        let word = |(kind, path): &(char, &Path)| format!("{kind}{}", path.display());
        let mut command = Command::new(&self.host);
        command.env_clear().args(before.iter().map(word)).arg(word(&('L', subject)));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    fn image(&self) -> Image {
        let mut changes = elves::system();
        elves::add_all(&mut changes, &self.rig.root());
        Image::new(&[&changes], &[])
    }

    fn context(&self, before: &[(char, &Path)], subject: &Path) -> EntryContext {
        let of = |wanted: char| {
            let chosen = before.iter().filter(|(kind, _)| *kind == wanted);
            chosen.map(|(_, path)| elves::path(path)).collect()
        };
        EntryContext {
            subject: subject.display().to_string(),
            executable: Some(elves::path(&self.host)),
            preload: of('L'),
            preload_global: of('G'),
            spot: None,
        }
    }

    /// What the audit says of the subject's loading.
    fn audit(&self, context: EntryContext, subject: &Path) -> Vec<Finding> {
        Self::findings(&self.image(), vec![context], subject)
    }

    fn findings(image: &Image, contexts: Vec<EntryContext>, subject: &Path) -> Vec<Finding> {
        let nothing = Rootfs::fold(0, &[&Changeset::default()], true).unwrap();
        let before = imgforge::loader::View { tree: &nothing, ..image.view() };
        let spot = RecipeSpot { file: "r.toml".to_owned(), line: 1, column: 1 };
        let changed = BTreeMap::from([(elves::path(subject), spot)]);
        let options = AuditOptions { contexts, ..AuditOptions::default() };
        let subject = Subject {
            before,
            after: image.view(),
            changed: &changed,
            donors: &[],
            noted: &[],
            options: &options,
        };
        let findings = audit::run(&subject).unwrap();
        findings.into_iter().filter(|finding| finding.severity < Severity::Note).collect()
    }

    /// Both sides must agree whether the file loads; what the model says of it.
    fn agree(&self, before: &[(char, &Path)], subject: &Path) -> Vec<Finding> {
        let real = self.real(before, subject);
        let findings = self.audit(self.context(before, subject), subject);
        assert_eq!(findings.is_empty(), real.starts_with("loads"), "{real}\n{findings:#?}");
        findings
    }
}

#[test]
fn what_was_opened_before_is_found_by_its_soname() {
    let Some(place) = Place::new() else { return };
    let rig = &place.rig;
    let core = rig.library("core/libcore.so.1", "libcore.so.1", "int core(void){return 7;}", &[]);
    let source = "int core(void); int answer(void){return core();}";
    let plugin = rig.library("p/plugin.so", "plugin.so", source, &["{root}/core/libcore.so.1"]);
    for kind in ['L', 'G'] {
        assert!(place.agree(&[(kind, &core)], &plugin).is_empty());
    }
    let alone = place.agree(&[], &plugin);
    assert!(alone.iter().any(|finding| finding.check == "needed-missing"), "{alone:#?}");
}

#[test]
fn symbols_are_seen_by_all_or_by_none() {
    let Some(place) = Place::new() else { return };
    let rig = &place.rig;
    let core = rig.library("core/libcore.so.1", "libcore.so.1", "int core(void){return 7;}", &[]);
    let source = "int core(void); int answer(void){return core();}";
    let plugin = rig.library("p/plugin.so", "plugin.so", source, &[]);
    assert!(place.agree(&[('G', &core)], &plugin).is_empty());
    for before in [&[('L', core.as_path())][..], &[]] {
        let findings = place.agree(before, &plugin);
        let told: Vec<&str> = findings.iter().map(|finding| finding.check.as_str()).collect();
        assert_eq!(told, ["undefined-symbol"]);
    }
}

#[test]
fn a_unique_symbol_is_everybodys() {
    let Some(place) = Place::new() else { return };
    let rig = &place.rig;
    // A static of an inline function is STB_GNU_UNIQUE; the plugin has a definition of its own.
    let shared = "inline int &count() { static int value = 1; return value; }";
    let first =
        format!("{shared} extern \"C\" int first() {{ return count() = 42; }} static int set = first();");
    let first = rig.library("p/first.so", "first.so", &first, &["c++"]);
    let second = format!("{shared} extern \"C\" int answer() {{ return count(); }}");
    let second = rig.library("p/second.so", "second.so", &second, &["c++"]);
    assert_eq!(place.real(&[], &second), "loads: 1\n");
    assert_eq!(place.real(&[('L', &first)], &second), "loads: 42\n");
    let image = place.image();
    for (before, want) in [(&[('L', first.as_path())][..], &first), (&[], &second)] {
        let companies = audit::companies(&[place.context(before, &second)]).unwrap();
        let loader = imgforge::loader::Loader::new(image.view(), &[]).unwrap().with(companies);
        let world = loader.load(&elves::path(&second)).unwrap().unwrap();
        let symbols = world.symbols(&loader).unwrap();
        let own = world.find(&elves::path(&second)).unwrap();
        let name = "_ZZ5countvE5value".to_owned();
        assert!(symbols[own].definitions(&name).iter().any(|defined| defined.unique), "gcc makes it unique");
        let symbol = Undefined { name: name.as_str().into(), version: None, weak: false, lazy: false };
        let gives = world.provider(&loader, &symbols, own, &symbol).unwrap();
        assert_eq!(world.objects[gives].file, elves::path(want), "{before:?}");
    }
}

#[test]
fn static_thread_local_storage_runs_out() {
    let Some(place) = Place::new() else { return };
    // glibc rounds what it keeps up to a multiple of 64: between 1,664 and 1,728 bytes either may be.
    for (bytes, loads) in [(1600, true), (1664, true), (1728, false), (4000, false)] {
        let source =
            format!("__thread char block[{bytes}]; int answer(void){{block[1] = 3; return block[1];}}");
        let name = format!("p/tls{bytes}.so");
        let plugin = place.rig.library(&name, "tls.so", &source, &["-ftls-model=initial-exec"]);
        let findings = place.agree(&[], &plugin);
        assert_eq!(findings.is_empty(), loads, "{bytes}");
        assert!(findings.iter().all(|finding| finding.check == "static-tls"), "{findings:#?}");
    }
}

#[test]
fn an_executable_stack_is_asked_for_in_vain() {
    let Some(place) = Place::new() else { return };
    // From glibc 2.41 on it fails, before it loads: the model goes by the C library of this machine.
    let source = "int answer(void){return 5;}";
    let plugin = place.rig.library("p/stack.so", "stack.so", source, &["-z", "execstack"]);
    let findings = place.agree(&[], &plugin);
    assert!(findings.iter().all(|finding| finding.check == "loader-refuses"), "{findings:#?}");
}

#[test]
fn a_program_with_rights_of_its_own_ignores_the_library_path() {
    let Some(rig) = Rig::new() else { return };
    rig.library("q/libq.so.1", "libq.so.1", "int q(void){return 0;}", &[]);
    let program = rig.cc("bin/program", "int q(void); int main(void){return q();}", &["{root}/q/libq.so.1"]);
    let place = rig.root().join("q");
    let privileged = |mode: u32| {
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        let mut changes = elves::system();
        elves::add_all(&mut changes, &rig.root());
        let image = Image::new(&[&changes], &[("LD_LIBRARY_PATH", place.to_str().unwrap())]);
        let findings = Place::findings(&image, Vec::new(), &program);
        findings.iter().filter(|finding| finding.check == "library-path-needed").count()
    };
    assert_eq!((privileged(0o755), privileged(0o4755)), (0, 1));
    // The real loader, started by somebody else than the file's owner.
    fs::set_permissions(rig.root(), fs::Permissions::from_mode(0o755)).unwrap();
    let runs = |mode: u32| {
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--clear-groups"]).arg(&program).env("LD_LIBRARY_PATH", &place);
        command.output().unwrap().status.code()
    };
    if runs(0o755) != Some(0) {
        elves::skipped("needs root and setpriv(1)");
        return;
    }
    assert_eq!(runs(0o4755), Some(127));
}

#[test]
fn a_context_that_does_not_fit_is_told() {
    let Some(place) = Place::new() else { return };
    let plugin = place.rig.library("p/plugin.so", "plugin.so", "int answer(void){return 5;}", &[]);
    let right = place.context(&[], &plugin);
    let told = |context: EntryContext| -> Vec<String> {
        let findings = place.audit(context, &plugin);
        assert!(findings.iter().all(|finding| finding.check == "context-unfit"), "{findings:#?}");
        findings.into_iter().map(|finding| format!("{} {}", finding.path, finding.message)).collect()
    };
    assert!(told(right.clone()).is_empty());
    let glob = right.subject.clone();
    let wrong = EntryContext { subject: "/none/*.so".to_owned(), ..right.clone() };
    assert_eq!(told(wrong), [" a context is for `/none/*.so`, which no library of the image matches"]);
    let wrong = EntryContext { executable: Some(elves::path("/none")), ..right.clone() };
    assert_eq!(told(wrong), [format!("/none is to load `{glob}`, and is no program of the image")]);
    let wrong = EntryContext { preload: vec![elves::path("/none")], ..right };
    assert_eq!(
        told(wrong),
        [format!("/none is to be opened before `{glob}`, and is no library of the image")]
    );
}
