//! The program, asked for its JSON.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgforge"));
    command.current_dir(directory).args(["--quiet", "--cache-dir", "cache"]).args(arguments);
    let done = command.output().unwrap();
    Ran {
        code: done.status.code(),
        stdout: String::from_utf8(done.stdout).unwrap(),
        stderr: String::from_utf8(done.stderr).unwrap(),
    }
}

/// The only closure of `abi closure ARGUMENTS --format json`.
pub(crate) fn closure(directory: &Path, arguments: &[&str]) -> Value {
    let ran = run(directory, &[&["--format", "json", "abi", "closure"], arguments].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["schema"], "imgforge.closure/1");
    let all = document["closures"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{document}");
    all[0].clone()
}

/// A list of texts of a document.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}
