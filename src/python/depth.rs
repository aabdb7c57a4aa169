//! Whether a Python text is nested so deeply that a parser which calls itself would run out of stack.
//!
//! CPython refuses 200 brackets in each other and some thousand levels of any other kind (`Parser/tokenizer.c`,
//! `MAXLEVEL`; `Parser/pegen.h`, `MAXSTACK`), so nothing that runs comes near these limits.

/// Most brackets that may be open at once. Those in strings count too: a text that has so many is no loss.
const BRACKETS: usize = 1000;
/// Most operators in one expression: each can hold all that follows, or all that came before.
const CHAIN: usize = 3000;
/// Most columns of indentation, in blocks of at least one.
const INDENT: usize = 1000;
/// Stack for what is within the limits, in bytes: some 20 kB a level without optimisation.
const STACK: usize = 128 << 20;

/// Does `work` with the text on a stack that is large enough; `None` when the text is nested too deeply, or there is no
/// memory for the stack.
pub(super) fn within<T: Send>(text: &str, work: impl FnOnce(&str) -> T + Send) -> Option<T> {
    if !is_shallow(text) {
        return None;
    }
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK);
        let worker = builder.spawn_scoped(scope, || work(text)).ok()?;
        worker.join().ok()
    })
}

fn is_shallow(text: &str) -> bool {
    let (mut open, mut chain, mut word) = (0_usize, 0_usize, String::new());
    for line in text.lines() {
        if line.len() - line.trim_start().len() > INDENT && !line.trim().is_empty() {
            return false;
        }
        for letter in line.chars().chain(['\n']) {
            if letter.is_ascii_lowercase() {
                word.push(letter);
                continue;
            }
            chain += usize::from(matches!(word.as_str(), "not" | "await" | "lambda" | "else" | "yield"));
            word.clear();
            match letter {
                '(' | '[' | '{' => (open, chain) = (open + 1, chain + 1),
                ')' | ']' | '}' => open = open.saturating_sub(1),
                '-' | '+' | '~' | '*' | '.' => chain += 1,
                ',' | ';' | '#' => chain = 0,
                '\n' if open == 0 => chain = 0,
                _ => {}
            }
            if open > BRACKETS || chain > CHAIN {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_just_shallow_enough_is_parsed() {
        for text in
            ["(".repeat(BRACKETS), "- ".repeat(CHAIN), "not ".repeat(CHAIN), "a if b else ".repeat(CHAIN)]
        {
            let text = format!("x = {text}1\n");
            assert_eq!(within(&text, |text| crate::python::syntax::parse_errors(text).len() < 5), Some(true));
        }
    }

    #[test]
    fn only_what_no_python_would_run_is_too_deep() {
        for (text, shallow) in [
            ("x = [1, -2, 3]\n".to_owned(), true),
            (format!("x = [{}0]\n", "-1, ".repeat(5000)), true),
            ("x = 1\n".repeat(5000), true),
            ("def f():\n    return not a\n".repeat(3000), true),
            ("(".repeat(5000), false),
            (format!("x = {}1\n", "- ".repeat(5000)), false),
            (format!("x = {}1\n", "not ".repeat(5000)), false),
            (format!("x = {}1\n", "a if b else ".repeat(5000)), false),
            (format!("x = {}1\n", "lambda: ".repeat(5000)), false),
            (format!("{}x\n", " ".repeat(5000)), false),
            (format!("x = a{}\n", ".b".repeat(5000)), false),
            (format!("x = a{}\n", "()".repeat(5000)), false),
        ] {
            assert_eq!(is_shallow(&text), shallow, "{}", &text[..30.min(text.len())]);
        }
    }
}
