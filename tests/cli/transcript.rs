//! Transcripts: their grammar, and what their wildcards mean.

/// One command and what must come of it.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// For sh(1).
    pub(crate) command: String,
    /// Lines on standard output.
    pub(crate) stdout: Vec<String>,
    /// Lines on standard error.
    pub(crate) stderr: Vec<String>,
    /// Exit code.
    pub(crate) code: i32,
}

/// Reads a transcript; a line that belongs to no kind is a mistake in it.
pub(crate) fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                ..Step::default()
            });
            continue;
        }
        let step = steps.last_mut().unwrap();
        let content = |line: &str| line[2..].strip_prefix(' ').unwrap_or("").to_owned();
        match &line[..2] {
            "1|" => step.stdout.push(content(line)),
            "2|" => step.stderr.push(content(line)),
            "= " => step.code = line[2..].parse().unwrap(),
            _ => panic!("`{line}` is nothing that a transcript has"),
        }
    }
    steps
}

/// Whether `text` is what the lines of a transcript say.
pub(crate) fn matches(wanted: &[String], text: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    lines_match(wanted, &lines)
}

fn lines_match(wanted: &[String], lines: &[&str]) -> bool {
    match wanted.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=lines.len()).any(|skip| lines_match(rest, &lines[skip..]))
        }
        Some((first, rest)) => {
            let Some((line, below)) = lines.split_first() else {
                return false;
            };
            line_matches(first, line) && lines_match(rest, below)
        }
    }
}

fn line_matches(wanted: &str, line: &str) -> bool {
    let mut parts = wanted.split("[*]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut open = false;
    for part in parts {
        open = part.is_empty();
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    open || rest.is_empty()
}

#[test]
fn wildcards_match_what_they_stand_for_and_nothing_else() {
    let wanted = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (pattern, text, same) in [
        ("a\nb", "a\nb\n", true),
        ("a", "a\nb", false),
        ("…\nb", "a\nx\nb", true),
        ("…", "", true),
        ("a [*] c", "a b c", true),
        ("a [*] c", "a b d", false),
        ("a[*]", "a and more", true),
        ("a", "a and more", false),
        ("", "x", false),
    ] {
        assert_eq!(matches(&wanted(pattern), text), same, "{pattern:?} {text:?}");
    }
}
