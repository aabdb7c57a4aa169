//! Environment variables.

use ruff_python_ast::Expr;
use ruff_python_ast::ExprCall;

use super::bind::Scopes;
use super::bind::last;

/// The variable that a call reads: `os.getenv("X")`, `os.environ.get("X")`, and functions with `env` in their name.
pub(super) fn called(scopes: &Scopes, call: &ExprCall) -> Option<String> {
    let name = last(&call.func)?;
    let on_environ = match &*call.func {
        Expr::Attribute(attribute) => is_environ(scopes, &attribute.value),
        _ => false,
    };
    if !on_environ && !name.to_ascii_lowercase().contains("env") {
        return None;
    }
    variable(
        scopes,
        call.arguments.args.first().or_else(|| call.arguments.keywords.first().map(|k| &k.value))?,
    )
}

/// The variable in `os.environ["X"]` or `"X" in os.environ`.
pub(super) fn read(scopes: &Scopes, expr: &Expr) -> Option<String> {
    match expr {
        Expr::Subscript(one) if is_environ(scopes, &one.value) => variable(scopes, &one.slice),
        Expr::Compare(one) if one.comparators.first().is_some_and(|right| is_environ(scopes, right)) => {
            variable(scopes, &one.left)
        }
        _ => None,
    }
}

fn is_environ(scopes: &Scopes, expr: &Expr) -> bool {
    scopes.path(expr).is_some_and(|path| path.last().is_some_and(|last| last == "environ"))
}

fn variable(scopes: &Scopes, expr: &Expr) -> Option<String> {
    let name = scopes.text(expr)?;
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let sound =
        name.len() <= 128 && name.bytes().all(word) && !name.starts_with(|c: char| c.is_ascii_digit());
    (sound && !name.is_empty()).then_some(name)
}
