//! GNU tar as a second opinion.

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

fn run(arguments: &[&str], tar: &[u8]) -> Vec<String> {
    let mut child = Command::new("tar")
        .args(arguments)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("GNU tar is needed");
    let mut input = child.stdin.take().unwrap();
    input.write_all(tar).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && talk.is_empty(), "tar says: {talk}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// One line for each entry as `tar -tv` prints it. Fails when GNU tar complains about anything.
pub(crate) fn list(tar: &[u8]) -> Vec<String> {
    run(&["--numeric-owner", "--full-time", "-tvf", "-"], tar)
}

/// The names.
pub(crate) fn names(tar: &[u8]) -> Vec<String> {
    run(&["-tf", "-"], tar)
}
