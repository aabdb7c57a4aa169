//! Texts as GitHub's and GitLab's Markdown shows them unchanged.

use crate::report::escape;

/// A sentence of a finding: what it has in backticks becomes code, the rest is plain text. On one line, and
/// fit for a cell of a table.
#[must_use]
pub fn sentence(text: &str) -> String {
    let text = escape::line(text);
    let parts: Vec<&str> = text.split('`').collect();
    // Without its partner a backtick is one of the text.
    if parts.len().is_multiple_of(2) {
        return plain(&text);
    }
    let parts = parts.iter().enumerate();
    parts.map(|(number, part)| if number % 2 == 1 { code(part) } else { plain(part) }).collect()
}

/// Text in which nothing is markup, a mention or a link.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape::line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // An empty comment parts what would be a mention.
            '@' => out.push_str("@<!-- -->"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // Bare addresses become links otherwise.
    out.replace("://", ":<!-- -->//")
}

/// A span of code on one line, whatever backticks are in it; bars are escaped, as tables want it.
#[must_use]
pub fn code(text: &str) -> String {
    let text = escape::line(text);
    if text.is_empty() {
        return String::new();
    }
    // Inside a table a bar needs its backslash even in code, and outside it would show.
    if text.contains(['`', '|']) {
        return format!("<code>{}</code>", entities(&text));
    }
    let space = if text.starts_with(' ') || text.ends_with(' ') { " " } else { "" };
    format!("`{space}{text}{space}`")
}

/// Code inside raw HTML, such as a `<summary>`.
#[must_use]
pub fn html_code(text: &str) -> String {
    format!("<code>{}</code>", entities(&escape::line(text)))
}

/// Everything that Markdown could take for markup as entities.
fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !"./-,() ".contains(c) {
            out.push_str(&format!("&#{};", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// A fenced block, whatever fences are in it.
#[must_use]
pub fn fence(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", escape::visible(text).trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        for (text, want) in [
            ("wants `a|b`, found", "wants <code>a&#124;b</code>, found"),
            ("wants `memcpy@GLIBC_2.14`", "wants `memcpy@GLIBC_2.14`"),
            ("ask @someone <img> a|b", "ask @<!-- -->someone &lt;img&gt; a\\|b"),
            ("one ` alone\nand *more*", r"one \` alone\\nand \*more\*"),
            ("see https://x.y", "see https:<!-- -->//x.y"),
            ("std::string", "std::string"),
        ] {
            assert_eq!(sentence(text), want);
        }
        assert_eq!(fence("", "a\n```\nb"), "````\na\n```\nb\n````\n");
        assert_eq!(html_code("</code>|`"), "<code>&#60;/code&#62;&#124;&#96;</code>");
    }
}
