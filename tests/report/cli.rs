//! The program writes each format where it is asked to, and says no where it cannot.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use serde_json::Value;

use crate::html;

/// A directory with one ELF file: the shell that every machine has.
fn tree(place: &Path) {
    fs::create_dir_all(place.join("tree/usr/bin")).unwrap();
    fs::copy("/bin/sh", place.join("tree/usr/bin/sh")).unwrap();
}

fn imgforge(place: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgforge"));
    command.args(arguments).args(["--cache-dir", "cache", "--progress", "none"]);
    command.current_dir(place).output().unwrap()
}

#[test]
fn every_format_is_written_and_nobody_else_has_to_be_asked() {
    let place = tempfile::tempdir().unwrap();
    tree(place.path());
    let formats = ["human", "json", "sarif", "junit", "markdown", "issue", "html"];
    let reports: Vec<String> = formats.iter().map(|format| format!("--report={format}=r.{format}")).collect();
    let mut arguments = vec!["audit", "dir:tree", "--gate", "off"];
    arguments.extend(reports.iter().map(String::as_str));
    let output = imgforge(place.path(), &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for format in formats {
        let file = fs::read_to_string(place.path().join(format!("r.{format}"))).unwrap();
        let printed = imgforge(place.path(), &["audit", "dir:tree", "--gate", "off", "--format", format]);
        assert!(printed.status.success(), "{format}");
        // A person at a terminal is shown fewer of a kind; all else is the same, byte for byte.
        if format != "human" {
            assert_eq!(file, String::from_utf8(printed.stdout).unwrap(), "{format}");
        }
    }
    let page = html::check(&fs::read_to_string(place.path().join("r.html")).unwrap());
    assert!(!html::select(&page, "svg[role=img] rect").is_empty(), "no layers are drawn");
}

#[test]
fn schemas_are_printed() {
    let place = tempfile::tempdir().unwrap();
    for (of, title) in
        [("recipe", "imgforge recipe"), ("report", "imgforge report"), ("matrix", "imgforge matrix")]
    {
        let output = imgforge(place.path(), &["schema", "--of", of]);
        let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(schema["title"], title);
    }
    let plain = imgforge(place.path(), &["schema"]).stdout;
    assert_eq!(plain, imgforge(place.path(), &["schema", "--of", "recipe"]).stdout);
}

#[test]
fn formats_for_findings_are_for_commands_that_find() {
    let place = tempfile::tempdir().unwrap();
    for command in [["ls", "dir:."].as_slice(), &["build", "r.toml"], &["plan", "r.toml"]] {
        let output = imgforge(place.path(), &[command, &["--format", "sarif"]].concat());
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("`audit` prints") && said.contains("--report FORMAT=FILE"), "{said}");
    }
    let output = imgforge(place.path(), &["audit", "dir:.", "--report", "pdf=x"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("`sarif`, `junit`, `markdown`, `issue`, `html`"), "{said}");
}
