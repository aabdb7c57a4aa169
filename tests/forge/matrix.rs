//! Many bases, two images, one file of an image, and files of this machine.

use serde_json::Value;

use crate::rig;
use crate::rig::Bench;
use crate::rig::Ran;

const BASE: &str = "public.ecr.aws/v9l4g5s4/dynamo-trtllm:h100-v19-flashinfer-stub";

/// A base without the library that the grafted plugin needs, in `less`.
fn less(bench: &Bench) {
    let steps = "[[step]]\nremove = { path = \"/opt/amazon/efa/lib\" }\n";
    let text = format!("schema = 1\nname = \"less\"\n[base]\nimage = \"{BASE}\"\n{steps}");
    bench.write("less.toml", &text);
    on_base(bench, &["build", "less.toml", "--gate=off", "--output=oci:less:x"]).exits(0);
}

/// The program, with the base's name leading to the fixtures.
fn on_base(bench: &Bench, args: &[&str]) -> Ran {
    let mirror = format!("--mirror=public.ecr.aws=oci:{}", rig::mini().join("layout").display());
    bench.run(&args.iter().copied().chain([mirror.as_str()]).collect::<Vec<_>>())
}

fn named<'d>(document: &'d Value, ending: &str) -> &'d Value {
    let rows = document["rows"].as_array().unwrap();
    rows.iter().find(|row| row["path"].as_str().unwrap().ends_with(ending)).unwrap()
}

#[test]
fn one_recipe_on_two_bases() {
    let bench = Bench::new();
    less(&bench);
    let recipe = bench.edited_recipe("libfabric.toml", |line| Some(line.to_owned()));
    let args = ["audit", &recipe, "--format=json", "--bases", BASE, "oci:less:x"];
    let run = bench.on_mini(&args).exits(1);
    let document = run.json();
    assert_eq!(document["bases"], serde_json::json!([BASE, "oci:less:x"]));
    let plugin = named(&document, "libplugin_LIBFABRIC.so");
    let worst: Vec<&Value> = plugin["cells"].as_array().unwrap().iter().map(|cell| &cell["worst"]).collect();
    assert_ne!(worst[0], "error", "{plugin:#}");
    assert_eq!(worst[1], "error", "{plugin:#}");
    assert!(plugin.to_string().contains("libfabric.so.1"), "{plugin:#}");
    // A grafted file that nothing is wrong with has its row too.
    assert!(named(&document, "libs/libtensorrt_llm.so")["cells"].as_array().unwrap().len() == 2);
    assert_eq!(bench.on_mini(&args).exits(1).stdout, run.stdout, "the same again, byte for byte");
    bench.on_mini(&["audit", &recipe, "--bases", BASE]).exits(0);
    bench.on_mini(&["audit", &recipe, "--gate=off", "--bases", BASE, "oci:less:x"]).exits(0);
}

#[test]
fn a_base_on_which_a_step_cannot_be_done_has_that_as_its_finding() {
    let bench = Bench::new();
    bench.images("tagged['base'] = Image([Layer().file('/etc/x', b'')])");
    let recipe = bench.edited_recipe("libfabric.toml", |line| Some(line.to_owned()));
    let args = ["audit", &recipe, "--format=json", "--bases", BASE, "oci:layout:base"];
    let document = bench.on_mini(&args).exits(1).json();
    let whole = &named(&document, "/")["cells"];
    assert_eq!((&whole[0]["worst"], &whole[1]["worst"]), (&Value::Null, &"error".into()), "{whole:#}");
    assert_eq!(whole[1]["findings"][0]["check"], "base-unfit");
}

