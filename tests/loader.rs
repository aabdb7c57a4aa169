//! The model of the dynamic loader against the real one, which traces without running anything.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod elves;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgforge::loader::Loader;
use imgforge::oci::ImagePath;

use elves::Image;
use elves::Rig;

const LD_SO: &str = "/lib64/ld-linux-x86-64.so.2";

/// What loading a file comes to, in terms that both sides can say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    /// Name asked for to the file found.
    found: BTreeMap<String, PathBuf>,
    missing: BTreeSet<String>,
    /// Version, and who wants it.
    versions: BTreeSet<(String, String)>,
    /// Symbol, and who wants it.
    undefined: BTreeSet<(String, String)>,
}

fn base(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

fn real(file: &Path, library_path: &str) -> Verdict {
    let mut command = Command::new(LD_SO);
    command.env_clear().arg(file);
    command.envs([("LD_TRACE_LOADED_OBJECTS", "1"), ("LD_WARN", "yes"), ("LD_BIND_NOW", "yes")]);
    if !library_path.is_empty() {
        command.env("LD_LIBRARY_PATH", library_path);
    }
    let out = command.output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    let mut verdict = Verdict::default();
    for line in String::from_utf8(text).unwrap().lines() {
        if let Some(rest) = line.trim().strip_prefix("undefined symbol: ") {
            let (symbol, file) = rest.split_once('\t').unwrap();
            let symbol = symbol.split(',').next().unwrap().trim().to_owned();
            let file = base(file.trim_matches(['(', ')']));
            verdict.undefined.insert((symbol, file));
        } else if let Some((_, rest)) = line.split_once(": version `") {
            let (version, rest) = rest.split_once('\'').unwrap();
            let by = rest.split_once("required by ").unwrap().1.trim_end_matches(')');
            verdict.versions.insert((version.to_owned(), base(by)));
        } else if let Some((name, place)) = line.trim().split_once(" => ") {
            if place.starts_with("not found") {
                verdict.missing.insert(name.to_owned());
            } else {
                let place = place.rsplit_once(" (").unwrap().0;
                verdict.found.insert(name.to_owned(), Path::new(place).canonicalize().unwrap());
            }
        }
    }
    verdict.found.remove("linux-vdso.so.1");
    verdict
}

fn model(image: &Image, file: &Path) -> Verdict {
    let loader = Loader::new(image.view(), &[]).unwrap();
    let world = loader.load(&elves::path(file)).unwrap().unwrap();
    let symbols = world.symbols(&loader).unwrap();
    let name = |path: &ImagePath| base(&path.to_string());
    let mut verdict = Verdict::default();
    for (index, mapped) in world.objects.iter().enumerate() {
        for (wanted, needed) in mapped.object.facts.needed.iter().zip(&mapped.needed) {
            // The loader itself is listed by path, never searched for.
            if let Some(needed) = needed.filter(|_| !wanted.starts_with("ld-linux")) {
                let path = PathBuf::from(world.objects[needed].file.to_string());
                verdict.found.insert(wanted.clone(), path);
            }
        }
        for missing in world.missing_versions(index) {
            verdict.versions.insert((missing.version, name(&mapped.file)));
        }
        for symbol in symbols[index].undefined.iter().filter(|symbol| !symbol.weak) {
            if world.provider(&loader, &symbols, index, symbol).is_none() {
                verdict.undefined.insert((symbol.name.to_string(), name(&mapped.file)));
            }
        }
    }
    verdict.missing = world.missing.iter().map(|missing| missing.name.clone()).collect();
    verdict
}

/// Both sides on one file; returns what they agree on.
fn agree(rig: &Rig, file: &Path, library_path: &str) -> Verdict {
    let mut changes = elves::system();
    elves::add_all(&mut changes, &rig.root());
    let image = Image::new(&[&changes], &[("LD_LIBRARY_PATH", library_path)]);
    let (real, model) = (real(file, library_path), model(&image, file));
    assert_eq!(model, real, "{} with `{library_path}`", file.display());
    real
}

fn rig() -> Option<Rig> {
    if !Path::new(LD_SO).exists() {
        elves::skipped("no x86-64 glibc on this machine");
        return None;
    }
    Rig::new()
}

#[test]
fn a_library_that_is_missing() {
    let Some(rig) = rig() else { return };
    rig.library("b/libb.so", "libb.so.1", "int b(void){return 1;}", &[]);
    let a =
        rig.library("a/liba.so", "liba.so.1", "int b(void); int a(void){return b();}", &["{root}/b/libb.so"]);
    let verdict = agree(&rig, &a, "");
    assert!(verdict.missing.contains("libb.so.1") && !verdict.undefined.is_empty());
    symlink("libb.so", rig.at("b/libb.so.1")).unwrap();
    let there = rig.root().join("b");
    let verdict = agree(&rig, &a, there.to_str().unwrap());
    assert!(verdict.missing.is_empty() && verdict.undefined.is_empty());
}

#[test]
fn a_version_that_is_missing() {
    let Some(rig) = rig() else { return };
    let new = rig.script("new.map", "V1 { global: f; local: *; }; V2 { global: g; } V1;");
    let old = rig.script("old.map", "V1 { global: f; g; local: *; };");
    let source = "int f(void){return 1;} int g(void){return 2;}";
    rig.library("new/libv.so.1", "libv.so.1", source, &[&new]);
    rig.library("old/libv.so.1", "libv.so.1", source, &[&old]);
    let user = "int f(void); int g(void); int u(void){return f()+g();}";
    let user = rig.library("u/libu.so", "libu.so", user, &["{root}/new/libv.so.1"]);
    let root = rig.root();
    for (place, versions, undefined) in [("new", 0, 0), ("old", 1, 1)] {
        let verdict = agree(&rig, &user, root.join(place).to_str().unwrap());
        assert_eq!((verdict.versions.len(), verdict.undefined.len()), (versions, undefined), "{place}");
    }
}

#[test]
fn a_symbol_that_is_missing_and_one_that_may_be() {
    let Some(rig) = rig() else { return };
    let source = "int gone(void); extern int data; __attribute__((weak)) int perhaps(void);\
        int a(void){return gone() + data + (perhaps ? perhaps() : 0);}";
    let a = rig.library("liba.so", "liba.so", source, &[]);
    let verdict = agree(&rig, &a, "");
    let names: Vec<&str> = verdict.undefined.iter().map(|(symbol, _)| symbol.as_str()).collect();
    assert_eq!(names, ["data", "gone"]);
}

#[test]
fn which_search_path_wins() {
    let Some(rig) = rig() else { return };
    for place in ["rpath", "runpath", "env"] {
        let source = format!("int b(void){{return {};}}", place.len());
        rig.library(&format!("{place}/libb.so.1"), "libb.so.1", &source, &[]);
    }
    let root = rig.root();
    let env = root.join("env");
    let env = env.to_str().unwrap();
    let source = "int b(void); int a(void){return b();}";
    for (name, flags, library_path, want) in [
        ("r", &["-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN/../rpath"][..], "", "rpath"),
        ("r", &["-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN/../rpath"], env, "rpath"),
        ("n", &["-Wl,--enable-new-dtags", "-Wl,-rpath,${ORIGIN}/../runpath"], "", "runpath"),
        ("n", &["-Wl,--enable-new-dtags", "-Wl,-rpath,${ORIGIN}/../runpath"], env, "env"),
        ("e", &["-Wl,--enable-new-dtags", "-Wl,-rpath,/nowhere"], env, "env"),
    ] {
        let mut arguments = vec!["{root}/env/libb.so.1"];
        arguments.extend(flags);
        let a = rig.library(&format!("{name}/liba.so"), "liba.so", source, &arguments);
        let verdict = agree(&rig, &a, library_path);
        assert_eq!(verdict.found["libb.so.1"], root.join(want).join("libb.so.1"), "{name} {library_path}");
    }
}

#[test]
fn rpath_is_inherited_and_runpath_is_not() {
    let Some(rig) = rig() else { return };
    rig.library("deep/libc1.so.1", "libc1.so.1", "int c(void){return 1;}", &[]);
    let b = "int c(void); int b(void){return c();}";
    rig.library("deep/libb1.so.1", "libb1.so.1", b, &["{root}/deep/libc1.so.1"]);
    let a = "int b(void); int a(void){return b();}";
    for (name, tags, missing) in
        [("r", "-Wl,--disable-new-dtags", false), ("n", "-Wl,--enable-new-dtags", true)]
    {
        let out = format!("{name}/liba.so");
        let arguments =
            ["{root}/deep/libb1.so.1", tags, "-Wl,-rpath,{root}/deep", "-Wl,--allow-shlib-undefined"];
        let a = rig.library(&out, "liba.so", a, &arguments);
        let verdict = agree(&rig, &a, "");
        assert_eq!(verdict.missing.contains("libc1.so.1"), missing, "{name}");
    }
}

#[test]
fn an_object_is_known_by_its_soname_and_by_its_inode() {
    let Some(rig) = rig() else { return };
    rig.library("x/libone.so", "libtwo.so.1", "int one(void){return 1;}", &[]);
    // Two names of one file: a symlink, found by a library that names each.
    symlink("libone.so", rig.at("x/libtwo.so.1")).unwrap();
    rig.library(
        "x/libuser.so",
        "libuser.so",
        "int one(void); int user(void){return one();}",
        &["{root}/x/libone.so"],
    );
    let top = "int one(void); int user(void); int top(void){return one()+user();}";
    let arguments = ["{root}/x/libuser.so", "{root}/x/libone.so", "-Wl,-rpath,$ORIGIN"];
    let top = rig.library("x/libtop.so", "libtop.so", top, &arguments);
    let verdict = agree(&rig, &top, rig.root().join("x").to_str().unwrap());
    assert!(verdict.missing.is_empty() && verdict.undefined.is_empty());
}

#[test]
fn a_link_gives_its_own_origin() {
    let Some(rig) = rig() else { return };
    rig.library("real/libdep.so.1", "libdep.so.1", "int d(void){return 1;}", &[]);
    let lib = "int d(void); int l(void){return d();}";
    rig.library("real/liblib.so.1", "liblib.so.1", lib, &["{root}/real/libdep.so.1", "-Wl,-rpath,$ORIGIN"]);
    symlink("../real/liblib.so.1", rig.at("links/liblib.so.1")).unwrap();
    let a = "int l(void); int a(void){return l();}";
    let arguments = ["{root}/real/liblib.so.1", "-Wl,-rpath,{root}/links", "-Wl,--allow-shlib-undefined"];
    let a = rig.library("a/liba.so", "liba.so", a, &arguments);
    let verdict = agree(&rig, &a, "");
    assert!(verdict.missing.contains("libdep.so.1"), "$ORIGIN is the link's directory: {verdict:?}");
}

#[test]
fn hidden_versions_and_defaults() {
    let Some(rig) = rig() else { return };
    let map = rig.script("h.map", "V1 { global: f; local: *; }; V2 { global: f; } V1;");
    let source = "int f1(void){return 1;} int f2(void){return 2;}\
        __asm__(\".symver f1,f@V1\"); __asm__(\".symver f2,f@@V2\");";
    rig.library("h/libh.so.1", "libh.so.1", source, &[&map]);
    rig.library("plain/libh.so.1", "libh.so.1", "int f(void){return 0;}", &[]);
    // Linked against a file without versions: the reference has none and binds to the first.
    let user = "int f(void); int u(void){return f();}";
    let plain = rig.library("u/libu.so", "libu.so", user, &["{root}/plain/libh.so.1"]);
    let versioned = rig.library("v/libu.so", "libu.so", user, &["{root}/h/libh.so.1"]);
    let place = rig.root().join("h");
    for user in [plain, versioned] {
        let verdict = agree(&rig, &user, place.to_str().unwrap());
        assert!(verdict.undefined.is_empty() && verdict.versions.is_empty());
    }
}

#[test]
fn this_machines_own_libraries() {
    let Some(rig) = rig() else { return };
    let directory = Path::new("/usr/lib/x86_64-linux-gnu");
    let mut names: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.to_string_lossy().contains(".so.") && path.metadata().is_ok_and(|m| m.len() < 4 << 20)
        })
        .collect();
    names.sort();
    let sample: Vec<&PathBuf> = names.iter().step_by(names.len() / 40 + 1).collect();
    // The tree is this machine's library directory, without its giants.
    let mut changes = elves::system();
    for path in names.iter().chain(&names.iter().filter_map(|n| n.canonicalize().ok()).collect::<Vec<_>>()) {
        elves::add(&mut changes, path);
    }
    let image = Image::new(&[&changes], &[]);
    let mut compared = 0;
    for file in sample {
        let file = file.canonicalize().unwrap();
        let real = real(&file, "");
        let outside = |path: &&PathBuf| image.tree.get(&elves::path(path)).is_none();
        if real.found.values().any(|path| outside(&path)) {
            continue;
        }
        assert_eq!(model(&image, &file), real, "{}", file.display());
        compared += 1;
    }
    assert!(compared > 10, "only {compared} libraries were compared");
    drop(rig);
}
