//! The table of findings. Without script it is a table; with it, one that filters.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::report::escape::line;
use crate::report::escape::markup;
use crate::report::fold::Fold;

/// Most rows: browsers lay out no more without a wait.
pub(in crate::report) const ROWS: usize = 5000;

/// The id of a row: `f1`, and on a page with several reports `r2-f1` from the second on.
pub(in crate::report) fn anchor(report: usize, number: usize) -> String {
    let report = if report > 1 { format!("r{report}-") } else { String::new() };
    format!("{report}f{}", number + 1)
}

/// The findings with all that backs them.
pub(in crate::report) fn table(folds: &[Fold<'_>], report: usize) -> String {
    if folds.is_empty() {
        return "<section aria-label=\"Findings\"><h2>Findings</h2><p>None.</p></section>\n".to_owned();
    }
    let mut out = "<section aria-label=\"Findings\"><h2>Findings</h2>\n".to_owned();
    out.push_str(&form(folds));
    if folds.len() > ROWS {
        let left = folds.len() - ROWS;
        out.push_str(&format!(
            "<p><strong>{left} more, none of them worse, are not on this page.</strong></p>\n"
        ));
    }
    out.push_str(
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Table of findings\">",
    );
    out.push_str("<table class=\"findings\">\n<thead><tr>");
    out.push_str("<th scope=\"col\">Level</th><th scope=\"col\">Check</th>");
    out.push_str("<th scope=\"col\">Where</th><th scope=\"col\">What</th></tr></thead>\n<tbody>\n");
    for (number, fold) in folds.iter().enumerate().take(ROWS) {
        out.push_str(&row(&anchor(report, number), fold));
    }
    out.push_str("</tbody></table></div></section>\n");
    out
}

/// Hidden until the script shows it: without script it could do nothing.
fn form(folds: &[Fold<'_>]) -> String {
    let checks: BTreeSet<&str> = folds.iter().map(|fold| fold.finding.check.as_str()).collect();
    let severities: BTreeSet<_> = folds.iter().map(|fold| fold.finding.severity).collect();
    let origins: BTreeSet<&str> = folds.iter().map(|fold| origin(fold.finding)).collect();
    let option = |text: &str| format!("<option>{}</option>", markup(text));
    let options = |all: &mut dyn Iterator<Item = String>| all.map(|text| option(&text)).collect::<String>();
    format!(
        "<form class=\"filter\" hidden aria-label=\"Filter the findings\">\
         <label>Text (press /)<input type=\"search\" name=\"text\" autocomplete=\"off\"></label>\
         <label>Level<select name=\"severity\"><option value=\"\">all</option>{}</select></label>\
         <label>Check<select name=\"check\"><option value=\"\">all</option>{}</select></label>\
         <label>Origin<select name=\"origin\"><option value=\"\">all</option>{}</select></label>\
         <button type=\"reset\">Clear</button> <output class=\"dim\" aria-live=\"polite\"></output></form>\n",
        options(&mut severities.iter().map(ToString::to_string)),
        options(&mut checks.iter().map(|check| (*check).to_owned())),
        options(&mut origins.iter().map(|origin| (*origin).to_owned())),
    )
}

const fn origin(finding: &Finding) -> &'static str {
    match (finding.allowed.is_some(), finding.introduced) {
        (true, _) => "allowed",
        (_, true) => "new",
        (_, false) => "there before",
    }
}

fn row(id: &str, fold: &Fold<'_>) -> String {
    let finding = fold.finding;
    let (severity, check, origin) = (finding.severity, markup(&finding.check), origin(finding));
    let at = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let new =
        if origin == "new" { String::new() } else { format!("<br><span class=\"dim\">{origin}</span>") };
    let copies = match fold.copies.len() {
        0 => String::new(),
        n => format!(
            "<details><summary>and {n} identical cop{}</summary>{}</details>",
            if n == 1 { "y" } else { "ies" },
            fold.copies
                .iter()
                .map(|path| format!("<div class=\"path\">{}</div>", markup(&line(path))))
                .collect::<String>()
        ),
    };
    format!(
        "<tr id=\"{id}\" data-severity=\"{severity}\" data-check=\"{check}\" data-origin=\"{origin}\">\
         <td><span class=\"badge {severity}\">{severity}</span>{new}</td><td class=\"check\"><code>{check}</code></td>\
         <td class=\"where\"><span class=\"path\">{}{at}</span>{copies}</td><td class=\"what\">{}{}</td></tr>\n",
        breakable(place(finding)),
        sentence(&finding.message),
        facts(finding)
    )
}

/// Where it is; what is about the image as a whole goes by its symbol.
fn place(finding: &Finding) -> &str {
    match (finding.path.as_str(), finding.symbol.as_deref()) {
        ("", Some(symbol)) => symbol,
        ("", None) => "the whole image",
        (path, _) => path,
    }
}

/// A path that may be broken after its slashes.
fn breakable(path: &str) -> String {
    markup(&line(path)).replace('/', "/<wbr>")
}

/// What stands in backticks as code.
pub(in crate::report) fn sentence(text: &str) -> String {
    let text = line(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return markup(&text);
    }
    let parts = parts.iter().enumerate().map(|(number, part)| match number % 2 {
        1 => format!("<code>{}</code>", markup(part)),
        _ => markup(part),
    });
    parts.collect()
}

fn facts(finding: &Finding) -> String {
    let mut out = String::new();
    if let Some(help) = &finding.help {
        out.push_str(&format!("<p class=\"dim\">Hint: {}</p>", sentence(help)));
    }
    let mut facts: Vec<(String, String)> = Vec::new();
    facts.extend(finding.symbol.iter().map(|symbol| ("symbol".to_owned(), symbol.clone())));
    let evidence = finding.evidence.iter().filter(|(_, value)| !value.is_empty());
    facts.extend(evidence.map(|(name, value)| (name.replace('_', " "), value.clone())));
    let spots = finding.recipe.iter();
    facts
        .extend(spots.map(|spot| {
            ("introduced by".to_owned(), format!("{}:{}:{}", spot.file, spot.line, spot.column))
        }));
    facts.extend(finding.allowed.iter().map(|reason| ("allowed because".to_owned(), reason.clone())));
    if facts.is_empty() {
        return out;
    }
    out.push_str("<details><summary>Evidence</summary><dl>");
    for (name, value) in facts {
        out.push_str(&format!("<dt>{}</dt><dd><code>{}</code></dd>", markup(&line(&name)), markup(&value)));
    }
    out.push_str("</dl></details>");
    out
}
