//! Default values: what the grammar takes, kept as it is written.

use super::cursor::Cursor;

/// Lists nest no deeper than this in any default in use.
const DEPTH: usize = 4;

/// A default value; `None` when none stands here.
pub(super) fn read<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    cursor.peek();
    let start = *cursor;
    skip(cursor, 0)?;
    Some(cursor.since(&start).trim())
}

fn skip(cursor: &mut Cursor<'_>, depth: usize) -> Option<()> {
    match cursor.peek()? {
        quote @ ('\'' | '"') => string(cursor, quote),
        '[' => items(cursor, ("[", "]"), depth),
        '(' => items(cursor, ("(", ")"), depth),
        '{' => items(cursor, ("{", "}"), depth),
        first if first.is_ascii_digit() || "-+.".contains(first) => number(cursor),
        _ => cursor.word(true).map(|_| ()),
    }
}

fn items(cursor: &mut Cursor<'_>, (open, close): (&str, &str), depth: usize) -> Option<()> {
    cursor.eat(open);
    let mut first = true;
    while !cursor.eat(close) {
        if depth >= DEPTH || !first && !cursor.eat(",") {
            return None;
        }
        first = false;
        skip(cursor, depth + 1)?;
    }
    Some(())
}

/// `1`, `-1.5e-05`, `.5`, `-inf`, `1j`.
fn number(cursor: &mut Cursor<'_>) -> Option<()> {
    let _ = cursor.eat("-") || cursor.eat("+");
    if cursor.word(false).is_some() {
        return Some(());
    }
    let digits = cursor.run(|c| c.is_ascii_digit() || c == '.');
    if cursor.rest().starts_with(['e', 'E']) {
        cursor.run(|c| matches!(c, 'e' | 'E'));
        cursor.run(|c| matches!(c, '-' | '+'));
        if cursor.run(|c| c.is_ascii_digit()).is_empty() {
            return None;
        }
    }
    if cursor.rest().starts_with('j') {
        cursor.eat("j");
    }
    digits.contains(|c: char| c.is_ascii_digit()).then_some(())
}

fn string(cursor: &mut Cursor<'_>, quote: char) -> Option<()> {
    let mut escaped = false;
    let mut inside = cursor.rest().char_indices().skip(1);
    let end = inside.find(|(_, c)| {
        let end = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        end
    })?;
    *cursor = Cursor::new(&cursor.rest()[end.0 + 1..]);
    Some(())
}
