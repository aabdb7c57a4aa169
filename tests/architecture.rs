//! The architecture as a test: the rows of `src/lib.rs` are the law, and the `use` lines obey.

#![expect(clippy::unwrap_used, reason = "a failed read is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use walkdir::WalkDir;

const MAX_FILE: usize = 400;
const MAX_MEDIAN: usize = 120;
const BANNED: [&str; 6] = ["util", "utils", "common", "helpers", "types", "manager"];

/// Each crate that has a home, and that home; registries and served models are spoken to apart.
const HOMES: [(&str, &[&str]); 10] = [
    ("cel", &["deploy/schema/expression.rs"]),
    ("goblin", &["elf/"]),
    ("sha2", &["oci/digest.rs"]),
    ("bollard", &["transport/daemon"]),
    ("clap", &["cli/"]),
    ("indicatif", &["cli/progress.rs"]),
    ("reqwest", &["transport/registry/", "endpoint/http/"]),
    ("kube", &["deploy/cluster/"]),
    ("granit_parser", &["deploy/yaml/"]),
    ("serde_saphyr", &["deploy/render/text.rs"]),
];

struct Source {
    /// Relative to `src`.
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = WalkDir::new(&root).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    let rust = files.filter(|path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        Source { path: path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), text }
    })
    .collect()
}

/// The rows of the table in `lib.rs`, top first: module → row.
fn rows() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let table = text.split("```text").nth(2).unwrap();
    let lines = table.lines().skip(1).filter_map(|line| line.strip_prefix("//! "));
    let lines = lines.take_while(|line| !line.starts_with("```"));
    let mut rows = BTreeMap::new();
    for (row, line) in lines.filter(|line| !line.trim().is_empty()).enumerate() {
        for module in line.split_whitespace() {
            assert_eq!(rows.insert(module.to_owned(), row), None, "{module} stands twice in the table");
        }
    }
    rows
}

/// The top-level module of a file; `None` for `lib.rs` and `main.rs`.
fn module(path: &str) -> Option<&str> {
    let first = path.split('/').next().unwrap().trim_end_matches(".rs");
    (first != "lib" && first != "main").then_some(first)
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// Every `crate::module` that the code names.
fn imports(text: &str) -> Vec<String> {
    let word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let after = code_lines(text).flat_map(|line| line.split("crate::").skip(1));
    after.map(|rest| rest.chars().take_while(word).collect()).collect()
}

/// What is wrong with the imports of the sources, by the table.
fn broken(rows: &BTreeMap<String, usize>, sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        let Some(own) = module(&source.path) else { continue };
        let Some(own_row) = rows.get(own) else {
            wrong.push(format!("{}: module `{own}` has no place in the table", source.path));
            continue;
        };
        for other in imports(&source.text) {
            match rows.get(&other) {
                _ if other == own => {}
                Some(row) if row > own_row => {}
                Some(_) => wrong.push(format!("{}: `{own}` must not know `{other}`", source.path)),
                None => wrong.push(format!("{}: `{other}` has no place in the table", source.path)),
            }
        }
    }
    wrong
}

#[test]
fn imports_point_down() {
    assert_eq!(broken(&rows(), &sources()), Vec::<String>::new());
}

#[test]
fn an_import_that_points_up_or_sideways_is_seen() {
    let case = |text: &str| vec![Source { path: "store/x.rs".into(), text: text.into() }];
    assert!(broken(&rows(), &case("use crate::oci::Digest;")).is_empty());
    for bad in [
        "use crate::cli::args;",
        "use crate::layer::Entry;",
        "fn f() { crate::build::x() }",
        "use crate::nowhere::x;",
    ] {
        assert_eq!(broken(&rows(), &case(bad)).len(), 1, "{bad}");
    }
}

#[test]
fn the_table_names_what_there_is() {
    let sources = sources();
    for module in rows().keys() {
        let there = sources.iter().any(|source| self::module(&source.path) == Some(module));
        assert!(there, "`{module}` is in the table and not in src");
    }
}

#[test]
fn one_import_a_line() {
    for source in sources() {
        for line in code_lines(&source.text).filter(|line| line.trim_start().starts_with("use ")) {
            assert!(!line.contains('{'), "{}: {line}", source.path);
        }
    }
}

#[test]
fn each_crate_has_one_home() {
    for (name, homes) in HOMES {
        for source in sources() {
            let named = code_lines(&source.text).any(|line| line.contains(&format!("{name}::")));
            assert!(
                !named || homes.iter().any(|home| source.path.starts_with(home)),
                "{} names {name}, whose home is {homes:?}",
                source.path
            );
        }
    }
}

#[test]
fn files_are_small_and_well_named() {
    let mut lengths: Vec<usize> = Vec::new();
    for source in sources() {
        let length = source.text.lines().count();
        assert!(length <= MAX_FILE, "{} has {length} lines", source.path);
        for part in source.path.trim_end_matches(".rs").split('/') {
            assert!(!BANNED.contains(&part), "{} says nothing by its name", source.path);
        }
        lengths.push(length);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    println!("{} files, median {median} lines, longest {}", lengths.len(), lengths.last().unwrap());
    assert!(median <= MAX_MEDIAN, "the median file has {median} lines");
}
