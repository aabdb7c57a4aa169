//! C++ names as people write them.

/// The name as in the source, where it is a mangled C++ name; else as it is.
#[must_use]
pub fn demangle(name: &str) -> String {
    // Without the prefix even `b` would be read: as the type `bool`.
    if !name.starts_with("_Z") {
        return name.to_owned();
    }
    let demangled = cpp_demangle::Symbol::new(name).ok().and_then(|symbol| symbol.demangle().ok());
    demangled.unwrap_or_else(|| name.to_owned())
}

/// A class as in the source, by its name in type information.
#[must_use]
pub fn class_name(class: &str) -> String {
    let name = demangle(&format!("_ZTI{class}"));
    name.strip_prefix("typeinfo for ").map_or(name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(demangle("_ZN3foo3barEi"), "foo::bar(int)");
        assert_eq!(demangle("fi_getinfo"), "fi_getinfo");
        assert_eq!(demangle("b"), "b");
        assert_eq!(class_name("N1a1bE"), "a::b");
        assert_eq!(class_name("?"), "_ZTI?");
    }
}
