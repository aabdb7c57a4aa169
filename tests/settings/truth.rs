//! What real libraries say of themselves: `fixtures/settings/oracle.py` asks them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

/// The oracle's answer.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "each test file uses its part")]
pub(crate) struct Truth {
    /// Variables that libfabric lists.
    pub(crate) fi: Vec<String>,
    /// Variables that UCX prints.
    pub(crate) ucx: Vec<String>,
    /// Device code by file, below `directory`.
    pub(crate) fatbins: BTreeMap<String, BTreeMap<String, u32>>,
    /// Where the wheels are unpacked.
    #[serde(skip)]
    pub(crate) directory: PathBuf,
    #[serde(skip)]
    scratch: Option<tempfile::TempDir>,
}

impl Truth {
    /// `None`, and said so, where packages cannot be had or a library does not answer. Under CI that is a failure.
    /// With `IMGFORGE_SETTINGS=all` the big wheels are asked too.
    pub(crate) fn get() -> Option<Self> {
        let scratch = tempfile::tempdir().unwrap();
        let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/settings/oracle.py");
        let all = std::env::var("IMGFORGE_SETTINGS").as_deref() == Ok("all");
        let more = if all { &["--all"][..] } else { &[] };
        let run = Command::new("python3").arg(oracle).arg(scratch.path()).args(more).output();
        let why = match run {
            Ok(run) if run.status.success() => {
                let text = fs::read_to_string(scratch.path().join("truth.json")).unwrap();
                let truth: Self = serde_json::from_str(&text).unwrap();
                return Some(Self { directory: scratch.path().to_owned(), scratch: Some(scratch), ..truth });
            }
            Ok(run) => String::from_utf8_lossy(&run.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        crate::skip::skipped(&format!("the oracle did not answer: {why}"));
        None
    }
}
