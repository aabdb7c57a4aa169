//! The page as an HTML parser reads it: nothing from elsewhere, nothing that runs but its own script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imgforge::finding::Finding;
use imgforge::finding::Severity;
use imgforge::oci::Digest;
use imgforge::report::Report;
use imgforge::report::html;
use scraper::ElementRef;
use scraper::Html;
use scraper::Selector;

use crate::sample;

pub(crate) fn select<'a>(page: &'a Html, css: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(css).unwrap()).collect()
}

fn text(element: &ElementRef<'_>) -> String {
    element.text().collect()
}

/// What every page must keep, whatever names are on it.
pub(crate) fn check(source: &str) -> Html {
    let page = Html::parse_document(source);
    assert_eq!(page.errors, Vec::<std::borrow::Cow<'static, str>>::new());
    let (scripts, styles) = (select(&page, "script"), select(&page, "style"));
    assert_eq!((scripts.len(), styles.len()), (1, 1), "a name made an element");
    let policy =
        select(&page, "meta[http-equiv='Content-Security-Policy']")[0].value().attr("content").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    for (kind, element) in [("script-src", &scripts[0]), ("style-src", &styles[0])] {
        let digest = STANDARD.encode(Digest::of(text(element).as_bytes()).raw());
        assert!(policy.contains(&format!("{kind} 'sha256-{digest}'")), "{kind} lets other text run");
    }
    for element in page.tree.nodes().filter_map(|node| node.value().as_element()) {
        for (name, value) in element.attrs() {
            assert!(!name.starts_with("on") && name != "style", "{} has {name}", element.name());
            let leads = ["href", "src", "action", "data", "srcset", "poster", "xlink:href"].contains(&name);
            assert!(!leads || value.starts_with('#'), "{} leads to {value}", element.name());
        }
        let foreign = ["iframe", "object", "embed", "img", "link", "base", "foreignObject", "b", "i"];
        let own = element.name() == "b" && source.contains("class=\"cards\"");
        assert!(own || !foreign.contains(&element.name()), "<{}>", element.name());
    }
    let mut ids: Vec<_> =
        select(&page, "[id]").iter().map(|element| element.value().attr("id").unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id stands twice");
    for link in select(&page, "a[href]") {
        let target = link.value().attr("href").unwrap().trim_start_matches('#');
        assert!(ids.contains(&target), "#{target} leads nowhere");
    }
    for hidden in ['\u{1b}', '\u{202e}', '\0'] {
        assert!(!source.contains(hidden));
    }
    page
}

#[test]
fn everything_is_on_the_page_and_nothing_else() {
    let source = sample::text(|out| html::write(out, &[sample::report()]));
    let page = check(&source);
    let rows = select(&page, "table.findings tbody tr");
    let kinds: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|row| {
            let data = |name: &str| row.value().attr(name).unwrap();
            (data("data-severity"), data("data-check"), data("data-origin"))
        })
        .collect();
    let want = [
        ("error", "needed-missing", "there before"),
        ("error", "torch-op-arity", "new"),
        ("error", "undefined-symbol", "new"),
        ("warning", "copies", "new"),
        ("warning", "soname-mismatch", "allowed"),
        ("note", "allow-unused", "new"),
    ];
    assert_eq!(kinds, want);
    assert!(text(&rows[2]).contains("and 1 identical copy"));
    let hostile = text(&rows[3]);
    assert!(hostile.contains(
        "/x/</script><script>alert(1)</script>|`\"'&<!--]]>\\n# no\\u{1b}[2J\\u{202e}@everyone\\u{0}.so"
    ));
    let cards: Vec<String> = select(&page, ".cards li").iter().map(text).collect();
    assert_eq!(
        cards,
        ["3 errors", "1 warning", "1 note", "1 there before", "1 allowed", "1 on identical copies"]
    );
    assert_eq!(text(&select(&page, "h1")[0]), "docker://r.example/i:1");
}

#[test]
fn the_pictures_are_readable_without_seeing_them() {
    let source = sample::text(|out| html::write(out, &[sample::report()]));
    let page = check(&source);
    assert_eq!(select(&page, "path.edge").len(), 4);
    let broken: Vec<String> = select(&page, "path.edge.broken title").iter().map(text).collect();
    assert_eq!(broken, ["/usr/lib/liba.so.1 → _Z1fv: needs"]);
    assert_eq!(select(&page, "rect.node.absent").len(), 1);
    // Layers with nothing in them have no area; the table has them all.
    assert_eq!(select(&page, "svg[role=img] g").len(), 2);
    let table = select(&page, "details table tbody tr");
    assert_eq!(table.len(), 3);
    assert!(text(&table[0]).contains("9.00 MB") && text(&table[0]).contains("/usr/lib"));
    for picture in select(&page, "svg") {
        assert!(picture.value().attr("aria-label").is_some_and(|label| !label.is_empty()));
    }
    assert!(source.contains("2 more files with findings have no room here."));
    // Without script the filter stays away.
    assert!(select(&page, "form.filter")[0].value().attr("hidden").is_some());
}

#[test]
fn areas_are_sizes() {
    let page = check(&sample::text(|out| html::write(out, &[sample::report()])));
    let area = |rect: &ElementRef<'_>| -> f64 {
        let number = |name: &str| rect.value().attr(name).unwrap().parse::<f64>().unwrap();
        number("width") * number("height")
    };
    let layers = select(&page, "svg[role=img] g > rect:first-child");
    let ratio = area(&layers[0]) / area(&layers[1]);
    assert!((ratio - 3.0).abs() < 0.02, "9 MB beside 3 MB is {ratio}");
}

#[test]
fn many_findings_and_several_reports_make_one_page() {
    let page = check(&sample::text(|out| html::write(out, &[sample::many(6000)])));
    assert_eq!(select(&page, "table.findings tbody tr").len(), 5000);
    assert!(page.root_element().text().any(|text| text.contains("1000 more, none of them worse")));
    let page =
        check(&sample::text(|out| html::write(out, &[sample::report(), Report::new("other", Vec::new())])));
    assert_eq!(select(&page, "h1").len(), 2);
    let page = check(&sample::text(|out| html::write(out, &[sample::report(), sample::report()])));
    assert_eq!(select(&page, "form.filter").len(), 2);
    // Every picture leads to rows of its own table.
    let targets: Vec<String> =
        select(&page, "svg a").iter().map(|a| a.attr("href").unwrap().to_owned()).collect();
    let (first, second) = targets.split_at(targets.len() / 2);
    assert!(!first.is_empty() && first.iter().all(|href| href.starts_with("#f")), "{first:?}");
    assert!(second.iter().all(|href| href.starts_with("#r2-f")), "{second:?}");
}

#[test]
fn a_finding_without_a_path_stands_somewhere() {
    let mut about = Finding::new("loader-not-modelled", Severity::Note, "", "m");
    about.symbol = Some("musl".to_owned());
    let whole = Finding::new("base-unfit", Severity::Note, "", "m");
    let page =
        check(&sample::text(|out| html::write(out, &[Report::new("s", vec![about.clone(), whole.clone()])])));
    let places: Vec<String> = select(&page, "td.where").iter().map(text).collect();
    assert_eq!(places, ["the whole image", "musl"]);
}
