//! The schema that `torch.library` infers from a function (`torch/_library/infer_schema.py`).

use ruff_python_ast::Expr;
use ruff_python_ast::ParameterWithDefault;
use ruff_python_ast::Parameters;
use ruff_python_ast::StmtFunctionDef;

use super::bind::last;
use super::literal;

/// `operator(Tensor x, int n=1) -> Any`; `None` when it takes `*` or `**`. Types that are not plain are `Any`.
pub(super) fn schema(operator: &str, function: &StmtFunctionDef, context: bool) -> Option<String> {
    let parameters: &Parameters = &function.parameters;
    if parameters.vararg.is_some() || parameters.kwarg.is_some() {
        return None;
    }
    let by_place = parameters.posonlyargs.iter().chain(&parameters.args).skip(usize::from(context));
    let mut arguments: Vec<String> = by_place.map(argument).collect();
    if !parameters.kwonlyargs.is_empty() {
        arguments.push("*".to_owned());
        arguments.extend(parameters.kwonlyargs.iter().map(argument));
    }
    Some(format!("{operator}({}) -> Any", arguments.join(", ")))
}

fn argument(parameter: &ParameterWithDefault) -> String {
    let kind = parameter.parameter.annotation.as_deref().map_or_else(|| "Any".to_owned(), kind);
    let default = if parameter.default.is_some() { "=None" } else { "" };
    format!("{kind} {}{default}", parameter.parameter.name.as_str())
}

fn kind(annotation: &Expr) -> String {
    let plain = |expr: &Expr| {
        let name = literal::text(expr).or_else(|| last(expr)).map(|name| name.trim_start_matches("torch."));
        name.filter(|name| matches!(*name, "Tensor" | "int" | "float" | "bool" | "str")).map(str::to_owned)
    };
    let optional = match annotation {
        Expr::Subscript(one) if last(&one.value) == Some("Optional") => plain(&one.slice),
        Expr::BinOp(one) if matches!(&*one.right, Expr::NoneLiteral(_)) => plain(&one.left),
        _ => None,
    };
    optional
        .map(|inner| format!("{inner}?"))
        .or_else(|| plain(annotation))
        .unwrap_or_else(|| "Any".to_owned())
}
