//! A fixture of a check, as it is written: `docs/checks.md` says what each key means.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// One `.toml` of a folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixture {
    /// Whether the C and C++ libraries of this machine are in every tree.
    #[serde(default = "yes")]
    pub(crate) system: bool,
    /// What is compiled, in order.
    #[serde(default)]
    pub(crate) make: Vec<Make>,
    /// The base.
    #[serde(default)]
    pub(crate) before: Tree,
    /// What the recipe does to it.
    #[serde(default)]
    pub(crate) after: After,
    /// An image that it takes files from.
    pub(crate) donor: Option<Donor>,
    /// `[audit]` of the recipe.
    #[serde(default)]
    pub(crate) audit: toml::Table,
}

fn yes() -> bool {
    true
}

/// One run of the compiler.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Make {
    pub(crate) name: String,
    pub(crate) c: Option<String>,
    pub(crate) cpp: Option<String>,
    pub(crate) soname: Option<String>,
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    pub(crate) versions: Option<String>,
    #[serde(default)]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) poke: Vec<(usize, u8)>,
}

/// What comes of it.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Library,
    Program,
    Object,
}

/// A tree as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tree {
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) files: BTreeMap<String, File>,
}

/// Changes, each at its place in the fixture.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    #[serde(default)]
    pub(crate) env: BTreeMap<Spanned<String>, String>,
    #[serde(default)]
    pub(crate) files: BTreeMap<Spanned<String>, File>,
    #[serde(default)]
    pub(crate) remove: Vec<Spanned<String>>,
}

/// An image that files come from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Donor {
    pub(crate) root: String,
    pub(crate) into: String,
    #[serde(default)]
    pub(crate) take: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) files: BTreeMap<String, File>,
}

/// What stands at a path.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum File {
    /// A result of the compiler, by its name.
    Made(String),
    /// A text.
    Text(String),
    /// Bytes in hexadecimal.
    Hex(String),
    /// A symbolic link to this.
    Link(String),
    /// Another name of this file.
    Hardlink(String),
}
