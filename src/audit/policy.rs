//! Policies: what the platforms that files are meant for have. Numbers and names in TOML; code only compares.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;

use super::Error;
use crate::recipe::Level;
use crate::recipe::PolicyChoice;

/// The policies that are built in, by name.
const BUILT_IN: [(&str, &str); 8] = [
    ("debian-11", include_str!("policies/debian-11.toml")),
    ("debian-12", include_str!("policies/debian-12.toml")),
    ("debian-13", include_str!("policies/debian-13.toml")),
    ("manylinux_2_17", include_str!("policies/manylinux_2_17.toml")),
    ("manylinux_2_28", include_str!("policies/manylinux_2_28.toml")),
    ("manylinux_2_34", include_str!("policies/manylinux_2_34.toml")),
    ("ubuntu-22.04", include_str!("policies/ubuntu-22.04.toml")),
    ("ubuntu-24.04", include_str!("policies/ubuntu-24.04.toml")),
];

/// A platform, as far as files depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Its name, or the file it is from.
    pub name: String,
    /// Which platform it stands for, in one line.
    pub summary: String,
    /// The highest version of each family, such as `GLIBC` → `2.28`.
    pub versions: BTreeMap<String, String>,
    /// Versions beside these that are there, such as `CXXABI_TM_1`.
    pub also: BTreeSet<String>,
    /// Libraries that the platform brings.
    pub libraries: BTreeSet<String>,
    /// Levels of checks, by id.
    pub levels: BTreeMap<String, Level>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    #[serde(default)]
    versions: BTreeMap<String, String>,
    #[serde(default)]
    also: BTreeSet<String>,
    #[serde(default)]
    libraries: BTreeSet<String>,
    #[serde(default)]
    levels: BTreeMap<String, RawLevel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawLevel {
    Error,
    Warning,
    Note,
    Off,
}

impl Policy {
    /// The policy of this name, or the one in this file.
    ///
    /// # Errors
    /// A name that none has, and a file that cannot be read or is no policy.
    pub fn find(choice: &PolicyChoice) -> Result<Self, Error> {
        let name = &choice.name;
        if PolicyChoice::is_file(name) {
            let read = fs::read_to_string(name);
            let text = read.map_err(|source| Error::Unread { path: name.into(), source })?;
            return Self::parse(name, &text);
        }
        let found = BUILT_IN.iter().find(|(known, _)| known == name);
        let (_, text) =
            found.ok_or_else(|| Error::NoPolicy { name: name.clone(), spot: choice.spot.clone() })?;
        Self::parse(name, text)
    }

    /// Names of the policies that are built in.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let wrong = |source| Error::Policy { path: name.into(), source: Box::new(source) };
        let raw: Raw = toml::from_str(text).map_err(wrong)?;
        let bad = raw.versions.values().find(|version| numbers(version).is_none());
        if let Some(version) = bad {
            let reason = format!("`{version}` is not a version: numbers with dots between them");
            return Err(wrong(serde::de::Error::custom(reason)));
        }
        let level = |raw| match raw {
            RawLevel::Error => Level::Error,
            RawLevel::Warning => Level::Warning,
            RawLevel::Note => Level::Note,
            RawLevel::Off => Level::Off,
        };
        Ok(Self {
            name: name.to_owned(),
            summary: raw.summary,
            versions: raw.versions,
            also: raw.also,
            libraries: raw.libraries,
            levels: raw.levels.into_iter().map(|(id, raw)| (id, level(raw))).collect(),
        })
    }

    /// The ceiling that a version breaks, such as `GLIBC_2.28` for `GLIBC_2.34`; `None` when it fits, and for
    /// families that the policy does not know.
    #[must_use]
    pub fn ceiling(&self, version: &str) -> Option<String> {
        let (family, number) = version.split_once('_')?;
        let most = self.versions.get(family)?;
        let fits = match numbers(number) {
            Some(number) => numbers(most).is_some_and(|most| number <= most),
            None => false,
        };
        (!fits && !self.also.contains(version)).then(|| format!("{family}_{most}"))
    }
}

/// `2.28` as numbers.
fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Result<Policy, Error> {
        Policy::find(&PolicyChoice { name: name.to_owned(), spot: None })
    }

    #[test]
    fn every_policy_is_read_and_names_checks_that_there_are() {
        for name in Policy::names() {
            let policy = named(name).unwrap();
            assert!(
                policy.versions.contains_key("GLIBC") && policy.libraries.contains("libc.so.6"),
                "{name}"
            );
            assert!(policy.levels.keys().all(|id| crate::audit::find(id).is_some()), "{name}");
        }
        assert!(Policy::names().is_sorted());
        let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/audit/policies")).unwrap();
        assert_eq!(files.count(), BUILT_IN.len());
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let policy = named("manylinux_2_28").unwrap();
        for (version, want) in [
            ("GLIBC_2.2.5", None),
            ("GLIBC_2.28", None),
            ("GLIBC_2.29", Some("GLIBC_2.28")),
            ("GLIBC_2.4", None),
            ("GLIBC_PRIVATE", Some("GLIBC_2.28")),
            ("GLIBC_ABI_DT_RELR", Some("GLIBC_2.28")),
            ("GLIBCXX_3.4.24", None),
            ("GLIBCXX_3.4.25", Some("GLIBCXX_3.4.24")),
            ("CXXABI_TM_1", None),
            ("FABRIC_1.8", None),
            ("nothing", None),
        ] {
            assert_eq!(policy.ceiling(version).as_deref(), want, "{version}");
        }
    }

    #[test]
    fn a_policy_that_is_none_says_why() {
        let error = named("manylinux_2_99").unwrap_err();
        assert_eq!(error.to_string(), "there is no policy `manylinux_2_99`");
        for (text, part) in [
            ("summary = 1", "expected a string"),
            ("summary = \"x\"\nversion = {}", "unknown field `version`"),
            ("summary = \"x\"\nversions = { GLIBC = \"two\" }", "`two` is not a version"),
            ("summary = \"x\"\nlevels = { copies = \"loud\" }", "unknown variant `loud`"),
        ] {
            let Err(Error::Policy { source, .. }) = Policy::parse("p.toml", text) else { panic!("{text}") };
            assert!(source.to_string().contains(part), "{source}");
        }
    }
}
