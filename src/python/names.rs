//! Names of environment variables in Python text.
//!
//! Code reads them through wrappers, tables and settings classes as much as through `os.environ`, so every
//! quoted name counts that looks like one: what nothing reads must be told without doubt.

use std::collections::BTreeSet;

/// Longest name.
const LONGEST: usize = 64;
/// Most names that are kept of one file; the longest lists in use have some three hundred.
const MOST: usize = 4096;

/// Quoted names of capitals, digits and `_` in a text that speaks of an environment; sorted.
pub(super) fn names(text: &str) -> Vec<String> {
    let mut names = BTreeSet::new();
    if !text.contains("env") && !text.contains("Env") {
        return Vec::new();
    }
    for (at, quote) in text.match_indices(['"', '\'']) {
        let rest = &text[at + 1..];
        let capital = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        let length = rest.bytes().take(LONGEST + 1).take_while(capital).count();
        let name = &rest[..length];
        // An f-string can end a name with a brace.
        let ends =
            rest[length..].starts_with(quote) || (name.ends_with('_') && rest[length..].starts_with('{'));
        let named = name.starts_with(|first: char| first.is_ascii_uppercase()) && name.contains('_');
        if ends && named && (4..=LONGEST).contains(&length) && names.len() < MOST {
            names.insert(name.to_owned());
        }
    }
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_count_wherever_they_stand() {
        for (text, want) in [
            ("import os\nos.environ.get(\"NIXL_BACKEND\", 'UCX')", vec!["NIXL_BACKEND"]),
            ("flag('A_B'); env['C_D']", vec![]),
            ("flag('AX_B'); env['CX_D']", vec!["AX_B", "CX_D"]),
            ("class C(BaseSettings):\n  env_prefix = \"DYN_\"", vec!["DYN_"]),
            ("getenv(f'DYN_{name}')", vec!["DYN_"]),
            ("# NIXL_BACKEND of the environment", vec![]),
            ("x = \"NIXL_BACKEND\"", vec![]),
            ("env = \"NIXL_BACKEND is read\"", vec![]),
            ("env = 'É_NAME'", vec![]),
        ] {
            assert_eq!(names(text), want, "{text}");
        }
    }
}
