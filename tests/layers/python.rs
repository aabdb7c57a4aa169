//! Python's `tarfile` as a second opinion: it reads PAX records by their length, as it should be.

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

/// Runs a script with `input` on its standard input; gives what it prints.
pub(crate) fn run(script: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed");
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(input).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Evaluates an expression on `t`, the opened tar; one line for each item.
pub(crate) fn of_tar(expression: &str, tar: &[u8]) -> Vec<String> {
    let script = format!(
        "import io,sys,tarfile\nt=tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))\nfor x in {expression}: print(x)"
    );
    let printed = String::from_utf8(run(&script, tar)).unwrap();
    printed.lines().map(str::to_owned).collect()
}
