//! The main job: the real recipes on the mini fixtures, and the results run in a chroot.

use std::process::Command;

use crate::rig;
use crate::rig::Bench;

/// Runs fixtures/mini/prove.sh on a target; what it prints is in the failure.
#[track_caller]
fn prove(bench: &Bench, target: &str, args: &[&str]) {
    let script = rig::top().join("fixtures/mini/prove.sh");
    let layout = rig::mini().join("layout").display().to_string();
    let mut command = Command::new(script);
    command
        .arg(target)
        .args(["--layout", &layout])
        .args(args)
        .current_dir(bench.path(""));
    let run = rig::ran(&mut command).exits(0);
    if run.stderr.contains("SKIPPED") {
        rig::skipped(run.stderr.trim());
    } else {
        assert!(
            run.stdout.contains("  ok  ") && !run.stdout.contains("FAIL"),
            "{}",
            run.stdout
        );
    }
}

fn recipe(name: &str) -> String {
    rig::top().join("recipes").join(name).display().to_string()
}

#[test]
fn the_libfabric_recipe_makes_an_image_that_runs_over_libfabric() {
    let bench = Bench::new();
    bench
        .on_mini(&["build", &recipe("libfabric.toml"), "--output=oci:out:x"])
        .exits(0);
    prove(
        &bench,
        "oci:out:x",
        &["--backend", "LIBFABRIC", "--arguments", "16"],
    );
    // and the base does not: without this the line above would prove nothing
    let base = format!(
        "oci:{}:{}",
        rig::mini().join("layout").display(),
        rig::mini_fact("BASE_TAG")
    );
    prove(
        &bench,
        &base,
        &[
            "--backend",
            "UCX",
            "--arguments",
            "15",
            "--env",
            "NIXL_BACKEND=LIBFABRIC",
        ],
    );
}

#[test]
fn both_recipes_in_one_call_make_two_images_and_the_ucx_one_follows_its_environment() {
    let bench = Bench::new();
    let both = [&recipe("libfabric.toml")[..], &recipe("ucx.toml")];
    let args = [
        "build",
        both[0],
        both[1],
        "--output=oci:out/{name}:x",
        "--format=json",
    ];
    let run = bench.on_mini(&args).exits(0);
    let said = run.json();
    assert_eq!(said[0]["recipe"], "dynamo-trtllm-libfabric");
    assert_eq!(said[1]["recipe"], "dynamo-trtllm-ucx");
    for (number, name) in ["dynamo-trtllm-libfabric", "dynamo-trtllm-ucx"]
        .iter()
        .enumerate()
    {
        let tag = rig::tagged(&bench.path("out").join(name), "x");
        assert_eq!(tag.as_deref(), said[number]["digest"].as_str(), "{name}");
    }
    prove(
        &bench,
        "oci:out/dynamo-trtllm-libfabric:x",
        &["--backend", "LIBFABRIC", "--arguments", "16"],
    );
    prove(
        &bench,
        "oci:out/dynamo-trtllm-ucx:x",
        &["--backend", "UCX", "--arguments", "15"],
    );
    // The patch makes the connector obey; the wrapper is still rc4's and says that it cannot.
    let told = [
        "--expect-death",
        "fallback",
        "--env",
        "TRTLLM_NIXL_KVCACHE_BACKEND=LIBFABRIC",
    ];
    prove(&bench, "oci:out/dynamo-trtllm-ucx:x", &told);
}

#[test]
fn several_recipes_with_one_output_are_refused_before_anything_is_read() {
    let bench = Bench::new();
    let both = [&recipe("libfabric.toml")[..], &recipe("ucx.toml")];
    bench
        .on_mini(&["build", both[0], both[1], "--output=oci:out:x"])
        .exits(2)
        .says("{name}");
    assert!(!bench.path("out").exists());
}

/// The original kept a second and a third copy of each library.
#[test]
fn the_layer_is_as_large_as_the_files_it_holds() {
    let bench = Bench::new();
    let run = bench
        .on_mini(&[
            "build",
            &recipe("libfabric.toml"),
            "--output=oci:out:x",
            "--format=json",
        ])
        .exits(0);
    let forged = rig::Forged {
        said: run.json(),
        stderr: run.stderr,
        layout: bench.path("out"),
    };
    let layer = crate::layer::Listing::of(&forged.layer());
    let files: u64 = layer
        .entries
        .iter()
        .map(|entry| entry["size"].as_u64().unwrap())
        .sum();
    let new = forged.said["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["identical"] == false);
    let grafted: u64 = new.map(|file| file["size"].as_u64().unwrap()).sum();
    // Two patched texts, two RECORDs and headers are all there is besides.
    let texts = 40_000;
    assert!(
        files >= grafted && files <= grafted + texts,
        "{files} bytes of files, {grafted} grafted"
    );
    // A header and padding are at most 1023 bytes, a PAX record with its header 1024 more.
    let headers = 2047 * layer.entries.len() as u64 + 10_240;
    assert!(
        layer.length <= files * 105 / 100 + headers,
        "{} for {files} bytes of files",
        layer.length
    );
    assert_eq!(forged.said["layer"]["tar_size"].as_u64(), Some(layer.length));
}
