//! Steps that meet: in one directory, on one inode, inside what another takes away.

use crate::layer::Listing;
use crate::rig::Bench;

const IMAGES: &str = r#"
base = Layer().file("/opt/dir/inside", b"1", 0o640, 5, 6).file("/opt/dir/other", b"2")
base.file("/opt/lib/a.so", b"old", 0o755, 1000, 7).hardlink("/opt/lib/b.so", "/opt/lib/a.so", 0o755, 1000, 7)
base.file("/opt/t.py", b"x = 0\n", 0o640, 8, 9).hardlink("/opt/u.py", "/opt/t.py", 0o640, 8, 9)
tagged["base"] = Image([base])
tagged["donor"] = Image([Layer().file("/d/b.so", b"new", 0o600)])
"#;

fn prepared() -> Bench {
    let bench = Bench::new();
    bench.images(IMAGES);
    bench
}

const REMOVE: &str = "[[step]]\nremove = { path = \"/opt/dir\" }\n";
const INSIDE: &str = "[[step]]\nwrite = { file = \"/opt/dir/new\", text = \"n\" }\n";

/// Either the directory is replaced by one that has only the new file, or it is refused: never a mixture.
#[test]
fn writing_into_what_another_step_removes_is_refused_in_both_orders() {
    for steps in [format!("{REMOVE}{INSIDE}"), format!("{INSIDE}{REMOVE}")] {
        prepared().refuse(2, &steps).says("/opt/dir");
    }
}

/// A directory that goes twice would come back: the inner whiteout brings its parents.
#[test]
fn removing_inside_what_another_step_removes_is_refused() {
    let inner = "[[step]]\nremove = { path = \"/opt/dir/inside\" }\n";
    for steps in [format!("{REMOVE}{inner}"), format!("{inner}{REMOVE}")] {
        prepared().refuse(2, &steps).says("/opt/dir");
    }
}

#[test]
fn byte_code_inside_a_directory_that_goes_does_not_bring_it_back() {
    let bench = Bench::new();
    bench.images(
        "tagged['base'] = Image([Layer().file('/opt/m.py', b'').file('/opt/__pycache__/m.cpython-311.pyc', b'')])",
    );
    let steps =
        "[[step]]\nremove = { path = \"/opt/m.py\" }\n[[step]]\nremove = { path = \"/opt/__pycache__\" }\n";
    let layer = Listing::of(&bench.forge("cache", steps).layer());
    assert_eq!(layer.names(), ["opt", "opt/.wh.__pycache__", "opt/.wh.m.py"]);
}

/// T17: a name that goes takes no other name of its inode with it.
#[test]
fn t17_removing_one_name_leaves_the_others() {
    for (gone, stays) in [("a.so", "b.so"), ("b.so", "a.so")] {
        let bench = prepared();
        let steps = format!("[[step]]\nremove = {{ path = \"/opt/lib/{gone}\" }}");
        let layer = Listing::of(&bench.forge("gone", &steps).layer());
        assert_eq!(layer.names(), ["opt", "opt/lib", &format!("opt/lib/.wh.{gone}")]);
        let kept = bench.run(&["cat", "oci:out:gone", &format!("/opt/lib/{stays}")]).exits(0);
        assert_eq!(kept.stdout, "old");
    }
}

/// T2, T6: the second name of an inode is a file as good as the first.
#[test]
fn t06_a_file_known_by_its_second_name_keeps_its_looks() {
    let bench = prepared();
    bench.write("p.toml", "schema = 1\nname = \"p\"\n[[edit]]\nfind = \"x = 0\"\nreplace = \"x = 1\"\n");
    let steps = "[[step]]\ngraft = { from = \"donor\", root = \"/d\", into = \"/opt/lib\", files = [\"b.so\"], replace = true }\n\
        [[step]]\npatch = { file = \"/opt/u.py\", with = \"p.toml\" }\n";
    let layer = Listing::of(&bench.forge("second", steps).layer());
    assert_eq!(layer.entry("opt/lib/b.so")["text"], "new");
    assert_eq!(layer.looks("opt/lib/b.so"), (0o755, 1000, 7));
    assert_eq!(layer.entry("opt/u.py")["text"], "x = 1\n");
    assert_eq!(layer.looks("opt/u.py"), (0o640, 8, 9));
    let first = bench.run(&["cat", "oci:out:second", "/opt/lib/a.so"]).exits(0);
    assert_eq!(first.stdout, "old");
}

/// What a step has to say can be accepted like any other finding.
#[test]
fn t06_a_known_second_name_can_be_allowed() {
    let bench = prepared();
    let steps = "[[step]]\nwrite = { file = \"/opt/t.py\", text = \"x = 1\" }\n\
        [audit]\nallow = [{ check = \"hardlink-alias\", path = \"/opt/u.py\", reason = \"nobody opens it\" }]\n";
    let report = bench.forge("allowed", steps).said["report"].clone();
    let told: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|f| (&f["check"], &f["allowed"])).collect();
    assert_eq!(told, [(&"hardlink-alias".into(), &"nobody opens it".into())]);
    bench.run(&["build", "allowed.toml", "--output=oci:out:strict", "--gate=note"]).exits(0);
}

/// T6: a patched file's other names keep the old text; that is said.
#[test]
fn t06_other_names_of_patched_and_written_files_are_reported() {
    let bench = prepared();
    bench.write("p.toml", "schema = 1\nname = \"p\"\n[[edit]]\nfind = \"x = 0\"\nreplace = \"x = 1\"\n");
    for step in [
        "patch = { file = \"/opt/t.py\", with = \"p.toml\" }",
        "write = { file = \"/opt/t.py\", text = \"x = 1\" }",
    ] {
        let forged = bench.forge("other", &format!("[[step]]\n{step}\n"));
        let report = forged.said["report"].to_string();
        assert!(report.contains("hardlink-alias") && report.contains("/opt/u.py"), "{step}: {report}");
    }
}
