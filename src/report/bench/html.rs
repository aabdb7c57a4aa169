//! A benchmark as one page: cards, a table, and plots that need neither a script nor a network.

use std::io;
use std::io::Write;

use super::caveats;
use super::load;
use super::ms;
use super::plot::Line;
use super::plot::Plot;
use super::plot::Scale;
use super::spreads;
use crate::endpoint::bench::Slice;
use crate::endpoint::bench::Summary;
use crate::report::escape::line;
use crate::report::escape::markup;
use crate::report::html::page_about;

/// Writes the page.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, run: &Summary) -> io::Result<()> {
    let mut body = head(run);
    body.push_str(&table(run));
    body.push_str(&shares(run));
    body.push_str(&over_time(run));
    let title = format!("benchmark of {}", run.load.model);
    out.write_all(page_about(&title, &body, "Times are of good answers.").as_bytes())
}

fn head(run: &Summary) -> String {
    let (model, url) = (markup(&line(&run.load.model)), markup(&line(&run.url)));
    let mut out = format!("<section aria-label=\"Summary\"><h1>{model}</h1>\n<ul class=\"cards\">\n");
    let rate = |rate: Option<f64>| rate.map_or_else(|| "?".to_owned(), |rate| format!("{rate:.1}"));
    let p50 = |spread: &Option<crate::endpoint::bench::Spread>| {
        let at = spread.as_ref().and_then(|spread| spread.quantile(0.5));
        at.map_or_else(|| "?".to_owned(), |at| format!("{} ms", ms(at.ms)))
    };
    let failed = if run.requests.failed > 0 { "error" } else { "" };
    for (class, value, name) in [
        ("", run.requests.ok.to_string(), "good answers"),
        (failed, run.requests.failed.to_string(), "failures"),
        ("", rate(Some(run.requests.rate.per_second)), "good answers/s"),
        ("", rate(run.tokens.output_rate.map(|rate| rate.per_second)), "output tokens/s"),
        ("", p50(&run.latency.ttft), "to first token, median"),
        ("", p50(&run.latency.e2e), "end to end, median"),
    ] {
        out.push_str(&format!("<li class=\"{class}\"><b>{value}</b> {name}</li>\n"));
    }
    let at = run.at.as_deref().map(|at| format!("<dt>ended</dt><dd>{}</dd>", markup(&line(at))));
    out.push_str(&format!(
        "</ul>\n<dl><dt>server</dt><dd><code>{url}{}</code></dd><dt>load</dt><dd>{}</dd>{}</dl>\n",
        markup(&line(&run.load.route)),
        markup(&line(&load(&run.load))),
        at.unwrap_or_default()
    ));
    for caveat in caveats(run) {
        out.push_str(&format!("<p><span class=\"badge warning\">note</span> {}</p>\n", markup(&caveat)));
    }
    for trouble in &run.errors {
        out.push_str(&format!(
            "<p><span class=\"badge error\">{} × {}</span> {}</p>\n",
            trouble.count,
            markup(&line(&trouble.kind)),
            markup(&line(&trouble.example))
        ));
    }
    out.push_str("</section>\n");
    out
}

fn table(run: &Summary) -> String {
    let mut out =
        "<h2>Times in milliseconds</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th></th>".to_owned();
    for head in ["p50", "p90", "p95", "p99", "p99.9", "max", "mean"] {
        out.push_str(&format!("<th scope=\"col\">{head}</th>"));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (name, spread) in spreads(run) {
        out.push_str(&format!("<tr><th scope=\"row\">{name}</th>"));
        for at in &spread.quantiles {
            let range = match (at.low_ms, at.high_ms) {
                (Some(low), Some(high)) => format!("{} to {}", ms(low), ms(high)),
                _ => "too few values for an interval".to_owned(),
            };
            out.push_str(&format!("<td title=\"{range}\">{}</td>", ms(at.ms)));
        }
        out.push_str(&format!("<td>{}</td><td>{}</td></tr>\n", ms(spread.max_ms), ms(spread.mean_ms)));
    }
    out.push_str("</tbody></table></div>\n");
    out
}

/// Which share of the times is at most how long.
fn shares(run: &Summary) -> String {
    let curve = |(name, spread): (&'static str, &crate::endpoint::bench::Spread)| Line {
        name,
        points: spread.curve.iter().map(|point| (point.ms, point.share * 100.0)).collect(),
    };
    let drawn = spreads(run).into_iter().filter(|(name, _)| *name != "sent late");
    let lines = drawn.map(curve).collect();
    let (title, x, y) = ("How times are spread", "milliseconds", "% of all at most so long");
    Plot { title, x, y, scale: Scale::Logarithmic, lines }.figure()
}

fn over_time(run: &Summary) -> String {
    let width = run.series.slice_seconds;
    // The last slice is not over: its rate would be too low.
    let whole = run.series.slices.len().saturating_sub(1);
    let rate = |name, of: fn(&Slice) -> u64| {
        let slices = run.series.slices.iter().take(whole).enumerate();
        let points = slices.map(|(n, slice)| ((n as f64 + 0.5) * width, of(slice) as f64 / width));
        Line { name, points: points.collect() }
    };
    let plot = |title, y, lines| Plot { title, x: "seconds", y, scale: Scale::Linear, lines }.figure();
    let answers = vec![rate("good", |slice| slice.ok), rate("failed", |slice| slice.failed)];
    let mut out = plot("Answers over time", "a second", answers);
    if run.tokens.output_rate.is_some() {
        let tokens = vec![rate("output tokens", |slice| slice.output_tokens)];
        out.push_str(&plot("Tokens of answers that ended, over time", "a second", tokens));
    }
    out
}
