//! Calls of operators.

use ruff_python_ast::Arguments;
use ruff_python_ast::Expr;
use ruff_python_ast::ExprCall;

use super::bind::Scopes;
use super::bind::last;
use super::literal;
use crate::torch::Call;

/// Longest copy of a call.
const LONGEST: usize = 1000;
/// Attributes of `torch.ops` that are no namespaces.
const OWN: [&str; 3] = ["load_library", "import_module", "loaded_libraries"];

/// An operator: namespace, name, overload.
pub(super) type Operator = (String, String, Option<String>);

/// The operator that a call reaches, and what it passes on.
pub(super) fn read(scopes: &Scopes, call: &ExprCall) -> Option<(Operator, Call)> {
    if let Some(operator) = operator(scopes, &call.func) {
        return Some((operator, passed(scopes, &call.arguments, 0)));
    }
    let open = match last(&call.func)? {
        "auto_functionalized" | "auto_functionalized_v2" => false,
        "partial" => true,
        _ => return None,
    };
    let operator = operator(scopes, call.arguments.args.first()?)?;
    let mut values = passed(scopes, &call.arguments, 1);
    values.open |= open;
    Some((operator, values))
}

/// A call on one line, without comments, of at most [`LONGEST`] characters.
pub(super) fn source(text: &str) -> String {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or(line).trim());
    let text = lines.filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join(" ");
    text.replace("( ", "(").replace(" )", ")").chars().take(LONGEST).collect()
}

fn operator(scopes: &Scopes, expr: &Expr) -> Option<Operator> {
    let path = scopes.path(expr)?;
    let [torch, ops, namespace, operator, rest @ ..] = path.as_slice() else { return None };
    if torch != "torch" || ops != "ops" || OWN.contains(&namespace.as_str()) {
        return None;
    }
    let overload = match rest {
        [] => None,
        [overload] => Some(overload.clone()),
        _ => return None,
    };
    Some((namespace.clone(), operator.clone(), overload))
}

fn passed(scopes: &Scopes, arguments: &Arguments, skip: usize) -> Call {
    let mut call = Call::default();
    for value in arguments.args.iter().skip(skip) {
        if matches!(value, Expr::Starred(_)) {
            call.open = true;
        } else {
            call.positional.push(literal::passed(scopes, value));
        }
    }
    for keyword in &arguments.keywords {
        match &keyword.arg {
            Some(name) => call.keywords.push((name.to_string(), literal::passed(scopes, &keyword.value))),
            None => call.open = true,
        }
    }
    call
}
