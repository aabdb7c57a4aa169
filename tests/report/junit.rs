//! JUnit XML as CI servers read it.

use imgforge::build::Gate;
use imgforge::report::Report;
use imgforge::report::junit;
use roxmltree::Document;
use roxmltree::Node;

use crate::sample;

fn number(node: Node<'_, '_>, name: &str) -> usize {
    node.attribute(name).unwrap().parse().unwrap()
}

/// How many cases below `node` have a child of this name.
fn cases(node: Node<'_, '_>, child: &str) -> usize {
    let cases = node.descendants().filter(|case| case.has_tag_name("testcase"));
    cases.filter(|case| case.children().any(|one| one.has_tag_name(child))).count()
}

/// What GitLab and Jenkins read: testsuites > testsuite[name] > testcase[classname, name] > failure, skipped.
fn check(text: &str) {
    let document = Document::parse(text).unwrap();
    let root = document.root_element();
    assert!(root.has_tag_name("testsuites"));
    for node in root.children().filter(Node::is_element).chain([root]) {
        let tests = node.descendants().filter(|case| case.has_tag_name("testcase")).count();
        assert_eq!(number(node, "tests"), tests);
        assert_eq!(number(node, "failures"), cases(node, "failure"));
        assert_eq!(number(node, "skipped"), cases(node, "skipped"));
        assert_eq!(number(node, "errors"), 0);
    }
    for suite in root.children().filter(Node::is_element) {
        assert!(suite.has_tag_name("testsuite"));
        let cases: Vec<_> = suite.children().filter(|case| case.has_tag_name("testcase")).collect();
        let mut names: Vec<_> = cases.iter().map(|case| case.attribute("name").unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), cases.len(), "cases of one name hide each other");
        assert!(cases.iter().all(|case| case.attribute("classname") == suite.attribute("name")));
    }
}

#[test]
fn a_finding_at_the_gate_fails_and_others_pass() {
    let mut report = sample::report();
    for (gate, failures) in [(Gate::Off, 0), (Gate::Error, 3), (Gate::Warning, 4), (Gate::Note, 5)] {
        report.background.gate = gate;
        let text = sample::text(|out| junit::write(out, std::slice::from_ref(&report)));
        check(&text);
        let document = Document::parse(&text).unwrap();
        assert_eq!(number(document.root_element(), "failures"), failures, "{gate:?}");
        assert_eq!(number(document.root_element(), "skipped"), 1);
    }
    check(&sample::text(|out| {
        junit::write(out, &[sample::report(), sample::many(40), Report::new("e", vec![])])
    }));
}

#[test]
fn a_case_is_written_like_this() {
    let text = sample::text(|out| junit::write(out, &[sample::report()]));
    let want = r#"    <testcase classname="torch-op-arity" name="/opt/venv/site-packages/trtllm/moe.py:271 trtllm::fused_qk_norm_rope" file="opt/venv/site-packages/trtllm/moe.py" time="0">
      <failure type="error" message="calls `trtllm::fused_qk_norm_rope` with 3 arguments, it takes 4">error: calls `trtllm::fused_qk_norm_rope` with 3 arguments, it takes 4
call: torch.ops.trtllm.fused_qk_norm_rope(qkv, heads, eps)
"#;
    assert!(text.contains(want), "{text}");
    assert!(text.contains(r#"<skipped message="known | &lt;since&gt; v1"/>"#));
    // A check with nothing to say is there all the same.
    assert!(text.contains(
        r#"<testcase classname="machine-mismatch" name="docker://r.example/i:1: no findings" time="0"/>"#
    ));
}

#[test]
fn hostile_names_come_back_as_text() {
    let text = sample::text(|out| junit::write(out, &[sample::report()]));
    let document = Document::parse(&text).unwrap();
    let case = document.descendants().find(|node| {
        node.has_tag_name("testcase") && node.attribute("classname") == Some("copies") && node.has_children()
    });
    let file = case.unwrap().attribute("file").unwrap();
    assert!(
        file.starts_with("x/</script><script>alert(1)</script>|`\"'&<!--]]>\\n# no\\u{1b}[2J\\u{202e}@"),
        "{file}"
    );
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("script")).count(), 0);
}
