//! What `[audit]` and the command line together ask of an audit.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::audit;
use crate::build::Error;
use crate::build::matrix;
use crate::edit::notice;
use crate::finding::Notice;
use crate::recipe::AuditOptions;
use crate::recipe::EntryContext;
use crate::recipe::Level;
use crate::recipe::LevelChoice;
use crate::recipe::PolicyChoice;
use crate::recipe::Scope;

/// What the command line says about an audit: it goes before the recipe.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// A policy, by name or file.
    pub policy: Option<String>,
    /// Levels of checks, by id.
    pub levels: BTreeMap<String, Level>,
    /// Report of an earlier audit.
    pub baseline: Option<PathBuf>,
    /// In which company files are loaded: they go before those of the recipe.
    pub contexts: Vec<EntryContext>,
    /// What of the image is judged.
    pub scope: Scope,
}

impl Overrides {
    /// Puts them over what a recipe says.
    ///
    /// # Errors
    /// A level for a check that is not there, whoever asked for it.
    pub fn apply(&self, options: &mut AuditOptions) -> Result<(), Error> {
        if let Some(name) = &self.policy {
            options.policy = Some(PolicyChoice { name: name.clone(), spot: None });
        }
        if let Some(file) = &self.baseline {
            options.baseline = Some(file.clone());
        }
        options.scope = self.scope;
        options.contexts.splice(0..0, self.contexts.iter().cloned());
        let own = self.levels.iter();
        options.levels.extend(own.map(|(id, level)| (id.clone(), LevelChoice { level: *level, spot: None })));
        // Before the long work: what cannot be used should not be found out after it.
        options.policy.as_ref().map(audit::Policy::find).transpose()?;
        options.baseline.as_ref().map(|file| audit::check_baseline(file)).transpose()?;
        let kinds = kinds();
        for (id, choice) in &options.levels {
            if !kinds.iter().any(|kind| kind.id == id) {
                let (id, spot) = (id.clone(), choice.spot.clone());
                return Err(audit::Error::NoCheck { id, spot }.into());
            }
        }
        Ok(())
    }
}

/// Every kind of finding that there is, sorted by id.
#[must_use]
pub fn kinds() -> Vec<Notice> {
    let checks = audit::all().map(|check| Notice {
        id: check.id,
        severity: check.severity,
        summary: check.summary,
        explain: check.explain,
    });
    let mut kinds: Vec<Notice> = checks.collect();
    kinds.extend(notice::ALL.iter().map(|kind| **kind));
    kinds.extend([audit::ALLOW_UNUSED, audit::BASELINE_UNUSED, audit::CONTEXT_UNFIT, matrix::BASE_UNFIT]);
    kinds.sort_by_key(|kind| kind.id);
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(pairs: &[(&str, Level)]) -> BTreeMap<String, Level> {
        pairs.iter().map(|(id, level)| ((*id).to_owned(), *level)).collect()
    }

    #[test]
    fn the_command_line_goes_before_the_recipe() {
        let mut options = AuditOptions::default();
        let recipe = LevelChoice { level: Level::Note, spot: None };
        options.levels.insert("copies".to_owned(), recipe.clone());
        options.levels.insert("needed-missing".to_owned(), recipe);
        let flags = Overrides {
            policy: Some("debian-12".to_owned()),
            levels: levels(&[("copies", Level::Error)]),
            ..Overrides::default()
        };
        flags.apply(&mut options).unwrap();
        assert_eq!(options.policy.unwrap().name, "debian-12");
        let settled = options.levels.iter().map(|(id, choice)| (id.as_str(), choice.level));
        let want = [("copies", Level::Error), ("needed-missing", Level::Note)];
        assert_eq!(settled.collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_level_for_no_check_is_a_mistake() {
        let flags = Overrides { levels: levels(&[("copy", Level::Off)]), ..Overrides::default() };
        let error = flags.apply(&mut AuditOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "there is no check `copy`");
        let flags = Overrides { levels: levels(&[("hardlink-alias", Level::Off)]), ..Overrides::default() };
        flags.apply(&mut AuditOptions::default()).unwrap();
    }
}
