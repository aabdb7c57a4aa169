//! Markdown as a renderer that is not ours reads it.

use imgforge::report::Report;
use imgforge::report::markdown;
use pulldown_cmark::Event;
use pulldown_cmark::Options;
use pulldown_cmark::Parser;
use pulldown_cmark::Tag;
use pulldown_cmark::TagEnd;

use crate::sample;

/// The tags of raw HTML in a Markdown text.
fn raw(text: &str) -> Vec<String> {
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES);
    let html = parser.filter_map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(html.to_string()),
        _ => None,
    });
    let all: String = html.collect();
    all.split('<').skip(1).map(|part| part.split(['>', ' ']).next().unwrap_or_default().to_owned()).collect()
}

/// Nothing but the tags that the view writes itself is markup, and no link or image is made.
pub(crate) fn check(text: &str) {
    let allowed = ["details", "/details", "summary", "/summary", "code", "/code", "!--"];
    for tag in raw(text) {
        assert!(allowed.contains(&tag.as_str()), "<{tag}> got through:\n{text}");
    }
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        assert!(!matches!(event, Event::Start(Tag::Link { .. } | Tag::Image { .. })), "a name made a link");
    }
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    for hidden in ['\u{1b}', '\u{202e}', '\0'] {
        assert!(!text.contains(hidden));
    }
}

/// The cells of every row of the tables, as text.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut inside = false;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                inside = true;
                rows.last_mut().unwrap().push(String::new());
            }
            Event::End(TagEnd::TableCell) => inside = false,
            Event::Text(part) | Event::Code(part) if inside => {
                rows.last_mut().unwrap().last_mut().unwrap().push_str(&part)
            }
            _ => {}
        }
    }
    rows
}

#[test]
fn the_comment_starts_like_this() {
    let text = sample::text(|out| markdown::write(out, &[sample::report()]));
    let digest = "d".repeat(64);
    let want = format!(
        "### imgforge: docker:<!-- -->//r.example/i:1: 3 errors, 1 warning, 1 note; 1 in the base before; 1 allowed by the recipe\n\n\
         image: `docker://r.example/i:1` `sha256:{digest}` linux/amd64\n\n\
         | | Check | Where | What |\n|---|---|---|---|\n\
         | ❌ error | `torch-op-arity` | `/opt/venv/site-packages/trtllm/moe.py:271` | calls `trtllm::fused_qk_norm_rope` with 3 arguments, it takes 4 |\n\
         | ❌ error | `undefined-symbol` | `/opt/b/liba.so.1` and 1 identical copy | wants `f()@V_2`, which nothing defines |\n"
    );
    assert!(text.starts_with(&want), "{text}");
    check(&text);
}

#[test]
fn hostile_names_stay_in_their_cell() {
    let text = sample::text(|out| markdown::write(out, &[sample::report()]));
    let rows = rows(&text);
    assert_eq!(rows.len(), 5, "a head and four rows");
    assert!(rows.iter().all(|row| row.len() == 4), "{rows:?}");
    assert!(rows[3][2].contains("</script><script>alert(1)</script>|`"), "{:?}", rows[3]);
    assert!(!text.contains("@everyone</") || text.contains("&#64;everyone"), "a name mentions people");
}

#[test]
fn a_comment_is_never_too_long_and_says_what_it_leaves_out() {
    for count in [10, 100, 5000] {
        let text = sample::text(|out| markdown::write(out, &[sample::many(count)]));
        assert!(text.chars().count() < 65_536, "{count}: {}", text.len());
        check(&text);
        let told = text.contains("are left out, as a comment has no room for them");
        assert_eq!(told, text.matches("<details>").count() < count, "{count}");
    }
    let mut long = sample::report();
    for finding in &mut long.findings {
        finding.message = "x|".repeat(200_000);
        finding.path = "/<".repeat(100_000);
        finding.help = Some("`*".repeat(100_000));
    }
    long.subject = "y".repeat(100_000);
    let text = sample::text(|out| markdown::write(out, &[long.clone(), long]));
    assert!(text.chars().count() < 65_536, "{}", text.len());
    check(&text);
    let empty = sample::text(|out| markdown::write(out, &[Report::new("s", Vec::new())]));
    assert_eq!(empty, "### imgforge: s: no findings\n");
}
