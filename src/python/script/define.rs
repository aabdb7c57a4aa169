//! Operators that Python defines (`torch/library.py`, `torch/_library/custom_ops.py`).

use ruff_python_ast::Expr;
use ruff_python_ast::ExprCall;
use ruff_python_ast::StmtFunctionDef;

use super::OpDefinition;
use super::bind::LIBRARY;
use super::bind::Scopes;
use super::bind::last;
use super::signature;

/// Functions that register something for an operator that is defined elsewhere.
const FAKE: [&str; 3] = ["register_fake", "impl_abstract", "register_meta"];
const FOR_OTHERS: [&str; 9] = [
    "impl",
    "fallthrough",
    "register_autograd",
    "register_kernel",
    "register_vmap",
    "register_torch_dispatch",
    "register_autocast",
    "opcheck",
    "get_op",
];

/// What a decorator with arguments makes of the function below it.
pub(super) fn decorated(
    scopes: &Scopes,
    call: &ExprCall,
    function: &StmtFunctionDef,
) -> Option<OpDefinition> {
    let kind = last(&call.func)?;
    if FOR_OTHERS.contains(&kind) {
        return None;
    }
    let name = call.arguments.args.first().and_then(|first| scopes.text(first))?;
    let (namespace, operator) = split(&name)?;
    let written = argument(call, "schema", 1).and_then(|schema| scopes.text(schema));
    let inferred = kind == "custom_op" || kind == "triton_op" || FAKE.contains(&kind);
    let schema = written
        .filter(|text| text.starts_with('('))
        .map(|text| format!("{operator}{text}"))
        .or_else(|| inferred.then(|| signature::schema(&operator, function, false)).flatten());
    Some(OpDefinition { namespace, operator, schema, fake: FAKE.contains(&kind), line: 0 })
}

/// What a call by itself defines. `functions` gives the functions of the file by name.
pub(super) fn called<'a>(
    scopes: &Scopes,
    call: &ExprCall,
    functions: impl Fn(&str) -> Option<&'a StmtFunctionDef>,
) -> Option<OpDefinition> {
    let kind = last(&call.func)?;
    let define = |namespace, operator: String, schema| {
        Some(OpDefinition { namespace, operator, schema, fake: false, line: 0 })
    };
    if kind == "direct_register_custom_op" {
        let operator = argument(call, "op_name", 0).and_then(|name| scopes.text(name))?;
        let function = argument(call, "op_func", 1).and_then(last).and_then(functions);
        let schema = function.and_then(|function| signature::schema(&operator, function, false));
        return define(None, operator, schema);
    }
    if FAKE.contains(&kind) || FOR_OTHERS.contains(&kind) {
        return None;
    }
    let first = scopes.text(call.arguments.args.first()?)?;
    let head = first.split('(').next().unwrap_or_default().trim();
    let (named, operator) = split(head)?;
    let path = scopes.path(&call.func).unwrap_or_default();
    let library = match path.as_slice() {
        [library, namespace, ..] if library == LIBRARY => Some(namespace.clone()),
        _ => None,
    };
    let operator_of = |text: &str| text.split('.').next().unwrap_or_default().to_owned();
    if kind == "define" && first.contains('(') {
        return define(
            named.or(library),
            operator_of(&operator),
            Some(first[first.find(&operator)?..].to_owned()),
        );
    }
    named.as_ref()?;
    let schema = argument(call, "schema", 1).and_then(|schema| scopes.text(schema));
    let schema = schema.filter(|text| text.starts_with('(')).map(|text| format!("{operator}{text}"));
    let known =
        kind == "define" || kind == "custom_op" || kind.contains("register") || kind.contains("define");
    if known { define(named, operator_of(&operator), schema) } else { None }
}

fn argument<'a>(call: &'a ExprCall, name: &str, place: usize) -> Option<&'a Expr> {
    let keywords = &call.arguments.keywords;
    let named = keywords.iter().find(|keyword| keyword.arg.as_ref().is_some_and(|own| own.as_str() == name));
    named.map(|keyword| &keyword.value).or_else(|| call.arguments.args.get(place))
}

/// `ns::op`, `ns::op.overload` or `op`.
fn split(name: &str) -> Option<(Option<String>, String)> {
    let (namespace, operator) = match name.split_once("::") {
        Some((namespace, operator)) => (Some(namespace.to_owned()), operator),
        None => (None, name),
    };
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
    let sound = !operator.is_empty() && operator.len() <= 256 && operator.bytes().all(word);
    sound.then(|| (namespace, operator.to_owned()))
}
