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

/// A shared library or, with `-e`, a program, without the machine's C library.
fn compile(bench: &Bench, name: &str, source: &str, more: &[&str]) {
    bench.write("s.c", source);
    bench.write(name, "");
    let mut gcc = std::process::Command::new("gcc");
    gcc.args(["-fPIC", "-nostdlib", "-o", name, "s.c"]).args(more);
    let out = gcc.current_dir(bench.path("")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// `layout:base` with a program, its library, and the library of that; in `layout:less` the last is not.
fn two_images(bench: &Bench) {
    compile(bench, "libc.so.6", "int c(void){return 1;}", &["-shared", "-Wl,-soname,libc.so.6"]);
    compile(bench, "libb.so.1", "int b(void){return 1;}", &["-shared", "-Wl,-soname,libb.so.1"]);
    let near = "-Wl,-rpath,$ORIGIN";
    let soname = "-Wl,-soname,liba.so";
    compile(
        bench,
        "liba.so",
        "int b(void); int a(void){return b();}",
        &["-shared", "libb.so.1", near, soname],
    );
    compile(bench, "prog", "int a(void); int go(void){return a();}", &["-e", "go", "liba.so", near]);
    bench.images(
        r#"
def layer(names):
    made = Layer().file("/lib64/libc.so.6", open("libc.so.6", "rb").read(), 0o755)
    for name in names: made.file("/opt/p/" + name, open(name, "rb").read(), 0o755)
    return made
tagged["base"] = Image([layer(["prog", "liba.so", "libb.so.1"])])
tagged["less"] = Image([layer(["prog", "liba.so"])])
"#,
    );
}

fn errors(document: &Value) -> Vec<&Value> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings.filter(|f| f["introduced"] == true && f["severity"] == "error").collect()
}

#[test]
fn only_what_the_other_image_does_not_have_counts() {
    let bench = Bench::new();
    two_images(&bench);
    bench.run(&["audit", "oci:layout:base", "--against", "oci:layout:less"]).exits(0);
    let args = ["audit", "oci:layout:less", "--against", "oci:layout:base", "--format=json"];
    let document = bench.run(&args).exits(1).json();
    assert!(errors(&document).iter().any(|f| f["check"] == "needed-missing" && f["symbol"] == "libb.so.1"));
    let alone = bench.run(&["audit", "oci:layout:less", "--gate=off", "--format=json"]).json();
    assert!(!errors(&alone).is_empty());
    bench.run(&["audit", "oci:layout:less", "--against", "oci:layout:less", "--gate=note"]).exits(0);
}

#[test]
fn one_file_of_an_image_is_judged_with_all_it_loads_and_nothing_else() {
    let bench = Bench::new();
    two_images(&bench);
    let prog = bench.run(&["audit", "oci:layout:less//opt/p/prog", "--format=json"]).exits(1).json();
    assert!(errors(&prog).iter().any(|finding| finding["path"] == "/opt/p/liba.so"), "{prog:#}");
    let libc = bench.run(&["audit", "oci:layout:less//lib64/libc.so.6", "--format=json"]).exits(0).json();
    assert!(libc["findings"].as_array().unwrap().is_empty(), "{libc:#}");
    bench.run(&["audit", "oci:layout:base//opt/p/prog"]).exits(0);
    bench.run(&["audit", "oci:layout:less//nowhere.so"]).exits(2).says("no ELF file at `/nowhere.so`");
}

#[test]
fn files_of_this_machine_are_a_tree_of_their_own() {
    let bench = Bench::new();
    let soname = "-Wl,-soname,libb.so.1";
    let old = "old/libb-0a1b2c3d.so.1";
    compile(&bench, old, "int b(void){return 1;} int c(void){return 1;}", &["-shared", soname]);
    compile(&bench, "libb.so.1", "int b(void){return 1;}", &["-shared", soname]);
    let both = "int b(void); int c(void); int a(void){return b()+c();}";
    compile(&bench, "liba.so", both, &["-shared", old]);
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
    let run = bench.run(&["audit", "libb.so.1", "--against", old, "--format=json"]);
    assert_eq!(run.exits(0).json()["counts"]["error"], 0);
    // Alone, another package may bring its library; the same file against itself brings nothing new.
    assert!(bench.run(&["audit", "liba.so"]).exits(0).stdout.contains("needed-missing"));
    bench.run(&["audit", "liba.so", "--against", "liba.so", "--gate=note"]).exits(0);
    bench.run(&["audit", "s.c"]).exits(2).says("`s.c` is not an ELF file");
    bench.run(&["audit", "liba.so", "debian:12"]).exits(2).says("`debian:12` is not a file");
}
