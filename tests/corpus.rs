//! Real wheels mixed as people mix them: `fixtures/corpus` asks the real loader, then this program, and
//! compares. The small cases; `make corpus` runs all.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]

#[path = "support/skip.rs"]
mod skip;

use std::path::Path;
use std::process::Command;

/// What the driver ends with when packages cannot be had.
const COULD_NOT_RUN: i32 = 3;

#[test]
fn real_breaks_are_found_exactly() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus/corpus.py");
    let run = Command::new("python3")
        .arg(corpus)
        .args(["--program", env!("CARGO_BIN_EXE_imgforge")])
        .env_remove("IMGFORGE_CACHE_DIR")
        .output();
    let (code, told) = match run {
        Ok(run) => {
            let told = [run.stdout, run.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            (run.status.code().unwrap_or(1), told.join("\n"))
        }
        Err(error) => (COULD_NOT_RUN, format!("python3: {error}")),
    };
    eprintln!("{told}");
    if code == COULD_NOT_RUN {
        skip::skipped("the corpus could not be made");
        return;
    }
    assert_eq!(code, 0, "what imgforge says of real breaks is not what the loader says");
}
