//! The guides: every shell line of docs/*.md is run, every symptom of the table is said by a program that dies of it,
//! and the examples for CI services are what those services take. `fixtures/docs` does it.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/skip.rs"]
mod skip;

use std::path::Path;
use std::process::Command;

/// What the drivers end with when something they need is not there.
const COULD_NOT_RUN: i32 = 3;

/// How the driver ended, and what it said.
fn drive(driver: &str, words: &[&str]) -> (i32, String) {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/docs").join(driver);
    let run = Command::new("python3").arg(driver).args(words).output().unwrap();
    let told = [run.stdout, run.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (run.status.code().unwrap_or(1), told.join("\n"))
}

fn must_hold(driver: &str, words: &[&str]) {
    let (code, told) = drive(driver, words);
    eprintln!("{told}");
    if code == COULD_NOT_RUN {
        skip::skipped(&told);
        return;
    }
    assert_eq!(code, 0);
}

#[test]
fn what_the_guides_say_is_so() {
    must_hold("run.py", &[env!("CARGO_BIN_EXE_imgforge")]);
}

#[test]
fn the_examples_for_ci_are_what_the_services_take() {
    must_hold("lint.py", &[env!("CARGO_BIN_EXE_imgforge")]);
}

/// Examples with keys, names and an option that nobody knows.
#[test]
fn wrong_examples_are_seen() {
    let place = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci");
    for (name, from, to) in [
        ("github.yml", "runs-on: ubuntu-latest", "runs-on-none: x"),
        ("gitlab.yml", "stage: audit", "stages: audit"),
        ("tekton.yaml", "$(params.recipe)", "$(params.recipes)"),
        ("tekton.yaml", "optional: true", "optional: 1"),
        ("argo.yaml", "--locked", "--lucked"),
        ("argo.yaml", "retryPolicy: Always", "retryPolicies: Always"),
    ] {
        let wrong = place.path().join(name);
        let file = if wrong.exists() { wrong.clone() } else { examples.join(name) };
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(from), "{name}");
        std::fs::write(wrong, text.replace(from, to)).unwrap();
    }
    let (code, told) = drive("lint.py", &[env!("CARGO_BIN_EXE_imgforge"), place.path().to_str().unwrap()]);
    if code != COULD_NOT_RUN {
        assert_eq!(code, 1);
        for name in ["github.yml", "gitlab.yml", "tekton.yaml", "argo.yaml"] {
            assert!(told.contains(&format!("WRONG: {name}: ")), "{name}: {told}");
        }
        // Where the projects' own schemas could be had.
        if !told.contains("SKIPPED") {
            assert!(
                told.contains("is not of type 'boolean'") && told.contains("'retryPolicies' was unexpected"),
                "{told}"
            );
        }
    }
}

/// A guide that is wrong in four ways: none of them passes.
#[test]
fn a_wrong_guide_is_seen() {
    let place = tempfile::tempdir().unwrap();
    let guide = place.path().join("wrong.md");
    let text = "```sh\nimgforge plan recipes/none.toml\n```\n<!-- needs: luck -->\n```sh\ntrue\n```\n\
                <!-- exit: 1 -->\n```sh\nimgforge explain\n```\n<!-- needs: aws -->\n```sh\nif\n```\n";
    std::fs::write(&guide, text).unwrap();
    let (code, told) = drive("run.py", &[env!("CARGO_BIN_EXE_imgforge"), guide.to_str().unwrap()]);
    if code != COULD_NOT_RUN {
        assert_eq!((code, told.matches("WRONG: wrong.md:").count()), (1, 4), "{told}");
    }
}
