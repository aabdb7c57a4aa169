//! A real server of the API, llama.cpp's, on a tiny model: `fixtures/endpoint` holds `smoke` and `bench` against a
//! client that shares nothing with them.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]

#[path = "support/skip.rs"]
mod skip;

use std::path::Path;
use std::process::Command;

/// What the driver ends with when the server cannot be had.
const COULD_NOT_RUN: i32 = 3;

#[test]
fn token_counts_and_times_are_those_of_an_independent_client() {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/endpoint/agree.py");
    let run = Command::new("python3").arg(driver).arg(env!("CARGO_BIN_EXE_imgforge")).output();
    let (code, told) = match run {
        Ok(run) => {
            let told = [run.stdout, run.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            (run.status.code().unwrap_or(1), told.join("\n"))
        }
        Err(error) => (COULD_NOT_RUN, format!("python3: {error}")),
    };
    eprintln!("{told}");
    if code == COULD_NOT_RUN {
        skip::skipped(&format!("no real server could be had: {told}"));
        return;
    }
    assert_eq!(code, 0, "imgforge and the independent client do not agree");
}
