//! The two kinds of `std::string`, as they show in mangled names.

use std::fmt;

/// Which `std::string` a function takes or returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StringKind {
    /// `Ss`: `_GLIBCXX_USE_CXX11_ABI=0`.
    Old,
    /// `std::__cxx11::string`.
    New,
}

impl StringKind {
    /// The kind in a mangled name; `None` when there is none in it, or both.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match (has_old(name), name.contains("St7__cxx11")) {
            (true, false) => Some(Self::Old),
            (false, true) => Some(Self::New),
            _ => None,
        }
    }

    /// The other kind.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }
}

impl fmt::Display for StringKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Old => "old",
            Self::New => "new",
        })
    }
}

/// `Ss` as a type: not within an identifier.
fn has_old(name: &str) -> bool {
    let bytes = name.as_bytes();
    let Some(mut at) = (name.starts_with("_Z") && name.contains("Ss")).then_some(2) else {
        return false;
    };
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 {
            let length: usize = name.get(at..at + digits).and_then(|text| text.parse().ok()).unwrap_or(0);
            at = at.saturating_add(digits).saturating_add(length);
        } else if rest.starts_with(b"Ss") {
            return true;
        } else {
            at += if rest[0] == b'S' { 2 } else { 1 };
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_two_times() {
        for (name, want) in [
            ("_ZN1a1fESs", Some(StringKind::Old)),
            ("_ZN1a1fERKSs", Some(StringKind::Old)),
            ("_ZN1a7ClassSsE", None),
            ("_ZN1a1fERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", Some(StringKind::New)),
            ("_ZN1a1fEv", None),
            ("Ss", None),
        ] {
            assert_eq!(StringKind::of(name), want, "{name}");
        }
    }
}
