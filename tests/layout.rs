//! Sizes of classes without debug information: a program that dies of them, and what is said of it before.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use serde_json::Value;

const SYNTHETIC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/layout/synthetic");

/// Compilers, whether what they make runs here, and whether a machine for tests must have them.
const COMPILERS: [(&str, bool, bool); 3] =
    [("g++", true, true), ("clang++", true, false), ("aarch64-linux-gnu-g++", false, false)];

fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|out| out.status.success())
}

/// Each compiler that is here, with the fixture that it made.
fn each(test: fn(&Path, bool)) {
    for (compiler, native, wanted) in COMPILERS {
        if !has(compiler) {
            eprintln!("SKIPPED: no {compiler}");
            assert!(!wanted || std::env::var_os("CI").is_none(), "a skipped check fails under CI");
            continue;
        }
        let place = tempfile::tempdir().unwrap();
        let mut flags = Vec::new();
        if compiler == "clang++" {
            // Before clang 19 this has to be asked for.
            flags.push("-fsized-deallocation");
        }
        let script = format!("{SYNTHETIC}/build.sh");
        let built = Command::new(script).arg(place.path()).arg(compiler).args(flags).status().unwrap();
        assert!(built.success(), "{compiler}");
        test(place.path(), native && cfg!(target_arch = "x86_64"));
    }
}

fn imgforge(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgforge"));
    let cache = directory.join("cache");
    command.args(arguments).arg("--cache-dir").arg(cache).current_dir(directory).output().unwrap()
}

/// Puts a version of the library where the program finds it.
fn install(version: u32, place: &Path) {
    fs::copy(place.join(format!("v{version}/libshapes.so")), place.join("lib/libshapes.so")).unwrap();
}

fn run(program: &Path) -> Output {
    Command::new(program).output().unwrap()
}

/// Copies what runs together into a tree of its own: `lib`, `bin`, and nothing else.
fn tree(place: &Path) -> String {
    let root = place.join("tree");
    for part in ["bin/main", "lib/libapp.so", "lib/libshapes.so"] {
        fs::create_dir_all(root.join(part).parent().unwrap()).unwrap();
        fs::copy(place.join(part), root.join(part)).unwrap();
    }
    "dir:tree".to_owned()
}

fn audit(place: &Path) -> Vec<String> {
    let output = imgforge(&["audit", &tree(place), "--format", "json"], place);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let own = findings.filter(|finding| finding["check"] == "layout-mismatch");
    own.map(|finding| {
        let text = |field: &str| finding[field].as_str().unwrap().to_owned();
        format!("{} {} {}", text("severity"), text("path"), text("symbol"))
    })
    .collect()
}

#[test]
fn a_program_that_dies_is_found_without_an_old_version() {
    each(|place, native| {
        for version in [1, 2] {
            install(version, place);
            if native {
                let ran = run(&place.join("bin/main"));
                let text = String::from_utf8_lossy(&ran.stderr).into_owned();
                assert_eq!(ran.status.success(), version == 1, "version {version}: {text}");
                let checked = Command::new("ldd").arg("-r").arg(place.join("bin/main")).output().unwrap();
                let checked =
                    String::from_utf8(checked.stdout).unwrap() + &String::from_utf8_lossy(&checked.stderr);
                assert!(!checked.contains("undefined") && !checked.contains("not found"), "{checked}");
            }
            let want: &[&str] = match version {
                1 => &[],
                _ => &["error /lib/libapp.so Ledger", "error /lib/libapp.so Square"],
            };
            assert_eq!(audit(place), want, "version {version}");
        }
    });
}

#[test]
fn the_sizes_are_those_of_the_compiler() {
    each(|place, _| {
        let output =
            imgforge(&["abi", "diff", "v1/libshapes.so", "v2/libshapes.so", "--format", "json"], place);
        assert_eq!(output.status.code(), Some(1));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["schema"], "imgforge.abi-diff/1");
        let changes = document["files"][0]["changes"].as_array().unwrap().iter();
        let line = |change: &Value| {
            let name = change["name"].as_str().or(change["symbol"].as_str()).unwrap();
            format!("{} {name} {} {}", change["kind"].as_str().unwrap(), change["old"], change["new"])
        };
        let mut found: Vec<String> = changes.map(line).collect();
        found.sort();
        // sizeof(Ledger), sizeof(Shape) and sizeof(Settings) as the compilers have them.
        assert_eq!(
            found,
            [
                "class-size Ledger 40 48",
                "class-size Shape 40 48",
                "object-size settings 40 48",
                "symbol-added _ZN5Shape5holesEv null null",
                "vtable-size Shape 40 48",
            ]
        );
    });
}
