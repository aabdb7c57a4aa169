//! What the recipes ask for, as manifests: the same each time, clean, and pinned.

use std::fs;

use serde_json::Value;

use crate::bench::Bench;
use crate::bench::said;
use crate::bench::top;

fn digest() -> String {
    format!("sha256:{}", "a".repeat(64))
}

#[test]
fn both_recipes_give_manifests_that_are_clean() {
    let bench = Bench::new();
    bench.image();
    for name in ["libfabric", "ucx"] {
        let recipe = top().join(format!("recipes/{name}.toml")).display().to_string();
        let text = said(&bench.run(&["deploy", "render", &recipe, "--digest", &digest()]), 0);
        assert_eq!(text, said(&bench.run(&["deploy", "render", &recipe, "--digest", &digest()]), 0));
        bench.write("m.yaml", &text);
        // The image of this test speaks LIBFABRIC: it is not the one that the other recipe makes.
        let image = (name == "libfabric").then_some(["--image", "oci:layout:forged"]);
        for against in [["--recipe", &recipe]].into_iter().chain(image) {
            let output = bench
                .run(&[&["deploy", "check", "m.yaml"], against.as_slice(), &["--gate", "note"]].concat());
            // Nor is it the one that the digest names.
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let other = against[0] == "--image";
            assert_eq!(text.matches("[manifest-image-other]").count(), if other { 3 } else { 0 }, "{text}");
            assert_eq!(
                text.matches("warning[").count() + text.matches("note[").count(),
                if other { 3 } else { 0 },
                "{text}"
            );
        }
    }
}

#[test]
fn the_image_must_be_known() {
    let bench = Bench::new();
    fs::copy(top().join("recipes/ucx.toml"), bench.path("ucx.toml")).unwrap();
    let text = fs::read_to_string(bench.path("ucx.toml")).unwrap();
    let without = text.split("[[step]]").next().unwrap().replace("[vars]\npython = \"3.12\"\n", "");
    let deploy = &text[text.find("[deploy]").unwrap()..];
    bench.write("ucx.toml", &format!("{without}{deploy}"));
    let output = bench.run(&["deploy", "render", "ucx.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("no digest of the image is known") && error.contains("--tag TAG"), "{error}");
    let tagged = said(&bench.run(&["deploy", "render", "ucx.toml", "--tag", "v1"]), 0);
    assert!(tagged.contains("image: public.ecr.aws/v9l4g5s4/dynamo-trtllm:v1\n"), "{tagged}");
    bench.write("plain.toml", &without);
    let none = bench.run(&["deploy", "render", "plain.toml"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("has no `[deploy]`"));
}

#[test]
fn forms_and_places() {
    let bench = Bench::new();
    let recipe = top().join("recipes/libfabric.toml").display().to_string();
    let pin = digest();
    let words = ["deploy", "render", &recipe, "--digest", &pin];
    let json: Value =
        serde_json::from_str(&said(&bench.run(&[&words[..], &["--format", "json"]].concat()), 0)).unwrap();
    assert_eq!((&json["kind"], json["items"].as_array().unwrap().len()), (&"List".into(), 2));
    bench.write("list.json", &json.to_string());
    said(&bench.run(&["deploy", "check", "list.json", "--gate", "note"]), 0);
    said(&bench.run(&[&words[..], &["--output", "m.yaml"]].concat()), 0);
    said(&bench.run(&[&words[..], &["--output", "all/"]].concat()), 0);
    let mut names: Vec<String> = fs::read_dir(bench.path("all"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let want = ["configmap-trtllm-libfabric-engine.yaml", "dynamographdeployment-trtllm-libfabric.yaml"];
    assert_eq!(names, want);
}
