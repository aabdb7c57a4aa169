//! What other modules give: `MODULE:NAME.NAME`, the module as the import names it, `.` and `..` at its head.
//!
//! What comes from `torch` itself is no such thing: its operators are named by their path there.

use ruff_python_ast::Expr;

use super::bind::Meaning;
use super::bind::Scopes;

/// Modules whose functions are called all over and which have no operators of others.
const ELSEWHERE: [&str; 19] = [
    "torch",
    "triton",
    "numpy",
    "os",
    "sys",
    "re",
    "math",
    "time",
    "json",
    "copy",
    "enum",
    "typing",
    "logging",
    "warnings",
    "itertools",
    "functools",
    "collections",
    "contextlib",
    "dataclasses",
];

/// The path of a module.
pub(super) fn module(level: u32, name: &str) -> Vec<String> {
    if level == 0 && name.split('.').next() == Some("torch") {
        return name.split('.').map(str::to_owned).collect();
    }
    let dots = ".".repeat(usize::try_from(level.min(64)).unwrap_or(64));
    vec![format!("{dots}{name}:")]
}

/// Whether another module gave it, and not one of those that have no operators.
pub(super) fn is_imported(path: &[String]) -> bool {
    let Some(module) = path.first().and_then(|first| first.strip_suffix(':')) else { return false };
    !ELSEWHERE.contains(&module.split('.').next().unwrap_or(module))
}

/// Whether it may be an operator or have some.
pub(super) fn is_followed(meaning: &Meaning) -> bool {
    let Meaning::Path(path) = meaning else { return false };
    is_imported(path) || matches!(path.as_slice(), [torch, ops, ..] if torch == "torch" && ops == "ops")
}

/// `MODULE:NAME…`, or `torch.ops.NAME…`.
pub(super) fn text(path: &[String]) -> String {
    match path.split_first() {
        Some((module, names)) if module.ends_with(':') => format!("{module}{}", names.join(".")),
        _ => path.join("."),
    }
}

/// What a call reaches in another module. Names of classes are left out: they have a capital letter.
pub(super) fn called(scopes: &Scopes, func: &Expr) -> Option<String> {
    let path = scopes.path(func).filter(|path| path.len() > 1 && is_imported(path))?;
    let is_class = path.last().is_some_and(|name| is_class(name));
    (!is_class).then(|| text(&path))
}

pub(super) fn is_class(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}
