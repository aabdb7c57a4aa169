//! C++ names of somebody's own.

/// Whether this is a C++ name of somebody's own: not of the standard library, whose templates everybody has.
#[must_use]
pub fn is_own_cpp(name: &str) -> bool {
    let standard = ["_ZSt", "_ZNSt", "_ZNKSt", "_ZTISt", "_ZTSSt", "_ZTVSt", "_ZTINSt", "_ZTSNSt", "_ZTVNSt"];
    let gnu = ["_ZN9__gnu_cxx", "_ZNK9__gnu_cxx", "_ZN10__cxxabiv1", "_ZTVN10__cxxabiv1"];
    let operators = ["_Znw", "_Zna", "_Zdl", "_Zda"];
    let foreign = standard.iter().chain(&gnu).chain(&operators);
    name.starts_with("_Z") && !foreign.copied().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, want) in [
            ("_ZN3foo3barEi", true),
            ("_ZNSt6vectorIiSaIiEE9push_backEOi", false),
            ("_Znwm", false),
            ("printf", false),
        ] {
            assert_eq!(is_own_cpp(name), want, "{name}");
        }
    }
}
