//! Calls of operators.

use ruff_python_ast::Arguments;
use ruff_python_ast::Expr;
use ruff_python_ast::ExprCall;

use super::bind::Scopes;
use super::bind::is_name;
use super::bind::last;
use super::imports;
use super::literal;
use crate::torch::Call;
use crate::torch::Passed;

/// Longest copy of a call.
const LONGEST: usize = 1000;
/// Attributes of `torch.ops` that are no namespaces.
const OWN: [&str; 3] = ["load_library", "import_module", "loaded_libraries"];
/// Attributes of an operator that are no overloads (`torch/_ops.py`, `OpOverloadPacket`), besides those with `_` first.
const PACKET: [&str; 4] =
    ["overloads", "op", "has_kernel_for_dispatch_key", "has_kernel_for_any_dispatch_key"];

/// An operator: namespace, name, overload.
pub(in crate::python) type Operator = (String, String, Option<String>);

/// What a call reaches.
pub(super) enum Target {
    Operator(Operator),
    /// Something that another module gave, as `MODULE:NAME…`.
    Imported(String),
}

/// What a call reaches, if that is or may be an operator, where it is named, and what is passed on to it.
pub(super) fn read<'e>(scopes: &Scopes, call: &'e ExprCall) -> Option<(Target, &'e Expr, Call)> {
    let func = &*call.func;
    if let Some(operator) = operator(scopes, func) {
        return Some((Target::Operator(operator), func, passed(scopes, &call.arguments, 0)));
    }
    if let Some((target, first, open)) = handed(scopes, call) {
        let mut values = passed(scopes, &call.arguments, 1);
        values.open |= open;
        return Some((target, first, values));
    }
    let imported = imports::called(scopes, func)?;
    Some((Target::Imported(imported), func, passed(scopes, &call.arguments, 0)))
}

/// What a call of `partial` and its like is to call in its stead, and whether more values may come.
fn handed<'e>(scopes: &Scopes, call: &'e ExprCall) -> Option<(Target, &'e Expr, bool)> {
    let open = match last(&call.func)? {
        "auto_functionalized" | "auto_functionalized_v2" => false,
        "partial" => true,
        _ => return None,
    };
    let first = call.arguments.args.first()?;
    let operator = operator(scopes, first).map(Target::Operator);
    let target = operator.or_else(|| imports::called(scopes, first).map(Target::Imported))?;
    Some((target, first, open))
}

/// The operator that an expression looks up. A name that stands for one looks up nothing: that was done where it got
/// its meaning.
pub(super) fn named(scopes: &Scopes, expr: &Expr) -> Option<Operator> {
    let looks_up = match expr {
        Expr::Attribute(attribute) => attribute.ctx.is_load() && !is_name(&attribute.value, "self"),
        Expr::Call(call) => is_name(&call.func, "getattr") && call.arguments.args.len() == 2,
        _ => false,
    };
    looks_up.then(|| operator(scopes, expr)).flatten()
}

/// A call on one line, without comments, of at most [`LONGEST`] characters.
pub(super) fn source(text: &str) -> String {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or(line).trim());
    let text = lines.filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join(" ");
    let text = text.replace("( ", "(").replace(" )", ")");
    let text = text.strip_suffix(",)").map(|text| format!("{text})")).unwrap_or(text);
    text.chars().take(LONGEST).collect()
}

fn operator(scopes: &Scopes, expr: &Expr) -> Option<Operator> {
    let path = scopes.path(expr)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    at(&path)
}

/// The operator at a path such as `torch.ops.ns.op.default`.
pub(in crate::python) fn at(path: &[&str]) -> Option<Operator> {
    let ["torch", "ops", namespace, operator, rest @ ..] = path else { return None };
    if OWN.contains(namespace) {
        return None;
    }
    let overload = match rest {
        [] => None,
        [overload] if overload.starts_with('_') || PACKET.contains(overload) => return None,
        [overload] => Some((*overload).to_owned()),
        _ => return None,
    };
    Some(((*namespace).to_owned(), (*operator).to_owned(), overload))
}

fn passed(scopes: &Scopes, arguments: &Arguments, skip: usize) -> Call {
    let mut call = Call::default();
    for value in arguments.args.iter().skip(skip) {
        match value {
            Expr::Starred(_) => call.open = true,
            // After `*values` it is one more, at a place that nobody knows.
            _ if call.open => call.positional.push(Passed::Unknown),
            _ => call.positional.push(literal::passed(scopes, value)),
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
