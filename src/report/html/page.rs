//! The frame of a page: what is in its head, and what it lets run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::oci::Digest;
use crate::report::escape::line;
use crate::report::escape::markup;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("filter.js");

/// A whole document with this body, which must be markup already, about an image.
pub(in crate::report) fn page(title: &str, body: &str) -> String {
    page_about(title, body, "Nothing of the image was run.")
}

/// The same about anything else; `promise` is what the last line says of how it was made.
pub(in crate::report) fn page_about(title: &str, body: &str, promise: &str) -> String {
    let (title, version) = (markup(&line(title)), env!("CARGO_PKG_VERSION"));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        source(STYLE),
        source(SCRIPT)
    );
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>imgforge: {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the report</a>\n<header></header>\n<main id=\"main\">\n{body}</main>\n\
         <footer class=\"dim\">Made by imgforge {version}. {promise}</footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// A text as a source that the policy allows (Content Security Policy Level 3, `hash-source`).
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Digest::of(text.as_bytes()).raw()))
}
