//! Same inputs, same bytes; nothing to do, nothing done.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::rig;
use crate::rig::Bench;

const IMAGES: &str = r#"
base = Layer().file("/opt/a.py", b"x = 1\n", 0o640, 1000, 0).file("/opt/lib.so", b"same", 0o755, 3, 4)
tagged["base"] = Image([base], config={"Env": ["A=1"], "Healthcheck": {"Test": ["NONE"]}, "OnBuild": ["RUN x"]})
tagged["donor"] = Image([Layer().file("/d/lib.so", b"same", 0o600).file("/d/other.so", b"other", 0o600)])
"#;

#[test]
fn an_empty_recipe_is_the_identity() {
    for media in ["oci", "docker"] {
        let bench = Bench::new();
        bench.images(&format!("{IMAGES}\ntagged['base'].media = '{media}'"));
        let forged = bench.forge("empty", "");
        assert_eq!(Some(forged.digest()), rig::tagged(&bench.path("layout"), "base").as_deref());
        assert!(forged.said["layer"].is_null());
    }
}

#[test]
fn a_change_of_settings_adds_no_layer_and_keeps_what_it_does_not_know() {
    let bench = Bench::new();
    bench.images(IMAGES);
    let forged = bench.forge("settings", "[config]\nuser = \"me\"\n[config.env]\nB = \"2\"");
    assert!(forged.said["layer"].is_null());
    let config = forged.config();
    assert_eq!(config["config"]["Env"], serde_json::json!(["A=1", "B=2"]));
    assert_eq!(config["config"]["User"], "me");
    assert_eq!(config["config"]["OnBuild"], serde_json::json!(["RUN x"]));
    assert_eq!(config["config"]["Healthcheck"]["Test"][0], "NONE");
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 1);
    assert_eq!(config["history"].as_array().unwrap().last().unwrap()["empty_layer"], true);
    assert_eq!(forged.manifest()["layers"].as_array().unwrap().len(), 1);
}

#[test]
fn an_applied_patch_and_identical_files_add_nothing() {
    let bench = Bench::new();
    bench.images(IMAGES);
    bench.write(
        "p.toml",
        "schema = 1\nname = \"p\"\napplied = [\"x = 1\"]\n[[edit]]\nfind = \"x = 0\"\nreplace = \"x = 1\"\n",
    );
    let steps = "[[step]]\npatch = { file = \"/opt/a.py\", with = \"p.toml\" }\n\
        [[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/opt\", files = [\"lib.so\"], replace = true }";
    let forged = bench.forge("nothing", steps);
    assert_eq!(Some(forged.digest()), rig::tagged(&bench.path("layout"), "base").as_deref());
    assert_eq!(forged.said["files"][0]["identical"], true);
}

const STEPS: &str = "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/opt/new\", files = [\"*\"] }\n\
    [[step]]\nwrite = { file = \"/opt/host\", source = \"host.txt\" }\n\
    [[step]]\nmkdir = { path = \"/opt/dir\" }\n[config]\nuser = \"x\"";

#[test]
fn directory_time_zone_umask_and_user_leave_no_trace() {
    let one = Bench::new();
    let two = Bench::for_another_user();
    for bench in [&one, &two] {
        bench.images(IMAGES);
        bench.write("host.txt", "from this machine");
    }
    let first = one.forge("same", STEPS);
    two.recipe("same", STEPS);
    fs::set_permissions(two.path("host.txt"), fs::Permissions::from_mode(0o604)).unwrap();
    let program = two.path("imgforge");
    let root = rig::ran(Command::new("id").arg("-u")).stdout.trim() == "0";
    let nobody = root && rig::has("setpriv");
    let script = format!(
        "umask 077; exec '{}' build same.toml --output oci:out:same --format json",
        program.display()
    );
    let mut shell = two.command(&[]);
    let mut command = Command::new(if nobody { "setpriv" } else { "sh" });
    if nobody {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh"]);
        let all = ["-R", "65534:65534", &two.path("").display().to_string()];
        rig::ran(Command::new("chown").args(all)).exits(0);
    }
    command.args(["-c", &script]).current_dir(two.path("")).env_clear();
    command.envs(shell.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.env("TZ", "Pacific/Kiritimati").env("LC_ALL", "C").env("USER", "somebody");
    shell.env_clear();
    let run = rig::ran(&mut command).exits(0);
    assert_eq!(run.json()["digest"].as_str().unwrap(), first.digest());
    // and again over a warm cache
    assert_eq!(one.forge("same", STEPS).digest(), first.digest());
}

#[test]
fn source_date_epoch_is_the_time_of_the_result() {
    let bench = Bench::new();
    bench.images(IMAGES);
    bench.write("host.txt", "from this machine");
    let plain = bench.forge("dated", STEPS);
    assert_eq!(plain.config()["created"], "2023-11-14T22:13:20Z", "the base's own");
    let mut command = bench.command(&["build", "dated.toml", "--output=oci:out:dated", "--format=json"]);
    let run = rig::ran(command.env("SOURCE_DATE_EPOCH", "1000000000")).exits(0);
    let dated = rig::Forged { said: run.json(), stderr: run.stderr, layout: bench.path("out") };
    let config = dated.config();
    assert_eq!(config["created"], "2001-09-09T01:46:40Z");
    assert_eq!(config["history"].as_array().unwrap().last().unwrap()["created"], "2001-09-09T01:46:40Z");
    let mut command = bench.command(&["build", "dated.toml", "--output=oci:out:dated"]);
    rig::ran(command.env("SOURCE_DATE_EPOCH", "yesterday")).exits(2).says("SOURCE_DATE_EPOCH");
}
