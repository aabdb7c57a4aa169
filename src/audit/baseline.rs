//! Baselines: the report of an earlier audit, whose findings count as there before.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::ALLOW_UNUSED;
use super::Error;
use crate::elf::path_without_hash;
use crate::elf::without_hash;
use crate::finding::Finding;
use crate::finding::Notice;
use crate::finding::Severity;

/// Findings of a baseline that are not there any more.
pub const BASELINE_UNUSED: Notice = Notice {
    id: "baseline-unused",
    severity: Severity::Note,
    summary: "the baseline has findings that are not there any more",
    explain: "\
The baseline is the report of an earlier audit: what it has counts as there before and not as introduced. Some of it is \
not found any more: it was mended, or the baseline is of another subject.

Write the baseline anew (`--write-baseline FILE`), lest it hide the same mistake when it comes back.",
};

/// Check, path and symbol without what wheel tools put into names, and never the message: it can be worded anew.
type Key = (String, String, Option<String>);

/// The version of reports that is read.
const SCHEMA: &str = "imgforge.report/1";

/// How many findings that are gone are listed.
const MOST: usize = 10;

#[derive(Deserialize)]
struct Document {
    schema: String,
    findings: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    check: String,
    path: String,
    symbol: Option<String>,
}

/// Marks what the baseline has as not introduced, and adds a note about what of it is gone.
pub(super) fn apply(findings: &mut Vec<Finding>, file: &Path) -> Result<(), Error> {
    let mut known = read(file)?;
    for finding in findings.iter_mut() {
        let key = key(&finding.check, &finding.path, finding.symbol.as_deref());
        if let Some(used) = known.get_mut(&key) {
            *used = true;
            finding.introduced = false;
        }
    }
    let gone: Vec<&Key> = known.iter().filter(|(_, used)| !**used).map(|(key, _)| key).collect();
    if !gone.is_empty() {
        findings.push(note(&gone, file));
    }
    Ok(())
}

/// Makes sure that a file can be used as a baseline.
///
/// # Errors
/// It cannot be read, or is no report.
pub fn check_baseline(file: &Path) -> Result<(), Error> {
    read(file).map(drop)
}

fn key(check: &str, path: &str, symbol: Option<&str>) -> Key {
    let symbol = symbol.map(|symbol| without_hash(symbol).into_owned());
    (check.to_owned(), path_without_hash(path).into_owned(), symbol)
}

/// Every finding of the report, with whether it was met.
fn read(file: &Path) -> Result<BTreeMap<Key, bool>, Error> {
    let read = fs::read(file).map_err(|source| Error::Unread { path: file.to_path_buf(), source })?;
    let wrong = |source| Error::Baseline { path: file.to_path_buf(), source };
    // Several recipes of one call make one list of reports.
    let documents: Vec<Document> = match serde_json::from_slice(&read).map_err(wrong)? {
        list @ Value::Array(_) => serde_json::from_value(list).map_err(wrong)?,
        one => vec![serde_json::from_value(one).map_err(wrong)?],
    };
    if let Some(other) = documents.iter().find(|document| document.schema != SCHEMA) {
        let reason = format!("its schema is `{}`, not `{SCHEMA}`", other.schema);
        return Err(wrong(serde::de::Error::custom(reason)));
    }
    let mut known = BTreeMap::new();
    for entry in documents.iter().flat_map(|document| &document.findings) {
        if [ALLOW_UNUSED.id, BASELINE_UNUSED.id].contains(&entry.check.as_str()) {
            continue;
        }
        known.insert(key(&entry.check, &entry.path, entry.symbol.as_deref()), false);
    }
    Ok(known)
}

fn note(gone: &[&Key], file: &Path) -> Finding {
    let message = format!("{} findings of the baseline are not there any more", gone.len());
    let mut finding = Finding::of(&BASELINE_UNUSED, "", message);
    let told = |key: &&Key| {
        let symbol = key.2.as_ref().map(|symbol| format!(" [{symbol}]")).unwrap_or_default();
        format!("{} {}{symbol}", key.0, key.1)
    };
    let list: Vec<String> = gone.iter().take(MOST).map(told).collect();
    finding.evidence.insert("gone".to_owned(), list.join("; "));
    finding.evidence.insert("baseline".to_owned(), file.display().to_string());
    finding.help = Some("write it anew: `--write-baseline FILE`".to_owned());
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str, findings: &mut Vec<Finding>) -> Result<(), Error> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("b.json");
        fs::write(&file, text).unwrap();
        apply(findings, &file)
    }

    fn finding(path: &str, symbol: &str) -> Finding {
        let finding = Finding::new("needed-missing", Severity::Error, path, "other words than before");
        Finding { symbol: Some(symbol.to_owned()), ..finding }
    }

    const TEXT: &str = r#"{"schema": "imgforge.report/1", "subject": "s", "findings": [
        {"check": "needed-missing", "path": "/p.libs/liba-0a1b2c3d.so", "symbol": "libb-11111111.so.1",
         "message": "m", "evidence": {}},
        {"check": "allow-unused", "path": "", "symbol": null, "message": "m", "evidence": {}}]}"#;

    #[test]
    fn what_the_baseline_has_was_there_whatever_its_hash_and_words() {
        for (path, symbol, new) in [
            ("/p.libs/liba-99999999.so", "libb-22222222.so.1", false),
            ("/p.libs/liba.so", "libb.so.1", false),
            ("/p.libs/liba.so", "libc.so.1", true),
            ("/r/liba.so", "libb.so.1", true),
        ] {
            let mut findings = vec![finding(path, symbol)];
            applied(TEXT, &mut findings).unwrap();
            assert_eq!(findings[0].introduced, new, "{path} {symbol}");
        }
    }

    #[test]
    fn what_is_gone_is_told_once() {
        let mut findings = Vec::new();
        applied(TEXT, &mut findings).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].message, "1 findings of the baseline are not there any more");
        assert_eq!(findings[0].evidence["gone"], "needed-missing /p.libs/liba.so [libb.so.1]");
    }

    #[test]
    fn another_document_is_refused() {
        for (text, part) in [
            ("{}", "missing field `schema`"),
            (r#"{"schema": "imgforge.plan/1", "findings": []}"#, "its schema is `imgforge.plan/1`"),
            ("no", "expected ident"),
        ] {
            let Err(Error::Baseline { source, .. }) = applied(text, &mut Vec::new()) else {
                panic!("{text}")
            };
            assert!(source.to_string().contains(part), "{source}");
        }
    }
}
