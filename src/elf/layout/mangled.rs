//! Where a type ends in a mangled name (Itanium C++ ABI 5.1): enough of the grammar for names of classes.

/// Deepest nesting that is followed.
const DEEPEST: usize = 64;

/// The end of the type that starts at `at`; `None` for what is not understood, function types among it.
pub(super) fn type_end(name: &[u8], at: usize) -> Option<usize> {
    type_at(name, at, DEEPEST)
}

fn type_at(name: &[u8], at: usize, depth: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    match name.get(at)? {
        b'P' | b'R' | b'O' | b'K' | b'V' => type_at(name, at + 1, depth),
        b'N' => nested(name, at + 1, depth),
        b'S' | b'0'..=b'9' => {
            let end = component(name, at)?;
            arguments(name, end, depth)
        }
        b'D' => matches!(name.get(at + 1)?, b'n' | b'i' | b's' | b'u' | b'h').then_some(at + 2),
        b'A' => {
            let end = at + 1 + digits(name, at + 1);
            (name.get(end)? == &b'_').then(|| type_at(name, end + 1, depth)).flatten()
        }
        b'a'..=b'z' => Some(at + 1),
        _ => None,
    }
}

/// Behind the name that starts behind an `N` at `start`. Constructors, destructors and operators are parts of it.
pub(super) fn nested_end(name: &[u8], start: usize) -> Option<usize> {
    nested(name, start, DEEPEST)
}

/// Behind the `N` of a nested name, to behind its `E`.
fn nested(name: &[u8], start: usize, depth: usize) -> Option<usize> {
    let mut at = start;
    while *name.get(at)? != b'E' {
        at = match name.get(at)? {
            b'I' => arguments(name, at, depth)?,
            // `C1`, `D0`, and operators such as `cl`, `eq`: two letters.
            b'C' | b'D' | b'a'..=b'z' if name.get(at..at + 2)? != b"cv" => at + 2,
            _ => component(name, at)?,
        };
    }
    Some(at + 1)
}

/// Behind one identifier or substitution, with the tags that may follow it.
pub(super) fn component(name: &[u8], at: usize) -> Option<usize> {
    let mut end = match name.get(at)? {
        b'0'..=b'9' => identifier(name, at)?,
        b'S' => match name.get(at + 1)? {
            b't' if name.get(at + 2)?.is_ascii_digit() => identifier(name, at + 2)?,
            b't' | b'a' | b'b' | b's' | b'i' | b'o' | b'd' => at + 2,
            _ => {
                let end = name.get(at..)?.iter().position(|byte| *byte == b'_')? + at;
                let number = name.get(at + 1..end)?;
                let fits = number.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
                fits.then_some(end + 1)?
            }
        },
        _ => return None,
    };
    while name.get(end) == Some(&b'B') {
        end = identifier(name, end + 1)?;
    }
    Some(end)
}

/// Behind template arguments, if there are any at `at`.
pub(super) fn arguments_end(name: &[u8], at: usize) -> Option<usize> {
    arguments(name, at, DEEPEST)
}

fn arguments(name: &[u8], start: usize, depth: usize) -> Option<usize> {
    if name.get(start) != Some(&b'I') {
        return Some(start);
    }
    let depth = depth.checked_sub(1)?;
    let mut at = start + 1;
    while *name.get(at)? != b'E' {
        at = match name.get(at)? {
            b'L' => literal(name, at + 1, depth)?,
            b'J' => {
                // A pack: as arguments, with another letter.
                let mut pack = at + 1;
                while *name.get(pack)? != b'E' {
                    pack = type_at(name, pack, depth)?;
                }
                pack + 1
            }
            _ => type_at(name, at, depth)?,
        };
    }
    Some(at + 1)
}

/// A literal of a type: `Lb1E`, `LN1a1eE2E`.
fn literal(name: &[u8], at: usize, depth: usize) -> Option<usize> {
    let value = type_at(name, at, depth)?;
    let value = value + usize::from(name.get(value) == Some(&b'n'));
    let end = value + digits(name, value);
    (name.get(end)? == &b'E').then_some(end + 1)
}

fn digits(name: &[u8], at: usize) -> usize {
    name.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn identifier(name: &[u8], at: usize) -> Option<usize> {
    let count = digits(name, at);
    let length: usize = std::str::from_utf8(name.get(at..at + count)?).ok()?.parse().ok()?;
    let end = (at + count).checked_add(length)?;
    (length > 0 && end <= name.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_types() {
        for (name, want) in [
            ("5PlainSaIvE", Some("5Plain")),
            ("N1a1bESaIS1_E", Some("N1a1bE")),
            ("N1a1bINS_1cELi5ELb1EEEx", Some("N1a1bINS_1cELi5ELb1EEE")),
            ("St6vectorIiSaIiEE4", Some("St6vectorIiSaIiEE")),
            (
                "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
                Some("NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"),
            ),
            ("3FooILN1a1eE2EEi", Some("3FooILN1a1eE2EE")),
            ("3FooIJifEEi", Some("3FooIJifEE")),
            ("PK3Foo", Some("PK3Foo")),
            ("FivE", None),
            ("9Short", None),
            ("N1a", None),
            ("", None),
        ] {
            assert_eq!(type_end(name.as_bytes(), 0).map(|end| &name[..end]), want, "{name}");
        }
    }

    #[test]
    fn nesting_without_end_is_given_up() {
        let name = "3FooI".repeat(100_000);
        assert_eq!(type_end(name.as_bytes(), 0), None);
        assert_eq!(type_end("P".repeat(1_000_000).as_bytes(), 0), None);
    }
}
