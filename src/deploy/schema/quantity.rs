//! Amounts as Kubernetes writes them: `500m`, `1.5`, `16Gi`, `2e3`.

/// Letters behind a number, with what they multiply it by in units of a billionth: `(power of ten)` or `(power of two)`.
const DECIMAL: [(&str, u32); 10] =
    [("n", 0), ("u", 3), ("m", 6), ("", 9), ("k", 12), ("M", 15), ("G", 18), ("T", 21), ("P", 24), ("E", 27)];
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// The amount in billionths, rounded up as Kubernetes does; `None` when it is none, or larger than any.
pub(super) fn nano(text: &str) -> Option<i128> {
    let (sign, bare) = match text.strip_prefix('-') {
        Some(bare) => (-1, bare),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
    let (number, unit) = bare.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + part.len() == 0 || part.contains('.') {
        return None;
    }
    let digits: i128 = format!("{whole}{part}").parse().ok()?;
    let places = u32::try_from(part.len()).ok()?;
    let (ten, two) = power(unit)?;
    let scaled = digits.checked_mul(1_i128.checked_shl(two).filter(|_| two < 100)?)?;
    let exact = i64::from(ten) - i64::from(places);
    let times = 10_i128.checked_pow(u32::try_from(exact.unsigned_abs()).ok()?);
    let amount = match (exact >= 0, times) {
        (true, times) => scaled.checked_mul(times?)?,
        (false, Some(times)) => scaled.checked_add(times - 1)? / times,
        (false, None) => 1,
    };
    Some(sign * amount)
}

/// Powers of ten and of two that a unit stands for, above billionths.
fn power(unit: &str) -> Option<(i32, u32)> {
    let find = |table: &[(&str, u32)]| table.iter().find(|(name, _)| *name == unit).map(|(_, power)| *power);
    if let Some(ten) = find(&DECIMAL) {
        return Some((i32::try_from(ten).ok()?, 0));
    }
    if let Some(two) = find(&BINARY) {
        return Some((9, two));
    }
    let exponent: i32 = unit.strip_prefix(['e', 'E'])?.parse().ok()?;
    (exponent.abs() <= 30).then_some((9 + exponent, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        const ONE: i128 = 1_000_000_000;
        for (text, want) in [
            ("0", Some(0)),
            ("1", Some(ONE)),
            ("1.5", Some(ONE * 3 / 2)),
            (".5", Some(ONE / 2)),
            ("500m", Some(ONE / 2)),
            ("-1k", Some(-1000 * ONE)),
            ("16Gi", Some(16 * (1 << 30) * ONE)),
            ("1.5Ki", Some(1536 * ONE)),
            ("2e3", Some(2000 * ONE)),
            ("1E", Some(ONE * 10_i128.pow(18))),
            ("1E2", Some(100 * ONE)),
            ("0.1n", Some(1)),
            ("much", None),
            ("", None),
            ("1.2.3", None),
            ("1 Gi", None),
            ("1gi", None),
            ("e3", None),
        ] {
            assert_eq!(nano(text), want, "{text}");
        }
    }
}
