//! `allow` of the recipe: findings that a person accepts, with a reason.

use globset::GlobBuilder;
use globset::GlobMatcher;

use super::Error;
use crate::finding::Finding;
use crate::finding::Notice;
use crate::finding::Severity;
use crate::recipe::Allow;

/// An `allow` without a finding.
pub const ALLOW_UNUSED: Notice = Notice {
    id: "allow-unused",
    severity: Severity::Note,
    summary: "an `allow` of the recipe matches no finding",
    explain: "\
The recipe accepts a finding that is not there: it was mended, or the check, path or symbol of the `allow` is misspelt. \
Take the `allow` out, lest it hide a later finding that nobody has looked at.",
};

/// Marks findings that an `allow` matches, and adds a note for each `allow` that matches none.
pub(super) fn apply(findings: &mut Vec<Finding>, allows: &[Allow]) -> Result<(), Error> {
    let mut unused = Vec::new();
    for allow in allows {
        let path = matcher(allow, allow.path.as_ref())?;
        let symbol = matcher(allow, allow.symbol.as_ref())?;
        let mut used = false;
        for finding in findings.iter_mut().filter(|finding| finding.check == allow.check) {
            let in_path = path.as_ref().is_none_or(|glob| glob.is_match(&finding.path));
            let in_symbol = symbol.as_ref().is_none_or(|glob| {
                let symbol = finding.symbol.as_ref();
                symbol.is_some_and(|symbol| glob.is_match(symbol))
            });
            if in_path && in_symbol {
                finding.allowed.get_or_insert_with(|| allow.reason.clone());
                used = true;
            }
        }
        if !used {
            unused.push(note(allow));
        }
    }
    findings.append(&mut unused);
    Ok(())
}

fn matcher(allow: &Allow, pattern: Option<&String>) -> Result<Option<GlobMatcher>, Error> {
    let Some(pattern) = pattern else {
        return Ok(None);
    };
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob = glob.map_err(|source| Error::Glob {
        pattern: pattern.clone(),
        spot: Some(allow.spot.clone()),
        source,
    })?;
    Ok(Some(glob.compile_matcher()))
}

fn note(allow: &Allow) -> Finding {
    let message =
        format!("the recipe allows `{}` findings, and there is none that this matches", allow.check);
    let mut finding = Finding::of(&ALLOW_UNUSED, allow.path.clone().unwrap_or_default(), message);
    finding.symbol.clone_from(&allow.symbol);
    finding.recipe = Some(allow.spot.clone());
    finding.help = Some("take the `allow` out, or correct its `check`, `path` or `symbol`".to_owned());
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::RecipeSpot;

    fn allow(check: &str, path: Option<&str>, symbol: Option<&str>) -> Allow {
        Allow {
            check: check.to_owned(),
            path: path.map(str::to_owned),
            symbol: symbol.map(str::to_owned),
            reason: "known".to_owned(),
            spot: RecipeSpot { file: "r.toml".to_owned(), line: 9, column: 3 },
        }
    }

    #[test]
    fn what_is_allowed_is_marked_and_what_allows_nothing_is_told() {
        let mut finding = Finding::new("needed-missing", Severity::Error, "/opt/a/libx.so", "m");
        finding.symbol = Some("liby.so.1".to_owned());
        for (allow, marked) in [
            (allow("needed-missing", None, None), true),
            (allow("needed-missing", Some("/opt/*/libx.so"), Some("liby*")), true),
            (allow("needed-missing", Some("/opt/*"), None), false),
            (allow("needed-missing", Some("/opt/**"), None), true),
            (allow("undefined-symbol", None, None), false),
            (allow("needed-missing", None, Some("libz*")), false),
        ] {
            let mut findings = vec![finding.clone()];
            apply(&mut findings, std::slice::from_ref(&allow)).unwrap();
            assert_eq!(findings[0].allowed.is_some(), marked, "{allow:?}");
            assert_eq!(findings.iter().any(|f| f.check == "allow-unused"), !marked, "{allow:?}");
        }
    }

    #[test]
    fn a_pattern_that_is_none_names_its_line() {
        let error = apply(&mut Vec::new(), &[allow("x", Some("[a"), None)]).unwrap_err();
        assert_eq!(error.to_string(), "r.toml:9:3: `[a` is not a glob");
    }
}
