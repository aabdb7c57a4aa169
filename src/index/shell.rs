//! Shell scripts: of one, only the variables that it mentions are kept.

use std::collections::BTreeSet;

/// Longest script that is looked at.
pub(super) const LONGEST: u64 = 1 << 20;
/// Most names that are kept of one script.
const MOST: usize = 4096;

/// The variables that a script mentions, as it would: `$NAME`, one a line, sorted. Of its own output this makes
/// the same.
pub(super) fn mentions(text: &[u8]) -> Vec<u8> {
    let mut names: BTreeSet<&[u8]> = BTreeSet::new();
    for at in memchr::memchr_iter(b'$', text) {
        let rest = &text[at + 1..];
        let rest = rest.strip_prefix(b"{").unwrap_or(rest);
        let rest = rest.strip_prefix(b"#").or_else(|| rest.strip_prefix(b"!")).unwrap_or(rest);
        let name = |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b'_';
        let name = &rest[..rest.iter().take_while(name).count()];
        let first = name.first().is_some_and(|first| !first.is_ascii_digit());
        if first && name.len() <= 64 && names.len() < MOST {
            names.insert(name);
        }
    }
    names.into_iter().flat_map(|name| [b"$", name, b"\n"].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_and_found_again() {
        let text = b"#!/bin/sh\nexport A_B=1\nexec \"$CMD\" ${C_D:-x} ${#E} $1 $lower $$ ${!F_G} \\$H\n";
        let kept = mentions(text);
        assert_eq!(String::from_utf8_lossy(&kept), "$CMD\n$C_D\n$E\n$F_G\n$H\n");
        assert_eq!(mentions(&kept), kept);
    }
}
