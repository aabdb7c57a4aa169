//! What patches do to files: one case after the other.

use super::Error;
use super::Outcome;
use super::Patch;
use super::Place;
use super::apply;
use super::apply_to;
use crate::hint::Hint;
use crate::oci::ImagePath;

fn edits(body: &str) -> Patch {
    let text = format!("schema = 1\nname = \"p\"\n{body}");
    Patch::edits("p.toml", &text).unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn diff(text: &str) -> Patch {
    Patch::diff("p.diff", text).unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn applied(patch: &Patch, text: &str) -> String {
    match apply(text.as_bytes(), patch) {
        Ok(Outcome::Applied { text, .. }) => String::from_utf8(text).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn refused(patch: &Patch, text: &str) -> Error {
    apply(text.as_bytes(), patch).unwrap_err()
}

#[test]
fn each_kind_of_edit_changes_what_it_says() {
    for (body, text, want) in [
        (
            "[[edit]]\nfind = \"old_function_name(x)\"\nreplace = \"new_function_name(x)\"",
            "a\nold_function_name(x)\n",
            "a\nnew_function_name(x)\n",
        ),
        (
            "[[edit]]\nfind = \"import os\\n\"\nafter = \"import json_and_more\\n\"",
            "import os\nx\n",
            "import os\nimport json_and_more\nx\n",
        ),
        ("[[edit]]\nfind = \"x\"\nbefore = \"first_come_first\\n\"", "a\nx\n", "a\nfirst_come_first\nx\n"),
        (
            "[[edit]]\nregex = '(?m)^(?P<in>\\s*)agent\\((\\w+)\\)$'\nreplace = '${in}agent(${2}, \"$HOME\", \"$${x}\")'",
            "if 1:\n    agent(me)\n",
            "if 1:\n    agent(me, \"$HOME\", \"${x}\")\n",
        ),
        ("[[edit]]\nfind = \"a = 1\"\ncount = 2\nreplace = \"a = 2\"", "a = 1\na = 1\n", "a = 2\na = 2\n"),
        // Line ends: the anchor's `\n` matches, and new lines end as their neighbours.
        (
            "[[edit]]\nfind = \"a\\nb\\n\"\nafter = \"new_line_of_the_patch\\n\"",
            "a\r\nb\r\nc\r\n",
            "a\r\nb\r\nnew_line_of_the_patch\r\nc\r\n",
        ),
        // Edits look at the file as it was, so neither sees what the other wrote.
        ("[[edit]]\nfind = \"a\"\nreplace = \"b\"\n[[edit]]\nfind = \"b\"\nreplace = \"c\"", "a b", "b c"),
    ] {
        let patch = edits(body);
        assert_eq!(applied(&patch, text), want, "{body}");
    }
}

#[test]
fn a_second_run_changes_nothing() {
    for (body, text) in [
        ("[[edit]]\nfind = \"import os\\n\"\nafter = \"import json_and_more\\n\"", "import os\nx\n"),
        ("[[edit]]\nfind = \"call(a)\"\nreplace = \"call(a, is_qk_norm_is_new)\"", "call(a)\n"),
        ("[[edit]]\nfind = \"call(a\"\nreplace = \"call(a, is_qk_norm_is_new\"", "call(a)\n"),
        ("[[edit]]\nregex = 'agent\\((\\w+)\\)'\nafter = \" or fall_back_to(${1})\"", "agent(me)\n"),
        ("applied = [\"b\"]\n[[edit]]\nfind = \"a\"\nafter = \"b\"", "a"),
        (
            "applied = [\"# patched\"]\n[[edit]]\nfind = \"x = 1\\n\"\nafter = \"\\n# patched\\n\"",
            "x = 1\ny\n",
        ),
    ] {
        let patch = edits(body);
        let once = applied(&patch, text);
        assert_eq!(apply(once.as_bytes(), &patch), Ok(Outcome::AlreadyApplied), "{body}");
    }
}

#[test]
fn what_cannot_be_told_to_be_applied_is_refused() {
    // Short new texts may be there by chance: neither applied again nor waved through.
    let patch = edits("[[edit]]\nfind = \"f(\"\nafter = \"a\"");
    let unclear = Error::Unclear { patch: "p.toml".into(), done: vec![1] };
    assert_eq!(refused(&patch, "f(args)\n"), unclear);
    assert_eq!(applied(&patch, "f(b)\n"), "f(ab)\n");
    // A new line alone leaves no trace: it would come again with every run.
    let patch = edits("[[edit]]\nfind = \"x = 1\\n\"\nafter = \"\\n\"");
    assert_eq!(refused(&patch, "x = 1\ny\n"), Error::Repeats { patch: "p.toml".into() });
    let patch = edits("[[edit]]\nregex = '\\d+'\nreplace = \"${0}0\"");
    assert_eq!(refused(&patch, "n = 5\n"), Error::Repeats { patch: "p.toml".into() });
}

#[test]
fn a_wrong_count_shows_places_or_the_nearest_text() {
    let patch =
        edits("\n[[edit]]\nfind = \"self._nixl = nixl_api.nixl_agent(self._worker_id)\"\nreplace = \"x\"");
    let error = refused(&patch, "import a\n\n    self._nixl = nixl_api.nixl_agent(self._name)\n");
    assert_eq!(error.to_string(), "p.toml:4: the anchor must match once, but matches 0");
    let hint = "the nearest text is at line 3:\n        self._nixl = nixl_api.nixl_agent(self._name)";
    assert_eq!(error.hint().unwrap(), hint);
    let error = refused(&edits("[[edit]]\nfind = \"a\"\nreplace = \"x\""), "a\nb\na\n");
    assert_eq!(error.to_string(), "p.toml:3: the anchor must match once, but matches 2 (lines 1, 3)");
    let error = refused(&edits("[[edit]]\nfind = \"a\"\ncount = 3\nreplace = \"x\""), "a\nb\na\n");
    assert_eq!(error.to_string(), "p.toml:3: the anchor must match 3 times, but matches 2 (lines 1, 3)");
    let error = refused(&edits("[[edit]]\nfind = \"def f(self):\"\nreplace = \"x\""), "def  f( self):\n");
    assert!(error.hint().unwrap().starts_with("the nearest text is at line 1"));
}

#[test]
fn half_a_patch_is_not_completed() {
    let body = "[[edit]]\nfind = \"a = 1\\n\"\nafter = \"first_new_line_of_it = 1\\n\"\n\
                [[edit]]\nfind = \"b = 1\\n\"\nafter = \"second_new_line_of_it = 1\\n\"";
    let patch = edits(body);
    let half = "a = 1\nfirst_new_line_of_it = 1\nb = 1\n";
    let want = Error::Partial { patch: "p.toml".into(), done: vec![1], open: vec![2] };
    assert_eq!(refused(&patch, half), want);
    assert_eq!(want.to_string(), "`p.toml` is applied in part: part 1 is there, part 2 not");
}

#[test]
fn conditions_are_kept() {
    let edit = "[[edit]]\nfind = \"a\"\nreplace = \"xyz\"";
    let with = |line: &str| edits(&format!("{line}\n{edit}"));
    assert!(matches!(refused(&with("requires = [\"v2\"]"), "a v1"), Error::Required { .. }));
    assert!(matches!(refused(&with("forbids = [\"v1\"]"), "\na v1"), Error::Forbidden { line: 2, .. }));
    assert!(matches!(refused(&with("ensures = [\"abc\"]"), "a"), Error::NotEnsured { .. }));
    assert!(matches!(refused(&with("ensures_absent = [\"v1\"]"), "a\nv1"), Error::Left { line: 2, .. }));
    assert!(matches!(refused(&with("applied = [\"abc\"]"), "a"), Error::NotEnsured { .. }));
    let patch =
        with("requires = [\"v1\"]\nforbids = [\"v2\"]\nensures = [\"xyz v1\"]\nensures_absent = [\"a\"]");
    assert_eq!(applied(&patch, "a v1"), "xyz v1");
    let twice = edits("[[edit]]\nfind = \"abc\"\nreplace = \"x\"\n[[edit]]\nfind = \"cd\"\nreplace = \"y\"");
    assert!(matches!(refused(&twice, "abcd"), Error::Overlap { first: 1, second: 2, line: 1, .. }));
    assert_eq!(apply(b"\n\xff", &with("")), Err(Error::NotUtf8 { line: 2 }));
}

#[test]
fn a_result_that_is_no_python_is_refused() {
    // A parameter put in a second time: the classic of patches that do not look first.
    let patch = edits("[[edit]]\nfind = \"attention_factor: float,\"\nafter = \"\\n    is_qk_norm: bool,\"");
    let text =
        b"def f(\n    attention_factor: float,\n    scale: float,\n    is_qk_norm: bool,\n):\n    pass\n";
    let target = ImagePath::absolute("/x.py").unwrap();
    let error = apply_to(&target, text, &patch).unwrap_err();
    assert!(matches!(&error, Error::Python { line: 5, column: 5, parsed_before: true, .. }), "{error}");
    let other = ImagePath::absolute("/x.txt").unwrap();
    assert!(matches!(apply_to(&other, text, &patch), Ok(Outcome::Applied { .. })));
    let never = edits("python = false\n[[edit]]\nfind = \"a\"\nreplace = \"((\"");
    assert!(apply_to(&target, b"a", &never).is_ok());
}

const DIFF: &str = "--- a/f.py\n+++ b/f.py\n@@ -2,5 +2,6 @@ def f():\n two\n three\n-four\n+FOUR\n+and a half\n five\n six\n";

#[test]
fn a_diff_applies_where_it_fits() {
    let patch = diff(DIFF);
    let text = "one\ntwo\nthree\nfour\nfive\nsix\n";
    let want = "one\ntwo\nthree\nFOUR\nand a half\nfive\nsix\n";
    assert_eq!(applied(&patch, text), want);
    assert_eq!(apply(want.as_bytes(), &patch), Ok(Outcome::AlreadyApplied));
    let moved = format!("0\n0\n0\n{text}");
    let Ok(Outcome::Applied { places, .. }) = apply(moved.as_bytes(), &patch) else {
        panic!("a moved hunk must fit");
    };
    assert_eq!(places, [Place { line: 7, part: 1, offset: 3 }]);
    let crlf = text.replace('\n', "\r\n");
    assert_eq!(applied(&patch, &crlf), want.replace('\n', "\r\n"));
    let crlf_diff = diff(&DIFF.replace('\n', "\r\n"));
    assert_eq!(applied(&crlf_diff, text), want);
    let short = diff(&DIFF.replace("-2,5 +2,6", "-2,4 +2,5").replace(" six\n", ""));
    assert!(matches!(refused(&short, text), Error::Elsewhere { line: 2, .. }));
    assert_eq!(applied(&short, "one\ntwo\nthree\nfour\nfive\n"), want.replace("six\n", ""));
    let error = refused(&patch, &text.replace("three", "3"));
    assert_eq!(error.to_string(), "p.diff:3: hunk 1 does not fit the file");
    assert!(error.hint().unwrap().starts_with("the nearest text is at line 2:"), "{:?}", error.hint());
}

#[test]
fn newlines_at_the_end_of_a_diffed_file_count() {
    let none = "\\ No newline at end of file\n";
    let patch = diff(&format!("--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-b\n{none}+b\n"));
    assert_eq!(applied(&patch, "a\nb"), "a\nb\n");
    assert!(matches!(apply(b"a\nb\n", &patch), Ok(Outcome::AlreadyApplied)));
    let patch = diff(&format!("--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n{none}"));
    assert_eq!(applied(&patch, "a\nb\n"), "a\nc");
    assert!(matches!(refused(&patch, "a\nb"), Error::Hunk { .. }));
}

#[test]
fn hunks_that_are_there_in_part_are_named() {
    let far = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
    let patch =
        diff("--- a\n+++ b\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n@@ -10,3 +10,3 @@\n 10\n-11\n+eleven\n 12\n");
    assert_eq!(applied(&patch, far), far.replace("\n2", "\ntwo").replace("11", "eleven"));
    let error = refused(&patch, &far.replace("11", "eleven"));
    assert_eq!(error, Error::Partial { patch: "p.diff".into(), done: vec![2], open: vec![1] });
}

#[test]
fn patch_files_that_are_wrong_show_where() {
    for (body, want) in [
        (
            "[[edit]]\nfind = \"a\"",
            "p.toml:3:1: an edit needs exactly one of `replace`, `after` or `before`; found none",
        ),
        (
            "[[edit]]\nreplace = \"a\"",
            "p.toml:3:1: an edit needs exactly one of `find` or `regex`; found none",
        ),
        ("[[edit]]\nregex = \"(\"\nreplace = \"\"", "p.toml:4:9: not a regular expression: unclosed group"),
        (
            "[[edit]]\nregex = \"(a)\"\nreplace = \"${2}\"",
            "p.toml:4:9: the new text uses group `2`, which the regular expression does not have",
        ),
        ("[[edit]]\nfind = \"\"\nreplace = \"\"", "p.toml:4:8: the anchor is empty"),
        ("[[edit]]\nfind = \"a\"\nreplace = \"\"\ncount = 0", "p.toml:6:9: `count` must be at least 1"),
        ("[[edit]]\nfinds = \"a\"\nreplace = \"\"", "p.toml:4:1: unknown key `finds`"),
        ("", "p.toml:1:1: missing key `edit`"),
    ] {
        let text = format!("schema = 1\nname = \"p\"\n{body}");
        let error = Patch::edits("p.toml", &text).unwrap_err();
        assert_eq!(error.to_string(), want);
    }
}
