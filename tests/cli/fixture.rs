//! Two small images and recipes for them, made without the library.

use std::fs;
use std::path::Path;

use imgforge::oci::Digest;
use serde_json::Value;
use serde_json::json;

const TITLE: &str = "org.opencontainers.image.ref.name";

/// A tar of entries `(name, content)`: `None` for a directory, `-> target` for a link.
fn tar_of(entries: &[(&str, Option<&str>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(if content.is_some() { 0o644 } else { 0o755 });
        header.set_size(0);
        match content.map(|text| text.strip_prefix("-> ").ok_or(text)) {
            None => {
                header.set_entry_type(tar::EntryType::Directory);
                builder.append_data(&mut header, name, &b""[..]).unwrap();
            }
            Some(Ok(target)) => {
                header.set_entry_type(tar::EntryType::Symlink);
                builder.append_link(&mut header, name, target).unwrap();
            }
            Some(Err(text)) => {
                header.set_size(text.len() as u64);
                builder.append_data(&mut header, name, text.as_bytes()).unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}

fn put(layout: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = Digest::of(bytes);
    fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
    json!({"mediaType": format!("application/vnd.oci.image.{media_type}"), "digest": digest.to_string(), "size": bytes.len()})
}

fn image(layout: &Path, name: &str, layers: &[Vec<u8>]) -> Value {
    let ids: Vec<String> = layers.iter().map(|tar| Digest::of(tar).to_string()).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/usr/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ids}});
    let config = put(layout, "config.v1+json", config.to_string().as_bytes());
    let layers: Vec<Value> = layers
        .iter()
        .map(|tar| put(layout, "layer.v1.tar", tar))
        .collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": layers});
    let mut described = put(layout, "manifest.v1+json", manifest.to_string().as_bytes());
    described["annotations"] = json!({TITLE: name});
    described["platform"] = json!({"os": "linux", "architecture": "amd64"});
    described
}

const RECIPE: &str = r#"schema = 1
name = "forged"

[base]
image = "oci:images:base"

[sources.donor]
image = "oci:images:donor"

[[step]]
graft = { from = "donor", root = "/opt/x", into = "/opt/x", files = ["a.txt"], optional = ["none"], replace = true }

[[step]]
patch = { file = "/etc/greeting", with = "patches/../patches/greeting.toml" }
"#;

const PATCH: &str = "schema = 1\nname = \"greet\"\n\n[[edit]]\nfind = \"hello\"\nreplace = \"good day\"\n";

/// Puts a layout `images` with the images `base` and `donor`, and recipes, into a directory.
pub(crate) fn write(directory: &Path) {
    let layout = directory.join("images");
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    fs::create_dir_all(directory.join("patches")).unwrap();
    fs::create_dir_all(directory.join("home")).unwrap();
    let bottom = tar_of(&[
        ("bin", Some("-> usr/bin")),
        ("etc", None),
        ("etc/greeting", Some("hello\n")),
        ("etc/odd\u{1b}[31mname", Some("x")),
        ("usr", None),
        ("usr/bin", None),
        ("usr/bin/tool", Some("#!/bin/sh\n")),
    ]);
    let top = tar_of(&[("opt", None), ("opt/x", None), ("opt/x/a.txt", Some("old\n"))]);
    let donor = tar_of(&[("opt", None), ("opt/x", None), ("opt/x/a.txt", Some("newer\n"))]);
    let images = [
        image(&layout, "base", &[bottom, top]),
        image(&layout, "donor", &[donor]),
    ];
    let index = json!({"schemaVersion": 2, "manifests": images});
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(directory.join("recipe.toml"), RECIPE).unwrap();
    fs::write(directory.join("wrong.toml"), RECIPE.replace("a.txt", "b.txt")).unwrap();
    fs::write(directory.join("unknown.toml"), RECIPE.replace("[base]", "[bsae]")).unwrap();
    fs::write(directory.join("patches/greeting.toml"), PATCH).unwrap();
}
