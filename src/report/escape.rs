//! Texts out of images and registries, made harmless for each kind of document.
//!
//! Every name in a report may be hostile: file names can have any byte, and messages quote them.

use std::fmt::Write;

/// Control characters, and those that turn or hide what is beside them, made visible; lines and tabs stay.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() && c != '\n' && c != '\t') || misleads(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// The same on one line.
#[must_use]
pub fn line(text: &str) -> String {
    visible(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// Bidirectional controls (CVE-2021-42574), invisible spaces, noncharacters.
const fn misleads(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        | '\u{061c}' | '\u{fffe}' | '\u{ffff}')
}

/// Text or a quoted attribute value of HTML and of XML.
#[must_use]
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// An attribute value of XML on which line ends survive (XML 1.0, 3.3.3 turns them into spaces).
#[must_use]
pub fn attribute(text: &str) -> String {
    markup(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

/// A path in an image as a relative reference (RFC 3986): no leading slash, `%` for what is not unreserved.
#[must_use]
pub fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.trim_start_matches('/').bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The first `most` characters, and a sign that there was more.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_harmless() {
        for (text, html, one_line) in [
            ("<script>&\"'", "&lt;script&gt;&amp;&quot;&#39;", "<script>&\"'"),
            ("a\u{1b}[2J", "a\\u{1b}[2J", "a\\u{1b}[2J"),
            ("a\u{202e}b\0", "a\\u{202e}b\\u{0}", "a\\u{202e}b\\u{0}"),
            ("two\nlines\t", "two\nlines\t", "two\\nlines\\t"),
        ] {
            assert_eq!(markup(text), html);
            assert_eq!(line(text), one_line);
        }
        assert_eq!(attribute("a\n<"), "a&#10;&lt;");
    }

    #[test]
    fn paths_become_relative_references() {
        for (path, want) in [
            ("/usr/lib/libstdc++.so.6", "usr/lib/libstdc%2B%2B.so.6"),
            ("//a b/ü#?%", "a%20b/%C3%BC%23%3F%25"),
            ("/javascript:x", "javascript%3Ax"),
        ] {
            assert_eq!(uri(path), want);
        }
    }

    #[test]
    fn a_cut_is_told_and_falls_between_characters() {
        assert_eq!(cut("äöü", 2), "äö…");
        assert_eq!(cut("äöü", 3), "äöü");
    }
}
