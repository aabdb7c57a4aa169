//! What a person or a script at the shell sees: codes, streams, signals.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::rig;
use crate::rig::Bench;

fn plain() -> Bench {
    let bench = Bench::new();
    let script = "base = Layer()\nfor n in range(3000): base.file(f'/opt/files/{n}', b'1')\n\
        tagged['base'] = Image([base])";
    bench.images(script);
    bench
}

const WRITE: &str = "[[step]]\nwrite = { file = \"/opt/b\", text = \"2\" }";

/// 0 and 1 are shown with the gate, 101 is a bug.
#[test]
fn exit_codes_tell_the_users_mistakes_from_the_worlds() {
    let bench = plain();
    let recipe = bench.recipe("good", WRITE);
    bench.run(&["build", &recipe, "--output=oci:out:x"]).exits(0);
    bench.run(&["build", "no-such.toml"]).exits(2).says("no-such.toml");
    bench.run(&["build", &recipe, "--no-such-flag"]).exits(2);
    bench.run(&["build", &recipe, "--var=nobody=1"]).exits(2).says("nobody");
    bench.write("bad.toml", "schema = 1\nname = \"x\"\n[base]\nimage = \"oci:layout:base\"\nunknown = 1\n");
    bench.run(&["build", "bad.toml"]).exits(2).says("bad.toml:5:1");
    bench.run(&["ls", "oci:nowhere:x"]).exits(3);
    bench.run(&["ls", "oci:layout:no-such-tag"]).exits(3).says("base");
    bench.run(&["ls", "127.0.0.1:9/x:y"]).exits(3).says("127.0.0.1:9");
    bench.write("file", "");
    bench.run(&["build", &recipe, "--output=oci:file:x"]).exits(3);
    bench.run(&["explain", "no-such-check"]).exits(2);
}

#[test]
fn results_are_on_stdout_and_talk_is_on_stderr() {
    let bench = plain();
    let recipe = bench.recipe("talk", WRITE);
    let human = bench.run(&["build", &recipe, "--output=oci:out:x"]).exits(0);
    assert!(human.stdout.contains("image  sha256:"), "{}", human.stdout);
    assert!(!human.stdout.lines().any(|line| line.starts_with("read ")), "{}", human.stdout);
    let quiet = bench.run(&["cat", "oci:out:x", "/opt/b"]).exits(0);
    assert_eq!(quiet.stdout, "2");
    let list = bench.run(&["ls", "oci:out:x", "/opt", "--format=json"]).exits(0).json();
    let text = list.to_string();
    assert!(text.contains("/opt/b") || text.contains("\"b\""), "{text}");
    let failed = bench.run(&["cat", "oci:out:x", "/opt/no"]);
    assert!(failed.code != Some(0) && failed.stdout.is_empty() && !failed.stderr.is_empty());
}

#[test]
fn plan_is_json_moves_no_layer_and_writes_no_output() {
    let bench = Bench::new();
    let recipe = rig::top().join("recipes/libfabric.toml").display().to_string();
    let plan = bench.on_mini(&["plan", &recipe, "--output=oci:out:x", "--format=json"]).exits(0).json();
    assert_eq!(plan["schema"], "imgforge.plan/1");
    for key in ["recipe", "base", "donors", "steps", "outputs", "bytes_down"] {
        assert!(!plan[key].is_null(), "no `{key}`");
    }
    assert!(!bench.path("out").exists());
    let layers: Vec<&serde_json::Value> = plan["base"]["layers"].as_array().unwrap().iter().collect();
    assert_eq!(layers.len(), 5);
    for layer in layers {
        let hex = layer["digest"].as_str().unwrap().trim_start_matches("sha256:");
        assert!(!bench.path("cache/blobs/sha256").join(hex).exists(), "{layer}");
    }
    // Documents are the only blobs there may be.
    for blob in fs::read_dir(bench.path("cache/blobs/sha256")).unwrap().map(Result::unwrap) {
        assert_eq!(fs::read(blob.path()).unwrap()[0], b'{', "{}", blob.path().display());
    }
}

/// `imgforge ls … | head -1`.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let bench = plain();
    let mut command = bench.command(&["ls", "-R", "oci:layout:base", "/"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!said.contains("error") && !said.contains("panicked"), "{said}");
    assert_eq!(done.status.code(), Some(0), "{said}");
}

/// A registry that stops in the middle of one blob, until it is told to go on.
#[test]
fn an_interrupt_leaves_nothing_half_made_and_what_was_complete_is_used_again() {
    let bench = Bench::new();
    bench.images(
        "tagged['base'] = Image([Layer().file('/a', Noise(300000, 1)), Layer().file('/b', Noise(3000000, 2))])",
    );
    let layout = bench.path("layout");
    let manifest = rig::json_blob(&layout, &rig::tagged(&layout, "base").unwrap());
    let hex = |number: usize| {
        let digest = manifest["layers"][number]["digest"].as_str().unwrap();
        digest.trim_start_matches("sha256:").to_owned()
    };
    let (first, second) = (hex(0), hex(1));
    let slow = crate::slow::Slow::start(&layout, &second);
    let text = format!("schema = 1\nname = \"i\"\n[base]\nimage = \"{}/x:base\"\n{WRITE}\n", slow.host());
    bench.write("i.toml", &text);
    let args = ["build", "i.toml", "--output=oci:out:x", "--digest-file=d"];
    let mut command = bench.command(&args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let blob = |hex: &str| bench.path("cache/blobs/sha256").join(hex);
    rig::wait_for("the first layer to be complete and the second under way", || {
        blob(&first).exists() && slow.is_stuck()
    });
    let pid = child.id().to_string();
    rig::ran(std::process::Command::new("kill").args(["-INT", &pid])).exits(0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!bench.path("out").exists() && !bench.path("d").exists());
    assert!(is_empty(&bench.path("cache/tmp")), "temporary files stayed");
    assert!(!blob(&second).exists(), "half a layer passes for a whole one");
    slow.let_go();
    bench.run(&args).exits(0);
    assert_eq!(slow.requests(&first), 1, "the complete layer was fetched again");
    assert_eq!(slow.requests(&second), 2);
    assert!(rig::tagged(&bench.path("out"), "x").is_some());
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}
