//! What the real loader answered, as `fixtures/loader/*.py` write it down.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Deserialize;

/// One question and its answer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Answer {
    /// Which rule or package it is about.
    pub(crate) case: String,
    /// The root as it was asked, on this machine.
    pub(crate) tree: String,
    pub(crate) subject: String,
    pub(crate) env: BTreeMap<String, String>,
    /// The load ends at once, with this message.
    pub(crate) fatal: Option<String>,
    /// The loader crashed as it traced symbols: only files and versions can be compared.
    pub(crate) partial: bool,
    /// Needed name to file.
    pub(crate) found: BTreeMap<String, String>,
    pub(crate) missing: BTreeSet<String>,
    /// Version, who wants it, who lacks it.
    pub(crate) versions: BTreeSet<(String, String, String)>,
    /// Symbol, who wants it.
    pub(crate) undefined: BTreeSet<(String, String)>,
    /// Who wants it, symbol, version, who gives it.
    pub(crate) bindings: BTreeSet<Binding>,
}

pub(crate) type Binding = (String, String, String, String);
