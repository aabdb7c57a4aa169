//! What a scalar without quotes is, as Kubernetes reads it (go-yaml with YAML 1.1's words, in JSON's types).

use super::Value;

/// Resolves a plain scalar.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | "-.inf" => return Value::Float(0.0),
        _ => {}
    }
    let digits = text.replace('_', "");
    let (sign, bare) = match digits.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::Text(text.to_owned());
    }
    let radix = |prefix: &str, radix: u32| {
        let rest = bare.strip_prefix(prefix).filter(|rest| !rest.starts_with(['+', '-']))?;
        i64::from_str_radix(rest, radix).ok()
    };
    let octal = || radix("0", 8).filter(|_| bare.len() > 1);
    let whole = || bare.bytes().all(|b| b.is_ascii_digit()).then(|| bare.parse::<i64>().ok())?;
    let number = radix("0x", 16).or_else(|| radix("0b", 2)).or_else(|| radix("0o", 8)).or_else(octal);
    if let Some(number) = number.or_else(whole) {
        return Value::Integer(sign * number);
    }
    let floats = bare.bytes().any(|b| b.is_ascii_digit())
        && bare.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    match digits.parse::<f64>() {
        Ok(number) if floats => Value::Float(number),
        _ => Value::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_kubernetes_takes_them_for() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (given, want) in [
            ("yes", Value::Bool(true)),
            ("off", Value::Bool(false)),
            ("y", text("y")),
            ("~", Value::Null),
            ("5600", Value::Integer(5600)),
            ("-3", Value::Integer(-3)),
            ("0x10", Value::Integer(16)),
            ("0755", Value::Integer(493)),
            ("1_000", Value::Integer(1000)),
            ("0", Value::Integer(0)),
            ("1e3", Value::Float(1000.0)),
            ("0.5", Value::Float(0.5)),
            ("5120Mi", text("5120Mi")),
            ("1.2.3", text("1.2.3")),
            ("12:30", text("12:30")),
            ("-", text("-")),
            ("LIBFABRIC", text("LIBFABRIC")),
        ] {
            assert_eq!(plain(given), want, "{given}");
        }
    }
}
