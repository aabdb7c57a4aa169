//! Trees of two or three libraries, made here, each with one right answer.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::elves::Rig;
use crate::program::closure;
use crate::program::run;
use crate::program::texts;

/// A library of both builds, or of one of them.
struct Made {
    name: &'static str,
    old: &'static str,
    new: &'static str,
    /// Libraries that it needs.
    needs: &'static [&'static str],
}

/// Compiles `old/` and `new/`; an empty source is a file that this build does not have.
fn make(rig: &Rig, libraries: &[Made]) {
    for build in ["old", "new"] {
        for made in libraries {
            let source = if build == "old" { made.old } else { made.new };
            if source.is_empty() {
                continue;
            }
            let mut arguments: Vec<String> = vec!["-Wl,-rpath,$ORIGIN".to_owned()];
            arguments.extend(made.needs.iter().map(|name| format!("{{root}}/{build}/{name}")));
            if source.contains("::") || source.contains("struct") {
                arguments.push("c++".to_owned());
            }
            if let Some((_, versions)) = source.split_once("/*versions") {
                let text = versions.split("*/").next().unwrap();
                arguments.push(rig.script(&format!("{build}.map"), text));
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            rig.library(&format!("{build}/{}", made.name), made.name, source, &arguments);
        }
    }
}

fn asked(rig: &Rig, seed: &str) -> serde_json::Value {
    closure(&rig.root(), &["dir:old", "dir:new", "--seed", seed])
}

/// Whether the real loader is content with every file of a mixture of old and new: `ldd -r` binds everything.
fn loads(rig: &Rig, new: &[&str]) -> bool {
    let mixture = rig.root().join("mixture");
    drop(fs::remove_dir_all(&mixture));
    copy(&rig.root().join("old"), &mixture, &|_| true);
    copy(&rig.root().join("new"), &mixture, &|name| new.contains(&name));
    let mut content = true;
    for entry in fs::read_dir(&mixture).unwrap() {
        let done = Command::new("ldd").arg("-r").arg(entry.unwrap().path()).output().unwrap();
        let text =
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        content &= !["undefined symbol", "not found"].iter().any(|word| text.contains(word));
    }
    content
}

fn copy(from: &Path, to: &Path, takes: &dyn Fn(&str) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if takes(entry.file_name().to_str().unwrap()) {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The set must load, and with any file but the seed left out must not.
fn is_least(rig: &Rig, seed: &str, set: &[&str]) {
    let names: Vec<&str> = set.iter().map(|path| path.trim_start_matches('/')).collect();
    assert!(loads(rig, &names), "{names:?} does not load");
    for out in names.iter().filter(|name| **name != seed) {
        let rest: Vec<&str> = names.iter().filter(|name| *name != out).copied().collect();
        assert!(!loads(rig, &rest), "loads without {out}");
    }
}

const LIBA: Made = Made {
    name: "liba.so",
    old: "int b(void); int a(void) { return b(); }",
    new: "int b(void); int b2(void); int a(void) { return b() + b2(); }",
    needs: &["libb.so"],
};

#[test]
fn a_new_file_brings_the_one_that_gives_what_it_wants() {
    let Some(rig) = Rig::new() else { return };
    let libb = Made {
        name: "libb.so",
        old: "int c(void); int b(void) { return c(); }",
        new: "int c(void); int b(void) { return c() + 1; } int b2(void) { return 2; }",
        needs: &["libc1.so"],
    };
    let libc = Made {
        name: "libc1.so",
        old: "int c(void) { return 1; }",
        new: "int c(void) { return 2; } int unused(void) { return 3; }",
        needs: &[],
    };
    make(&rig, &[libc, libb, LIBA]);
    let found = asked(&rig, "liba.so");
    // libc1 changed and is needed, and nothing asks for its new build.
    assert_eq!(texts(&found["needed_to_load"]), ["/liba.so", "/libb.so"]);
    let file = found["files"].as_array().unwrap().iter().find(|file| file["path"] == "/libb.so").unwrap();
    assert_eq!(file["reasons"][0]["kind"], "symbol");
    assert_eq!(file["reasons"][0]["by"], "/liba.so");
    assert_eq!(texts(&file["reasons"][0]["names"]), ["b2"]);
    is_least(&rig, "liba.so", &["liba.so", "libb.so"]);
    assert_eq!(found["counts"]["paired"], 3);
    assert_eq!(found["counts"]["identical"], 0);
}

#[test]
fn an_old_file_that_loses_what_it_wants_is_replaced() {
    let Some(rig) = Rig::new() else { return };
    let libb = Made {
        name: "libb.so",
        old: "int b(void) { return 1; } int b_old(void) { return 2; }",
        new: "int b(void) { return 1; } int b2(void) { return 2; }",
        needs: &[],
    };
    let libd = Made {
        name: "libd.so",
        old: "int b_old(void); int d(void) { return b_old(); }",
        new: "int b2(void); int d(void) { return b2(); }",
        needs: &["libb.so"],
    };
    make(&rig, &[libb, LIBA, libd]);
    // liba's old build is content with the new libb, libd's is not.
    let found = asked(&rig, "libb.so");
    assert_eq!(texts(&found["needed_to_load"]), ["/libb.so", "/libd.so"]);
    is_least(&rig, "libb.so", &["libb.so", "libd.so"]);
}

#[test]
fn versions_count_as_symbols_do() {
    let Some(rig) = Rig::new() else { return };
    let libv = Made {
        name: "libv.so",
        old: "int v(void) { return 1; } /*versionsV_1 { global: v; local: *; };*/",
        new: "int v(void) { return 1; } int w(void) { return 2; } /*versionsV_1 { global: v; }; V_2 { global: w; } V_1;*/",
        needs: &[],
    };
    let libu = Made {
        name: "libu.so",
        old: "int v(void); int u(void) { return v(); }",
        new: "int w(void); int u(void) { return w(); }",
        needs: &["libv.so"],
    };
    make(&rig, &[libv, libu]);
    let found = asked(&rig, "libu.so");
    assert_eq!(texts(&found["needed_to_load"]), ["/libu.so", "/libv.so"]);
    is_least(&rig, "libu.so", &["libu.so", "libv.so"]);
}

#[test]
fn hashed_names_are_brought_beside_the_old_ones() {
    let Some(rig) = Rig::new() else { return };
    let old = Made { name: "libh-0a1b2c3d.so", old: "int h(void) { return 1; }", new: "", needs: &[] };
    let new = Made { name: "libh-aaaabbbb.so", old: "", new: "int h(void) { return 2; }", needs: &[] };
    make(&rig, &[old, new]);
    for (build, needs) in [("old", "libh-0a1b2c3d.so"), ("new", "libh-aaaabbbb.so")] {
        let source = if build == "old" {
            "int h(void); int p(void) { return h(); }"
        } else {
            "int h(void); int p(void) { return h() + 1; }"
        };
        let needs = format!("{{root}}/{build}/{needs}");
        rig.library(&format!("{build}/libp.so"), "libp.so", source, &["-Wl,-rpath,$ORIGIN", &needs]);
    }
    let found = asked(&rig, "libp.so");
    assert_eq!(texts(&found["needed_to_load"]), ["/libp.so"]);
    assert_eq!(texts(&found["brought_along"]["needed_to_load"]), ["/libh-aaaabbbb.so"]);
    assert_eq!(found["counts"]["paired"], 2);
    assert_eq!(texts(&found["grafts"][0]["files"]), ["libh-aaaabbbb.so", "libp.so"]);
    is_least(&rig, "libp.so", &["libp.so", "libh-aaaabbbb.so"]);
}

#[test]
fn what_nothing_can_mend_is_said() {
    let Some(rig) = Rig::new() else { return };
    let libb = Made {
        name: "libb.so",
        old: "int b(void) { return 1; }",
        new: "int b2(void) { return 2; }",
        needs: &[],
    };
    let gone = Made {
        name: "libgone.so",
        old: "int b(void); int g(void) { return b(); }",
        new: "",
        needs: &["libb.so"],
    };
    make(&rig, &[libb, gone]);
    let found = asked(&rig, "libb.so");
    assert_eq!(texts(&found["needed_to_load"]), ["/libb.so"]);
    assert_eq!(found["unsettled"][0]["by"], "/libgone.so");
    assert_eq!(texts(&found["unsettled"][0]["names"]), ["b"]);
}

#[test]
fn one_build_is_what_changed_and_exchanges_cpp() {
    let Some(rig) = Rig::new() else { return };
    const HEADER: &str = "struct Key { int a; int b; }; namespace pool { int find(Key const&); }";
    let core = |body: &str| format!("{HEADER} int pool::find(Key const& key) {{ return {body}; }}");
    let user =
        |body: &str| format!("{HEADER} int entry() {{ Key key{{1, 2}}; return pool::find(key) + {body}; }}");
    let c_only = |body: &str| format!("extern \"C\" int plain() {{ return {body}; }} struct S {{}};");
    for (build, number) in [("old", "1"), ("new", "2")] {
        let all = ["-Wl,-rpath,$ORIGIN", "c++"];
        rig.library(&format!("{build}/libcore.so"), "libcore.so", &core(&format!("key.a + {number}")), &all);
        let needs = format!("{{root}}/{build}/libcore.so");
        let all = ["-Wl,-rpath,$ORIGIN", "c++", &needs];
        rig.library(&format!("{build}/libuser.so"), "libuser.so", &user(number), &all);
        rig.library(&format!("{build}/libsame.so"), "libsame.so", &user("7"), &all);
        rig.library(&format!("{build}/libplain.so"), "libplain.so", &c_only(number), &all);
    }
    let found = asked(&rig, "libcore.so");
    assert_eq!(texts(&found["needed_to_load"]), ["/libcore.so"]);
    // libplain exchanges no C++, libsame did not change.
    assert_eq!(texts(&found["built_together"]), ["/libcore.so", "/libuser.so"]);
    let file = found["files"].as_array().unwrap().iter().find(|file| file["path"] == "/libuser.so").unwrap();
    assert_eq!(file["reasons"][0]["kind"], "calls");
    assert_eq!(texts(&file["reasons"][0]["shown"]), ["pool::find(Key const&)"]);
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let Some(rig) = Rig::new() else { return };
    make(&rig, &[Made { name: "liba.so", old: "int a;", new: "int a = 1;", needs: &[] }]);
    fs::create_dir_all(rig.root().join("new/deep")).unwrap();
    fs::copy(rig.root().join("new/liba.so"), rig.root().join("new/deep/libx.so")).unwrap();
    fs::copy(rig.root().join("new/liba.so"), rig.root().join("new/libx.so")).unwrap();
    fs::create_dir_all(rig.root().join("new/other")).unwrap();
    fs::copy(rig.root().join("new/liba.so"), rig.root().join("new/other/liby.so")).unwrap();
    fs::copy(rig.root().join("new/liba.so"), rig.root().join("new/deep/liby.so")).unwrap();
    for (arguments, says) in [
        (&["dir:old", "dir:new"][..], "no --seed says what moves"),
        (&["dir:old", "dir:new", "--seed", "libnone.so"], "the new tree has no file `libnone.so`"),
        (&["dir:old", "dir:new", "--seed", "liby.so"], "name one of `/deep/liby.so`, `/other/liby.so`"),
        (&["dir:old"], "is no recipe, and there is no NEW"),
        (&["dir:old", "dir:new", "--seed", "liba.so", "--map", "x"], "is not OLDDIR=NEWDIR"),
    ] {
        let ran = run(&rig.root(), &[&["abi", "closure"], arguments].concat());
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
}
