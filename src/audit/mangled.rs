//! Mangled C++ names, read as far as their identifiers are in plain text (Itanium C++ ABI, 5.1).

/// The identifiers at the beginning, each with its length and its template arguments, and what follows them.
/// `None`: there are none, or they are names that each file has for itself.
pub(super) fn nested(mut rest: &str) -> Option<(Vec<&str>, &str)> {
    let mut parts = Vec::new();
    while rest.starts_with(|c: char| c.is_ascii_digit()) {
        let name = identifier(rest)?;
        let part = rest.get(..name)?;
        if part.contains("_GLOBAL__N_") || part.contains("__gnu_cxx") || part.contains("__cxxabiv1") {
            return None;
        }
        let end = match rest.get(name..)? {
            after if after.starts_with('I') => name + arguments(after)?,
            _ => name,
        };
        parts.push(rest.get(..end)?);
        rest = rest.get(end..)?;
    }
    (!parts.is_empty()).then_some((parts, rest))
}

/// The type, past its qualifiers, that a member function's name goes on with: what stands behind `_ZN`, `_ZNK`….
pub(super) fn members(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("_ZN")?;
    Some(rest.trim_start_matches(['r', 'V', 'K']).trim_start_matches(['R', 'O']))
}

/// Whether the last part of a scope is a template with its arguments: then the scope is a class.
pub(super) fn is_template(scope: &str) -> bool {
    let last = nested(scope).and_then(|(parts, _)| parts.last().copied());
    last.is_some_and(|part| identifier(part).is_some_and(|name| name < part.len()))
}

/// How long an identifier is, together with the number before it.
fn identifier(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let length: usize = text.get(..digits)?.parse().ok()?;
    let end = digits.checked_add(length)?;
    (length > 0 && end <= text.len()).then_some(end)
}

/// How long template arguments are, from their `I` to their `E`. `None` for those with expressions in them.
fn arguments(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut open) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'I' | b'N' | b'J' | b'F' => {
                open += 1;
                1
            }
            b'E' => {
                open = open.checked_sub(1)?;
                1
            }
            b'0'..=b'9' => identifier(text.get(at..)?)?,
            // the value of a builtin type
            b'L' if bytes.get(at + 1)?.is_ascii_lowercase() => text.get(at..)?.find('E')? + 1,
            b'L' | b'X' | b'D' => return None,
            b'S' if bytes.get(at + 1)?.is_ascii_lowercase() => 2,
            b'S' | b'T' | b'A' => text.get(at..)?.find('_')? + 1,
            _ => 1,
        };
        if open == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_with_their_arguments() {
        for (text, want) in [
            ("4nixl3ucx6createEv", Some((vec!["4nixl", "3ucx", "6create"], "Ev"))),
            ("12nixlDescListI12nixlBlobDescEixEj", Some((vec!["12nixlDescListI12nixlBlobDescE"], "ixEj"))),
            ("1aIiSt6vectorIN1b1cES1_ELi5EE1fEv", Some((vec!["1aIiSt6vectorIN1b1cES1_ELi5EE", "1f"], "Ev"))),
            ("1aIXsr1b1cEE1fEv", None),
            ("1aILN1b1cE1EE1fEv", None),
            ("1aI1", None),
            ("99a", None),
            ("0", None),
            ("99999999999999999999a", None),
            ("12_GLOBAL__N_11fEv", None),
        ] {
            assert_eq!(nested(text), want, "{text}");
        }
        assert!(is_template("1b1aIiE"));
        assert!(!is_template("1a1b"));
    }
}
