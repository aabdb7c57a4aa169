//! Which class a function belongs to, by the mangled name of the function.

use super::mangled;

const BLOCK: &str = "St23_Sp_counted_ptr_inplaceI";

/// What kind of function holds the size of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The deleting destructor: the size is `sizeof`.
    DeletingDestructor,
    /// The block that `std::make_shared` makes: the size is that of the object, rounded up to words, and 16.
    ControlBlock,
}

impl Source {
    /// The name in reports.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::DeletingDestructor => "deleting destructor",
            Self::ControlBlock => "make_shared block",
        }
    }
}

/// The class that a function tells the size of, as in its type information (`N1a1bE`); `None` when the function
/// tells none.
#[must_use]
pub fn class_of(symbol: &str) -> Option<(String, Source)> {
    let rest = symbol.strip_prefix("_ZN")?;
    if let Some(inner) = rest.strip_prefix(BLOCK) {
        let end = mangled::type_end(inner.as_bytes(), 0)?;
        return Some((renumber(inner.get(..end)?)?, Source::ControlBlock));
    }
    let name = rest.strip_suffix("D0Ev")?;
    let first = mangled::component(name.as_bytes(), 0)?;
    let alone = mangled::arguments_end(name.as_bytes(), first)? == name.len();
    let class = if alone { name.to_owned() } else { format!("N{name}E") };
    Some((class, Source::DeletingDestructor))
}

/// What a function is called, without its parameters: the start of a mangled name. `None` for other symbols, and
/// for functions without parameters in their names.
#[must_use]
pub fn function_of(symbol: &str) -> Option<&str> {
    let bytes = symbol.as_bytes();
    let end = match bytes.strip_prefix(b"_Z")?.first()? {
        b'N' => {
            let qualifiers =
                bytes.get(3..)?.iter().take_while(|byte| matches!(byte, b'K' | b'V' | b'R' | b'O'));
            mangled::nested_end(bytes, 3 + qualifiers.count())?
        }
        b'0'..=b'9' => mangled::arguments_end(bytes, mangled::component(bytes, 2)?)?,
        _ => return None,
    };
    (end < symbol.len()).then(|| symbol.get(..end)).flatten()
}

/// Whether a function can hold the size of somebody's own class; `rest` is its name behind `_Z`.
pub(super) fn frees(rest: &[u8]) -> bool {
    let Ok(rest) = std::str::from_utf8(rest) else {
        return false;
    };
    let Some(inner) = rest.strip_prefix('N') else {
        return false;
    };
    let block = inner.strip_prefix(BLOCK);
    let class = block.unwrap_or(inner);
    let ends = rest.ends_with("D0Ev") || (block.is_some() && rest.ends_with("10_M_destroyEv"));
    ends && is_own(class)
}

/// Whether a class, by its name in type information, is somebody's own: not the standard library's, of which
/// every file has its copies, and not of an anonymous namespace, where one name means many classes.
#[must_use]
pub fn is_own(class: &str) -> bool {
    let inner = class.strip_prefix('N').unwrap_or(class);
    let standard = ["St", "Sa", "Ss", "Sb", "Si", "So", "Sd", "9__gnu_cxx", "10__cxxabiv1"];
    !standard.iter().any(|start| inner.starts_with(start)) && !class.contains("_GLOBAL__N_")
}

/// Substitutions of a name inside of `_ZNSt23_Sp_counted_ptr_inplaceI…` count that template as the first.
fn renumber(class: &str) -> Option<String> {
    let mut out = String::with_capacity(class.len());
    let mut at = 0;
    let bytes = class.as_bytes();
    while let Some(byte) = bytes.get(at) {
        let end = match byte {
            b'0'..=b'9' => mangled::component(bytes, at).unwrap_or(at + 1),
            b'S' if bytes.get(at + 1).is_some_and(|next| !next.is_ascii_lowercase()) => {
                let end = mangled::component(bytes, at)?;
                out.push_str(&before(class.get(at + 1..end - 1)?)?);
                at = end;
                continue;
            }
            _ => at + 1,
        };
        out.push_str(class.get(at..end)?);
        at = end;
    }
    Some(out)
}

/// The substitution before the one numbered `number`: base 36, where none is the first and `0` the second.
fn before(number: &str) -> Option<String> {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let value = u32::from_str_radix(number, 36).ok()?;
    let Some(mut value) = value.checked_sub(1) else {
        return Some("S_".to_owned());
    };
    let mut digits = Vec::new();
    loop {
        digits.push(char::from(*DIGITS.get(usize::try_from(value % 36).ok()?)?));
        value /= 36;
        if value == 0 {
            break;
        }
    }
    Some(format!("S{}_", digits.iter().rev().collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_functions() {
        for (symbol, want) in [
            ("_ZN4PolyD0Ev", Some("4Poly")),
            ("_ZN1a1bD0Ev", Some("N1a1bE")),
            ("_ZN3FooIiED0Ev", Some("3FooIiE")),
            ("_ZN1a3FooIS_ED0Ev", Some("N1a3FooIS_EE")),
            ("_ZN4PolyD1Ev", None),
            ("_ZN4Poly1fEv", None),
            (
                "_ZNSt23_Sp_counted_ptr_inplaceI5PlainSaIvELN9__gnu_cxx12_Lock_policyE2EE10_M_destroyEv",
                Some("5Plain"),
            ),
            (
                "_ZNSt23_Sp_counted_ptr_inplaceIN1a1bIN1c1dES2_EESaIS5_ELN9__gnu_cxx12_Lock_policyE2EED0Ev",
                Some("N1a1bIN1c1dES1_EE"),
            ),
            ("_ZNSt23_Sp_counted_ptr_inplaceIN1a1bINS0_1cEEESaIvELi2EED0Ev", Some("N1a1bINS_1cEEE")),
        ] {
            assert_eq!(class_of(symbol).map(|(class, _)| class).as_deref(), want, "{symbol}");
        }
    }

    #[test]
    fn numbers_of_substitutions() {
        for (number, want) in [("0", "S_"), ("1", "S0_"), ("A", "S9_"), ("10", "SZ_"), ("11", "S10_")] {
            assert_eq!(before(number).as_deref(), Some(want), "{number}");
        }
        assert_eq!(before(""), None);
    }

    #[test]
    fn whose_classes() {
        for (name, want) in [
            ("4Poly", true),
            ("N1a1bE", true),
            ("St6vectorIiSaIiEE", false),
            ("NSt6thread6_StateE", false),
            ("N12_GLOBAL__N_11XE", false),
        ] {
            assert_eq!(is_own(name), want, "{name}");
        }
        assert!(frees(b"NSt23_Sp_counted_ptr_inplaceI5PlainSaIvELi2EED0Ev"));
        assert!(!frees(b"NSt23_Sp_counted_ptr_inplaceISt6threadSaIvELi2EED0Ev"));
        assert!(!frees(b"NSt15basic_streambufIcED0Ev"));
    }
}
