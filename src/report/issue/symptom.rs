//! What a user sees when the problem of a finding happens, in the words of the program that says it.

use crate::finding::Finding;
use crate::finding::Severity;

/// The message at run time; `None` where nothing is said before it crashes, or it depends.
pub(super) fn symptom(finding: &Finding) -> Option<String> {
    let evidence =
        |name: &str| finding.evidence.get(name).map(String::as_str).filter(|text| !text.is_empty());
    if let Some(said) = evidence("raises") {
        return Some(said.to_owned());
    }
    if finding.check == "nixl-backend-split" {
        // NIXL, `nixlAgent::createBackend`, at the level of information.
        return evidence("backend").map(|backend| format!("Backend {backend} was instantiated"));
    }
    let symbol = finding.symbol.as_deref()?;
    let path = finding.path.as_str();
    match finding.check.as_str() {
        // elf/dl-load.c and elf/dl-version.c of glibc; the latter's quotes are as they are.
        "needed-missing" if finding.severity != Severity::Note => {
            Some(format!("{symbol}: cannot open shared object file: No such file or directory"))
        }
        "undefined-symbol" => Some(match finding.message.split_once('@') {
            Some((_, rest)) if rest.contains('`') => {
                let version = rest.split('`').next().unwrap_or_default();
                format!("{path}: undefined symbol: {symbol}, version {version}")
            }
            _ => format!("{path}: undefined symbol: {symbol}"),
        }),
        "symbol-version-missing" => {
            let provider = evidence("provider")?;
            Some(format!("{provider}: version `{symbol}' not found (required by {path})"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_s_words() {
        for (check, symbol, message, want) in [
            (
                "undefined-symbol",
                "_Zx",
                "wants `x()@V_2`, which nothing defines",
                "/l/a.so: undefined symbol: _Zx, version V_2",
            ),
            ("undefined-symbol", "_Zx", "wants `x()`, which nothing", "/l/a.so: undefined symbol: _Zx"),
            ("symbol-version-missing", "V_2", "m", "/l/b.so: version `V_2' not found (required by /l/a.so)"),
            (
                "needed-missing",
                "b.so",
                "m",
                "b.so: cannot open shared object file: No such file or directory",
            ),
        ] {
            let mut finding = Finding::new(check, Severity::Error, "/l/a.so", message);
            finding.symbol = Some(symbol.to_owned());
            finding.evidence.insert("provider".to_owned(), "/l/b.so".to_owned());
            assert_eq!(symptom(&finding).as_deref(), Some(want));
        }
    }
}
