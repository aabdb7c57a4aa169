//! The model of the dynamic loader against the real one, on trees that show one rule each (`make test`) and on
//! real libraries in real root file systems (`make differential`). The real loader traces; it runs nothing.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod answer;
mod model;
mod objects;
#[path = "../support/skip.rs"]
mod skip;

use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use imgforge::index::directory;
use imgforge::loader::Company;
use imgforge::loader::Loader;
use imgforge::loader::View;
use imgforge::rootfs::Rootfs;

use answer::Answer;
use objects::Files;

/// What came of comparing.
#[derive(Debug, Default)]
struct Tally {
    questions: usize,
    failing: usize,
    undefined: usize,
    bindings: usize,
    wrong: usize,
}

/// Compares all answers of a file; answers of one tree and environment follow one another.
fn compare(file: &Path) -> Tally {
    let mut tally = Tally::default();
    let known = Arc::default();
    let lines = BufReader::new(fs::File::open(file).unwrap()).lines();
    let mut answers = lines.map(|line| serde_json::from_str::<Answer>(&line.unwrap()).unwrap()).peekable();
    while let Some(first) = answers.next() {
        let same = |next: &Answer| next.tree == first.tree;
        let mut group = vec![first.clone()];
        while let Some(next) = answers.next_if(same) {
            group.push(next);
        }
        let root = Path::new(&first.tree);
        let tree = Rootfs::fold(0, &[&directory::walk(root).unwrap()], true).unwrap();
        let objects = Files { root: root.to_path_buf(), known: Arc::clone(&known) };
        let mut environments: BTreeMap<BTreeMap<String, String>, Vec<Answer>> = BTreeMap::new();
        for answer in group {
            environments.entry(answer.env.clone()).or_default().push(answer);
        }
        for (env, answers) in &environments {
            let loader = Loader::new(View { tree: &tree, objects: &objects, env }, &[]).unwrap();
            let loader = loader.with(vec![alone()]);
            answers.iter().for_each(|answer| judge(&loader, answer, &mut tally));
        }
    }
    tally
}

/// The real loader was asked for each file by itself: torch does not go before what is built on it.
fn alone() -> Company {
    let subject = globset::Glob::new("**").unwrap().compile_matcher();
    Company { subject, executable: None, global: Vec::new(), local: Vec::new() }
}

fn judge(loader: &Loader<'_>, answer: &Answer, tally: &mut Tally) {
    let wrong = model::differences(loader, answer, &mut tally.bindings);
    tally.questions += 1;
    let fine = answer.fatal.is_none() && answer.missing.is_empty() && answer.versions.is_empty();
    tally.failing += usize::from(!fine || !answer.undefined.is_empty());
    tally.undefined += answer.undefined.len();
    if !wrong.is_empty() {
        tally.wrong += 1;
        eprintln!("MISMATCH {} {} {:?} in {}", answer.case, answer.subject, answer.env, answer.tree);
        wrong.iter().for_each(|line| eprintln!("  {line}"));
    }
}

fn report(name: &str, tally: &Tally) {
    eprintln!(
        "{name}: {} questions ({} with failures, {} undefined), {} bindings, {} mismatches",
        tally.questions, tally.failing, tally.undefined, tally.bindings, tally.wrong
    );
}

/// What the questions of a script of `fixtures/loader` come to; `None` where it cannot run.
fn asked(script: &str) -> Option<Tally> {
    let place = tempfile::tempdir().unwrap();
    let path = format!("{}/fixtures/loader/{script}", env!("CARGO_MANIFEST_DIR"));
    let status = Command::new("python3").arg(path).arg(place.path()).status();
    match status.ok().and_then(|status| status.code()) {
        Some(0) => {}
        Some(2) | None => {
            skip::skipped(&format!("{script}: trees of libraries need root, gcc and Python"));
            return None;
        }
        code => panic!("{script} could not ask the loader: {code:?}"),
    }
    let tally = compare(&place.path().join("answers.jsonl"));
    report(script, &tally);
    Some(tally)
}

/// Every rule on this machine's own loader.
#[test]
fn every_rule_on_a_tree_of_its_own() {
    let Some(tally) = asked("trees.py") else {
        return;
    };
    assert!(tally.questions > 100 && tally.bindings > 100, "{tally:?}");
    assert_eq!(tally.wrong, 0);
}

/// The libraries of the corpus's small wheels on a Debian 12.
#[test]
fn real_libraries_on_a_real_system() {
    let Some(tally) = asked("small.py") else {
        return;
    };
    assert!(tally.questions > 1000 && tally.failing > 100 && tally.bindings > 100_000, "{tally:?}");
    assert_eq!(tally.wrong, 0);
}

/// Answers that were written down before, named by `IMGFORGE_DIFFERENTIAL` with `:` between: `make differential`.
#[test]
fn answers_written_down_before() {
    let Some(files) = std::env::var_os("IMGFORGE_DIFFERENTIAL") else {
        return;
    };
    let mut wrong = 0;
    for file in files.to_str().unwrap().split(':') {
        let tally = compare(Path::new(file));
        report(file, &tally);
        wrong += tally.wrong;
    }
    assert_eq!(wrong, 0);
}