#[test]
fn only_what_the_other_image_does_not_have_counts() {
    let bench = Bench::new();
    less(&bench);
    let less_alone = bench.run(&["audit", "oci:less:x", "--format=json"]);
    let args = ["audit", "oci:less:x", "--against", BASE, "--format=json"];
    let document = on_base(&bench, &args).exits(1).json();
    let findings = document["findings"].as_array().unwrap();
    let new: Vec<&Value> =
        findings.iter().filter(|f| f["introduced"] == true && f["severity"] == "error").collect();
    assert!(!new.is_empty(), "{document:#}");
    assert!(new.iter().all(|finding| finding.to_string().contains("libfabric")), "{new:#?}");
    let errors = less_alone.json()["counts"]["error"].as_u64().unwrap();
    assert!(errors >= new.len() as u64);
    bench.run(&["audit", "oci:less:x", "--against", "oci:less:x", "--gate=note"]).exits(0);
}

#[test]
fn one_file_of_an_image_is_judged_with_all_it_loads_and_nothing_else() {
    let bench = Bench::new();
    less(&bench);
    let plugins = bench.run(&["audit", "oci:less:x", "--gate=off", "--format=json"]).exits(0).json();
    let error = |finding: &&Value| finding["check"] == "needed-missing" && finding["severity"] == "error";
    let broken = plugins["findings"].as_array().unwrap().iter().find(error).unwrap().clone();
    let inside = format!("oci:less:x/{}", broken["path"].as_str().unwrap());
    assert!(inside.contains("//"), "{inside}");
    let one = bench.run(&["audit", &inside, "--format=json"]).exits(1).json();
    assert!(one["findings"].as_array().unwrap().contains(&broken), "{one:#}");
    let libc = bench.run(&["ls", "-R", "oci:less:x"]).exits(0);
    let libc = libc.stdout.lines().flat_map(str::split_whitespace).find(|word| word.ends_with("/libc.so.6"));
    let libc = format!("oci:less:x/{}", libc.unwrap());
    let clean = bench.run(&["audit", &libc, "--format=json"]).exits(0).json();
    assert!(!clean.to_string().contains("libfabric"), "{clean:#}");
    bench.run(&["audit", "oci:less:x//nowhere.so"]).exits(2).says("no ELF file at `/nowhere.so`");
}

#[test]
fn files_of_this_machine_are_a_tree_of_their_own() {
    let bench = Bench::new();
    let compile = |name: &str, source: &str, more: &[&str]| {
        bench.write("s.c", source);
        let mut gcc = std::process::Command::new("gcc");
        gcc.args(["-shared", "-fPIC", "-nostdlib", "-o", name, "s.c"]).args(more);
        let out = gcc.current_dir(bench.path("")).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    let soname = "-Wl,-soname,libb.so.1";
    std::fs::create_dir(bench.path("old")).unwrap();
    compile("old/libb-0a1b2c3d.so.1", "int b(void){return 1;} int c(void){return 1;}", &[soname]);
    compile("libb.so.1", "int b(void){return 1;}", &[soname]);
    compile("liba.so", "int b(void); int c(void); int a(void){return b()+c();}", &["old/libb-0a1b2c3d.so.1"]);
    // Who loads a library may bring what it lacks: a note.
    let together = bench.run(&["audit", "liba.so", "libb.so.1", "--format=json"]).exits(0).json();
    let findings = together["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{together:#}");
    assert_eq!(
        (&findings[0]["check"], &findings[0]["severity"]),
        (&"undefined-symbol".into(), &"note".into())
    );
    assert_eq!((&findings[0]["path"], &findings[0]["symbol"]), (&"/liba.so".into(), &"c".into()));
    // Against the older one, which is paired with it by its stem, it took `c` away from nobody here.
    let old = bench.run(&["audit", "libb.so.1", "--against", "old/libb-0a1b2c3d.so.1", "--format=json"]);
    assert_eq!(old.exits(0).json()["counts"]["error"], 0);
    // Alone, it lacks its library; the same file against itself brings nothing new.
    assert!(bench.run(&["audit", "liba.so"]).exits(1).stdout.contains("needed-missing"));
    bench.run(&["audit", "liba.so", "--against", "liba.so"]).exits(0);
    bench.run(&["audit", "s.c"]).exits(2).says("`s.c` is not an ELF file");
    bench.run(&["audit", "liba.so", "debian:12"]).exits(2).says("`debian:12` is not a file");
}
