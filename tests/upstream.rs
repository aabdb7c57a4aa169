//! The bug reports that a careless mix of two builds is worth: the operator's arguments, files of two builds, and a
//! backend that is not the one that was asked for. On the mini fixtures, with the recipe of the real images.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/skip.rs"]
mod skip;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The reports on the recipe for the real images without what `left_out` matches, once; none when there is no fixture.
fn reports(left_out: &str) -> Option<Vec<String>> {
    let out = root().join("fixtures/mini/out");
    let Ok(text) = fs::read_to_string(out.join("fixture.env")) else {
        skip::skipped("the mini fixtures are not built: `fixtures/mini/build.sh`");
        return None;
    };
    let names: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("recipes")).unwrap();
    fs::create_dir(place.path().join("patches")).unwrap();
    for entry in fs::read_dir(root().join("patches")).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, place.path().join("patches").join(from.file_name().unwrap())).unwrap();
    }
    let recipe = fs::read_to_string(root().join("recipes/libfabric.toml")).unwrap();
    let pattern = Regex::new(left_out).unwrap();
    assert_eq!(pattern.find_iter(&recipe).count(), 1, "{left_out}");
    fs::write(place.path().join("recipes/r.toml"), pattern.replace(&recipe, "").as_bytes()).unwrap();
    let layout = format!("oci:{}", out.join("layout").display());
    let output = Command::new(env!("CARGO_BIN_EXE_imgforge"))
        .args(["audit", "recipes/r.toml", "--gate", "off", "--format", "issue", "--progress", "none"])
        .args(["--var", &format!("python={}", names["PYTHON_VERSION"])])
        .args(["--mirror", &format!("public.ecr.aws={layout}"), "--mirror", &format!("nvcr.io={layout}")])
        .args(["--cache-dir", "cache"])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let file = Regex::new(r"- `/opt/[^`]+`: `sha256:[0-9a-f]{64}`").unwrap();
    // What is true of each: the bytes it is about, and how to see it again.
    for report in text.split("\n---\n") {
        assert!(report.contains(&format!("`{}`", names["BASE_DIGEST"])), "{report}");
        assert!(report.contains(&format!("`{}`", names["DONOR_DIGEST"])), "{report}");
        assert!(report.contains("imgforge audit recipes/r.toml --var python="), "{report}");
        assert!(file.is_match(report), "{report}");
        assert!(report.contains("introduced by: `recipes/r.toml:"), "{report}");
        let title = report.trim_start().lines().next().unwrap();
        assert!(
            title.starts_with("# `") && !title.contains("/opt/") && title.chars().count() < 200,
            "{title}"
        );
    }
    Some(text.split("\n---\n").map(str::to_owned).collect())
}

/// A report's title and its section `At run time`.
fn gist(report: &str) -> (&str, &str) {
    let title = report.trim_start().lines().next().unwrap();
    let said = report
        .split_once("At run time:\n\n```\n")
        .map_or("", |(_, rest)| rest.split("\n```").next().unwrap());
    (title, said)
}

/// In the words of PyTorch's `FunctionSchema::checkAndNormalizeInputs`, which the fixture's runtime has from there.
#[test]
fn the_operator_s_arguments() {
    let Some(reports) = reports(r#"\[\[step\]\]\n\[step\.patch\]\nfile = ".*qk_norm_attention\.py"\n.*\n"#)
    else {
        return;
    };
    let [report] = &reports[..] else { panic!("{reports:#?}") };
    let (title, said) = gist(report);
    assert_eq!(
        title,
        "# `qk_norm_attention.py` passes 15 values to `trtllm::fused_qk_norm_rope`, which wants 16: `is_qk_norm` is missing"
    );
    assert!(
        said.starts_with(
            "RuntimeError: trtllm::fused_qk_norm_rope() is missing value for argument 'is_qk_norm'. Declaration: "
        ),
        "{said}"
    );
    let declared = report.split_once("The library declares:").unwrap().1;
    let (library, caller) = declared.split_once("The caller was written for:").unwrap();
    assert!(library.contains("bool is_qk_norm) -> ()"), "{library}");
    let (written_for, call) = caller.split_once("The call:").unwrap();
    assert!(
        written_for.contains("float attention_factor) -> ()") && !written_for.contains("is_qk_norm"),
        "{caller}"
    );
    assert!(call.contains("torch.ops.trtllm.fused_qk_norm_rope(qkv, "), "{call}");
}

#[test]
fn files_of_two_builds() {
    let Some(reports) = reports(r#" *"bindings\.cpython.*\n"#) else {
        return;
    };
    let [report] = &reports[..] else { panic!("{reports:#?}") };
    let (title, said) = gist(report);
    assert!(title.contains("stays as it is, but was built together with `libtensorrt_llm.so`"), "{title}");
    // It loads: nothing is said before the crash.
    assert_eq!(said, "");
    assert!(report.contains("KVCacheManager::create(unsigned long)"), "{report}");
    assert!(report.contains("what helps: graft it from `trtllm` too"), "{report}");
}

#[test]
fn a_backend_that_nobody_asked_for() {
    let Some(reports) = reports(r"TRTLLM_NIXL_KVCACHE_BACKEND = .*\n") else {
        return;
    };
    let [report] = &reports[..] else { panic!("{reports:#?}") };
    let want = "# `libtensorrt_llm_nixl_wrapper.so` moves the KV cache over `UCX`: `TRTLLM_NIXL_KVCACHE_BACKEND` is not set, \
                though `NIXL_BACKEND` is `LIBFABRIC`";
    assert_eq!(gist(report), (want, "Backend UCX was instantiated"));
    assert!(report.contains("- connector: `NIXL_BACKEND=LIBFABRIC`"), "{report}");
    assert!(report.contains("what helps: set `TRTLLM_NIXL_KVCACHE_BACKEND` to `LIBFABRIC` too"), "{report}");
}

/// A library left out: a report for each file that no longer loads, in the loader's words.
#[test]
fn a_library_that_stayed_behind() {
    let Some(reports) = reports(r#" *"libs/libtensorrt_llm\.so",\n"#) else {
        return;
    };
    let gists: Vec<_> = reports.iter().map(|report| gist(report)).collect();
    let wanted = gists.iter().find(|(title, _)| title.starts_with("# `libth_common.so` wants")).unwrap();
    assert!(
        wanted.1.ends_with(
            "/libs/libth_common.so: undefined symbol: _ZN12tensorrt_llm6common17opTableGenerationEv"
        )
    );
}
