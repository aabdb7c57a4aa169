//! A report with every kind of field, and names as hostile as an image can have them.

use std::collections::BTreeMap;

use imgforge::finding::Finding;
use imgforge::finding::RecipeSpot;
use imgforge::finding::Severity;
use imgforge::report::Anatomy;
use imgforge::report::Background;
use imgforge::report::Report;
use imgforge::report::anatomy::DirectoryPart;
use imgforge::report::anatomy::Edge;
use imgforge::report::anatomy::Graph;
use imgforge::report::anatomy::LayerPart;
use imgforge::report::anatomy::Node;
use imgforge::report::background::FileIdentity;
use imgforge::report::background::ImageIdentity;

/// A file name that tries everything: markup, a table's bar, code's end, a new line, a terminal's commands, text
/// that runs backwards.
pub(crate) const HOSTILE: &str =
    "/x/</script><script>alert(1)</script>|`\"'&<!--]]>\n# no\u{1b}[2J\u{202e}@everyone\u{0}.so";

pub(crate) const DECLARED: &str =
    "fused_qk_norm_rope(Tensor(a!) qkv, int heads, float eps, bool is_qk_norm) -> ()";

/// What PyTorch says of the call in the sample, in its own words.
pub(crate) const RAISES: &str = "RuntimeError: trtllm::fused_qk_norm_rope() is missing value for argument 'is_qk_norm'. \
    Declaration: trtllm::fused_qk_norm_rope(Tensor(a!) qkv, int heads, float eps, bool is_qk_norm) -> ()";

fn evidence(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn op() -> Finding {
    let path = "/opt/venv/site-packages/trtllm/moe.py";
    let mut op = Finding::new(
        "torch-op-arity",
        Severity::Error,
        path,
        "calls `trtllm::fused_qk_norm_rope` with 3 arguments, it takes 4",
    );
    op.line = Some(271);
    op.symbol = Some("trtllm::fused_qk_norm_rope".to_owned());
    op.evidence = evidence(&[
        ("call", "torch.ops.trtllm.fused_qk_norm_rope(qkv, heads, eps)"),
        ("declared", DECLARED),
        ("caller_declared", "fused_qk_norm_rope(Tensor(a!) qkv, int heads, float eps) -> ()"),
        ("library", "/opt/venv/site-packages/trtllm/libs/libth_common.so"),
        ("raises", RAISES),
    ]);
    op.recipe = Some(RecipeSpot { file: "recipes/a b.toml".to_owned(), line: 12, column: 9 });
    op.help = Some("graft `moe.py` too".to_owned());
    op
}

/// The findings in no order.
fn findings() -> Vec<Finding> {
    let mut undefined = Finding::new(
        "undefined-symbol",
        Severity::Error,
        "/usr/lib/liba.so.1",
        "wants `f()@V_2`, which nothing defines",
    );
    undefined.symbol = Some("_Z1fv".to_owned());
    undefined.evidence = evidence(&[("loaded_by", "/usr/bin/a"), ("empty", "")]);
    let mut copy = undefined.clone();
    copy.path = "/opt/b/liba.so.1".to_owned();
    let mut hostile = Finding::new(
        "copies",
        Severity::Warning,
        HOSTILE,
        format!("is `{HOSTILE}` | <b>and</b> [a](http://x)"),
    );
    hostile.symbol = Some(HOSTILE.to_owned());
    hostile.evidence = evidence(&[("<i>name|", HOSTILE)]);
    hostile.help = Some(HOSTILE.to_owned());
    let mut before = Finding::new(
        "needed-missing",
        Severity::Error,
        "/usr/lib/old.so",
        "needs `libgone.so`, which is not found",
    );
    before.introduced = false;
    before.symbol = Some("libgone.so".to_owned());
    let mut allowed =
        Finding::new("soname-mismatch", Severity::Warning, "/usr/lib/odd.so", "has another SONAME");
    allowed.allowed = Some("known | <since> v1".to_owned());
    let whole = Finding::new("allow-unused", Severity::Note, "", "nothing is found that this `allow` allows");
    vec![whole, allowed, before, hostile, copy, undefined, op()]
}

pub(crate) fn report() -> Report {
    let file = |digest: &str| FileIdentity {
        digest: format!("sha256:{}", digest.repeat(64)),
        size: 1234,
        build_id: Some("c0ffee".to_owned()),
        soname: None,
    };
    let files = [
        ("/usr/lib/liba.so.1", "a"),
        ("/opt/b/liba.so.1", "a"),
        ("/opt/venv/site-packages/trtllm/libs/libth_common.so", "b"),
    ];
    let background = Background {
        command: ["imgforge", "audit", "docker://r.example/i:1", "--env", "A=b c"]
            .map(str::to_owned)
            .to_vec(),
        images: vec![ImageIdentity {
            role: "image".to_owned(),
            reference: "docker://r.example/i:1".to_owned(),
            digest: Some(format!("sha256:{}", "d".repeat(64))),
            platform: "linux/amd64".to_owned(),
        }],
        environment: evidence(&[("LD_LIBRARY_PATH", "/opt/b")]),
        files: files.map(|(path, digest)| (path.to_owned(), file(digest))).into_iter().collect(),
        ..Background::default()
    };
    let report = Report::new("docker://r.example/i:1", findings());
    Report { background, anatomy: Some(anatomy()), ..report }
}

fn anatomy() -> Anatomy {
    let part = |path: &str, size| DirectoryPart { path: path.to_owned(), size, files: 2 };
    let layer = |name: &str, directories: Vec<DirectoryPart>| LayerPart {
        name: name.to_owned(),
        digest: Some("sha256:1".to_owned()),
        instruction: Some("RUN </title><script>x</script>".to_owned()),
        size: directories.iter().map(|part| part.size).sum(),
        directories,
    };
    let node = |name: &str, worst, absent| Node { name: name.to_owned(), worst, absent };
    let edge = |from, to, broken: bool| Edge { from, to, broken, label: "needs".to_owned() };
    Anatomy {
        layers: vec![
            layer("layer 0", vec![part("/usr/lib", 7_000_000), part("/usr/bin", 2_000_000)]),
            layer("layer 1", vec![part(HOSTILE, 3_000_000)]),
            layer("layer 2", Vec::new()),
        ],
        graph: Graph {
            nodes: vec![
                node("/usr/bin/a", None, false),
                node("/usr/lib/liba.so.1", Some(Severity::Error), false),
                node("_Z1fv", None, true),
                node(HOSTILE, Some(Severity::Warning), false),
            ],
            edges: vec![edge(0, 1, false), edge(1, 2, true), edge(3, 1, false), edge(1, 3, false)],
            left_out: 2,
        },
    }
}

/// A report of this many findings, all different.
pub(crate) fn many(count: usize) -> Report {
    let finding = |number: usize| {
        let mut finding = Finding::new(
            "undefined-symbol",
            Severity::Error,
            format!("/lib/lib{number:05}.so"),
            "wants `x`, found nowhere",
        );
        finding.symbol = Some(format!("symbol_{number}"));
        finding.evidence = evidence(&[("searched", "/usr/lib/somewhere/else, /usr/lib/and/there")]);
        finding
    };
    Report::new("dir:many", (0..count).map(finding).collect())
}

/// What a view writes.
pub(crate) fn text(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}
