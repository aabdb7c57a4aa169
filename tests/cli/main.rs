//! The program as a person meets it: every transcript of `transcripts/` is played, line for line.
//!
//! A transcript is a text. `$ COMMAND` is run by sh(1) in a new directory that holds the images and recipes of
//! `fixture.rs`; `1| ` and `2| ` say what must come on standard output and standard error, `= N` how it must end.
//! A line `…` stands for any lines, `[*]` for any text within a line; `#` begins a comment.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fixture;
mod interrupt;
mod transcript;
mod unpacked;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use transcript::Step;

/// A command line, as a user in this directory with an empty home would type it.
pub(crate) fn shell(line: &str, directory: &Path) -> Command {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_imgforge"));
    let tools = "/usr/local/bin:/usr/bin:/bin";
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(directory).env_clear();
    command.env("PATH", format!("{}:{tools}", program.parent().unwrap().display()));
    command.env("HOME", directory.join("home"));
    command.env("IMGFORGE_CACHE_DIR", "cache");
    command
}

fn play(file: &Path) -> Vec<String> {
    let place = tempfile::tempdir().unwrap();
    fixture::write(place.path());
    let mut wrong = Vec::new();
    for step in transcript::parse(&std::fs::read_to_string(file).unwrap()) {
        let output = shell(&step.command, place.path()).output().unwrap();
        wrong.extend(compare(&step, &output).map(|what| format!("{}: {what}", file.display())));
    }
    wrong
}

fn compare(step: &Step, output: &Output) -> Option<String> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let same = output.status.code() == Some(step.code)
        && transcript::matches(&step.stdout, &stdout)
        && transcript::matches(&step.stderr, &stderr);
    let tell = |text: &str, mark: &str| {
        text.lines()
            .map(|line| format!("{mark}| {line}\n"))
            .collect::<String>()
    };
    (!same).then(|| {
        let code = output
            .status
            .code()
            .map_or_else(|| "none".to_owned(), |code| code.to_string());
        format!(
            "$ {}\n{}{}= {code}\n",
            step.command,
            tell(&stdout, "1"),
            tell(&stderr, "2")
        )
    })
}

#[test]
fn every_transcript_is_what_happens() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/transcripts");
    let files = walkdir::WalkDir::new(directory).sort_by_file_name().into_iter();
    let files = files
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file());
    let files: Vec<PathBuf> = files.collect();
    assert!(!files.is_empty());
    let wrong: Vec<String> = files.iter().flat_map(|file| play(file)).collect();
    assert!(
        wrong.is_empty(),
        "{} steps differ; what came:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
