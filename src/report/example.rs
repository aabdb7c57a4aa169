//! The example of a check, as its fixture states it, in the shape that findings have.

/// Writes an expectation (`docs/checks.md`) as findings are written for people: the first finding of it. The
/// line of the fixture that a recipe would have is left out.
#[must_use]
pub fn render(expectation: &str) -> String {
    let lines = expectation.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut text = String::new();
    let mut hint = None;
    for line in lines {
        match line.strip_prefix("  = ").map(|detail| detail.split_once(": ").unwrap_or((detail, ""))) {
            None if !text.is_empty() => break,
            None => text.push_str(&head(line)),
            Some(("help", help)) => hint = Some(help),
            Some(("recipe", _)) => {}
            Some((name, value)) => text.push_str(&format!("  = {name}: {value}\n")),
        }
    }
    if let Some(hint) = hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

/// `severity check path [symbol] message`.
fn head(line: &str) -> String {
    let mut words = line.splitn(4, ' ');
    let mut next = || words.next().unwrap_or_default();
    let (severity, check, path, rest) = (next(), next(), next(), next());
    let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let (symbol, message) = match bracketed {
        Some((symbol, message)) => (format!("  = symbol: {symbol}\n"), message),
        None => (String::new(), rest),
    };
    format!("{severity}[{check}]: {message}\n  --> {path}\n{symbol}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_becomes_a_finding() {
        let text = "# why\nerror needed-missing /p/liba.so [libb.so.1] needs `libb.so.1`, which is not found\n  \
                    = searched: /p (RUNPATH)\n  = help: graft it too\n  = recipe: 9\nnote other /p second";
        let want = "error[needed-missing]: needs `libb.so.1`, which is not found\n  --> /p/liba.so\n  \
                    = symbol: libb.so.1\n  = searched: /p (RUNPATH)\nhint: graft it too\n";
        assert_eq!(render(text), want);
        assert_eq!(render("note copies /p is one"), "note[copies]: is one\n  --> /p\n");
        assert_eq!(render(""), "");
    }
}
