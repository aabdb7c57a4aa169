//! The recipe as it is written: what serde reads and what the JSON Schema is made of.
//!
//! The comments on the fields are the descriptions that an editor shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::deploy::raw::RawDeploy;

/// A recipe of imgforge: which image to change, where from, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecipe {
    /// Version of this grammar.
    #[schemars(extend("const" = 1))]
    #[expect(dead_code, reason = "checked before serde reads the rest")]
    pub(super) schema: i64,
    /// Name of what is built.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// The image that everything is put on.
    pub(super) base: RawImage,
    /// Variables: `{name}` in any string of the recipe is replaced; `{{` and `}}` are literal braces. `--var name=value` sets another value.
    #[serde(default)]
    #[expect(dead_code, reason = "put in before serde reads the rest")]
    pub(super) vars: BTreeMap<String, String>,
    /// Images that files are taken from, by the name that grafts use.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawImage>")]
    pub(super) sources: BTreeMap<Spanned<String>, RawImage>,
    /// What to do, in order.
    #[serde(default)]
    pub(super) step: Vec<RawStep>,
    /// Changes of the image configuration.
    #[serde(default)]
    pub(super) config: RawConfig,
    /// What the checks should know.
    #[serde(default)]
    pub(super) audit: RawAudit,
    /// How the image is run on a cluster.
    pub(super) deploy: Option<RawDeploy>,
}

/// An image.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawImage {
    /// Reference: `docker://` (default), `oci:DIR[:tag]`, `oci-archive:`, `docker-archive:` or `docker-daemon:`. Paths are relative to the recipe.
    #[schemars(with = "String")]
    pub(super) image: Spanned<String>,
    /// Platform, `os/architecture[/variant]`; `linux/amd64` for the base, the base's for sources.
    #[schemars(with = "Option<String>")]
    pub(super) platform: Option<Spanned<String>>,
}

/// One step: exactly one key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct RawStep {
    /// Take files out of a source.
    pub(super) graft: Option<RawGraft>,
    /// Change a text file of the image.
    pub(super) patch: Option<RawPatch>,
    /// Take a path away, with all below it.
    pub(super) remove: Option<RawRemove>,
    /// Make a symbolic link.
    pub(super) link: Option<RawLink>,
    /// Write a file.
    pub(super) write: Option<RawWrite>,
    /// Make a directory.
    pub(super) mkdir: Option<RawMkdir>,
}

/// Files of a source, mapped from one directory to another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGraft {
    /// Name of the source.
    #[schemars(with = "String")]
    pub(super) from: Spanned<String>,
    /// Absolute directory in the source.
    #[schemars(with = "String")]
    pub(super) root: Spanned<String>,
    /// Absolute directory in the base.
    #[schemars(with = "String")]
    pub(super) into: Spanned<String>,
    /// Paths or globs relative to `root`; each must match in the source.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) files: Vec<Spanned<String>>,
    /// Paths or globs relative to `root` that the source may lack.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) optional: Vec<Spanned<String>>,
    /// `true`: the destination of `files` must exist in the base; `false`: it must not.
    pub(super) replace: Option<bool>,
    /// Owner `uid:gid` instead of the replaced file's or the source's.
    #[schemars(with = "Option<String>")]
    pub(super) owner: Option<Spanned<String>>,
    /// Octal mode instead of the replaced file's or the source's.
    #[schemars(with = "Option<String>")]
    pub(super) mode: Option<Spanned<String>>,
    /// Other hard-link names of a replaced file: only name them, or replace them too.
    #[serde(default)]
    pub(super) aliases: RawAliases,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawAliases {
    #[default]
    Report,
    Replace,
}

/// A text file and what changes it: `with` or `diff`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["with"]}, {"required": ["diff"]}]))]
pub(super) struct RawPatch {
    /// Absolute path in the image.
    #[schemars(with = "String")]
    pub(super) file: Spanned<String>,
    /// Patch file (TOML), relative to the recipe.
    #[schemars(with = "Option<String>")]
    pub(super) with: Option<Spanned<String>>,
    /// Unified diff, relative to the recipe.
    #[schemars(with = "Option<String>")]
    pub(super) diff: Option<Spanned<String>>,
}

/// What to take away.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRemove {
    /// Absolute path in the image.
    #[schemars(with = "String")]
    pub(super) path: Spanned<String>,
    /// What to do when it is not there.
    #[serde(default)]
    pub(super) missing: RawMissing,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawMissing {
    #[default]
    Error,
    Ignore,
}

/// A symbolic link.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLink {
    /// Absolute path of the link.
    #[schemars(with = "String")]
    pub(super) path: Spanned<String>,
    /// Its target as it will be written.
    #[schemars(with = "String")]
    pub(super) target: Spanned<String>,
}

