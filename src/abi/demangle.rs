//! C++ names as people write them.

/// The name as in the source, where it is a mangled C++ name; else as it is: `b` is no name of `bool` here.
#[must_use]
pub fn demangle(name: &str) -> String {
    if !name.starts_with("_Z") {
        return name.to_owned();
    }
    let demangled = cpp_demangle::Symbol::new(name).ok().and_then(|symbol| symbol.demangle().ok());
    demangled.unwrap_or_else(|| name.to_owned())
}

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
        assert_eq!(demangle("_ZN3foo3barEi"), "foo::bar(int)");
        assert_eq!(demangle("fi_getinfo"), "fi_getinfo");
        assert_eq!(demangle("b"), "b");
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