/// A file and its content: `text` or `source`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["text"]}, {"required": ["source"]}]))]
pub(super) struct RawWrite {
    /// Absolute path in the image.
    #[schemars(with = "String")]
    pub(super) file: Spanned<String>,
    /// The content.
    pub(super) text: Option<String>,
    /// A file of this machine, relative to the recipe.
    #[schemars(with = "Option<String>")]
    pub(super) source: Option<Spanned<String>>,
    /// Octal mode; default: the replaced file's, else `0644`.
    #[schemars(with = "Option<String>")]
    pub(super) mode: Option<Spanned<String>>,
    /// Owner `uid:gid`; default: the replaced file's, else the directory's.
    #[schemars(with = "Option<String>")]
    pub(super) owner: Option<Spanned<String>>,
}

/// A directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMkdir {
    /// Absolute path in the image.
    #[schemars(with = "String")]
    pub(super) path: Spanned<String>,
    /// Octal mode; default `0755`.
    #[schemars(with = "Option<String>")]
    pub(super) mode: Option<Spanned<String>>,
    /// Owner `uid:gid`; default: the parent directory's.
    #[schemars(with = "Option<String>")]
    pub(super) owner: Option<Spanned<String>>,
}

/// Changes of the image configuration; `unset` comes first.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    /// Environment to set.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) env: BTreeMap<Spanned<String>, String>,
    /// Put before the base's value, joined by `:`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) env_prepend: BTreeMap<Spanned<String>, String>,
    /// Put after the base's value, joined by `:`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) env_append: BTreeMap<Spanned<String>, String>,
    /// Labels to set.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// User to run as.
    pub(super) user: Option<String>,
    /// Absolute working directory.
    #[schemars(with = "Option<String>")]
    pub(super) workdir: Option<Spanned<String>>,
    /// Command; an empty list clears it.
    pub(super) cmd: Option<Vec<String>>,
    /// Entry point; an empty list clears it, `cmd` stays.
    pub(super) entrypoint: Option<Vec<String>>,
    /// What to take away first: `env:NAME`, `label:NAME`, `cmd`, `entrypoint`, `user`, `workdir`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) unset: Vec<Spanned<String>>,
}

/// What the checks should know.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAudit {
    /// Sonames that the host puts into the container at run time.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) host_libraries: Vec<Spanned<String>>,
    /// GPU architectures that the image is for, such as `sm_90`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) gpu: Vec<Spanned<String>>,
    /// What the files must fit: a policy that is built in, such as `manylinux_2_28` or `debian-12`, or a policy file relative to the recipe.
    #[schemars(with = "Option<String>")]
    pub(super) policy: Option<Spanned<String>>,
    /// Report (JSON) of an earlier audit, relative to the recipe: what it has counts as there before.
    #[schemars(with = "Option<String>")]
    pub(super) baseline: Option<Spanned<String>>,
    /// Level of what a check finds, by the check's id.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawLevel>")]
    pub(super) levels: BTreeMap<Spanned<String>, RawLevel>,
    /// How files come into a process, where it cannot be inferred; of several that match a file the first counts.
    #[serde(default)]
    #[schemars(with = "Vec<RawContext>")]
    pub(super) context: Vec<Spanned<RawContext>>,
    /// Findings that are accepted.
    #[serde(default)]
    #[schemars(with = "Vec<RawAllow>")]
    pub(super) allow: Vec<Spanned<RawAllow>>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawLevel {
    Error,
    Warning,
    Note,
    Off,
}

/// The program that loads some files, and what it has opened before them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawContext {
    /// Glob over the absolute paths of the files, such as `/opt/app/plugins/*.so`.
    #[schemars(with = "String")]
    pub(super) subject: Spanned<String>,
    /// Absolute path of the program; left out: the Python interpreter for files of Python packages, else unknown.
    #[schemars(with = "Option<String>")]
    pub(super) executable: Option<Spanned<String>>,
    /// Absolute paths of what it opens before, in order, as `dlopen` does by itself (`RTLD_LOCAL`): later needs find it by SONAME.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) preload: Vec<Spanned<String>>,
    /// Absolute paths of what it opens first of all with `RTLD_GLOBAL`: all that comes later sees its symbols.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) preload_global: Vec<Spanned<String>>,
}

/// A finding that is accepted, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAllow {
    /// Id of the check.
    #[schemars(with = "String")]
    pub(super) check: Spanned<String>,
    /// Glob over the path in the image.
    #[schemars(with = "Option<String>")]
    pub(super) path: Option<Spanned<String>>,
    /// Glob over the symbol.
    #[schemars(with = "Option<String>")]
    pub(super) symbol: Option<Spanned<String>>,
    /// Why it is accepted.
    #[schemars(with = "String")]
    pub(super) reason: Spanned<String>,
}
