//! What PyTorch says when an operator is called with arguments that its schema does not take.
//!
//! The wording and its order are those of `createStackForSchema` in torch/csrc/jit/python/pybind_utils.h. The
//! error is a `RuntimeError`, not a `TypeError`.

use std::collections::BTreeSet;

/// An argument of a schema.
struct Parameter {
    name: String,
    default: bool,
    keyword_only: bool,
}

/// The error of `call` (Python source, one call) of the operator `name` with the schema `declared`; `None`
/// when the call would pass or cannot be counted (`*args`, `**kwargs`).
pub(super) fn error(name: &str, declared: &str, call: &str) -> Option<String> {
    let schema = parameters(declared)?;
    let (positional, keywords) = arguments(call)?;
    let declaration = declaration(name, declared);
    let all = positional + keywords.len();
    if all > schema.len() {
        let most = schema.len();
        return Some(format!(
            "RuntimeError: {name}() expected at most {most} argument(s) but received {all} argument(s). \
             Declaration: {declaration}"
        ));
    }
    if let Some(place) = schema.iter().take(positional).position(|parameter| parameter.keyword_only) {
        return Some(format!(
            "RuntimeError: {name}() takes {place} positional argument(s) but {positional} was/were given.  \
             Declaration: {declaration}"
        ));
    }
    let mut open = keywords;
    for parameter in schema.iter().skip(positional) {
        if !open.remove(&parameter.name) && !parameter.default {
            let missing = &parameter.name;
            return Some(format!(
                "RuntimeError: {name}() is missing value for argument '{missing}'. Declaration: {declaration}"
            ));
        }
    }
    let unknown = open.first()?;
    Some(format!(
        "RuntimeError: Unknown keyword argument '{unknown}' for operator '{name}'. Schema: {declaration}"
    ))
}

/// The schema with its namespace, as PyTorch prints it.
fn declaration(name: &str, declared: &str) -> String {
    match (name.split_once("::"), declared.split_once('(')) {
        (Some((space, _)), Some((head, _))) if !head.contains("::") => format!("{space}::{declared}"),
        _ => declared.to_owned(),
    }
}

/// The parameters of `op(Tensor a, int b=1, *, str? c=None) -> Tensor`.
fn parameters(declared: &str) -> Option<Vec<Parameter>> {
    let mut keyword_only = false;
    let mut all = Vec::new();
    for text in list(declared)? {
        if text == "*" {
            keyword_only = true;
            continue;
        }
        let (before, default) = match text.split_once('=') {
            Some((before, _)) => (before, true),
            None => (text.as_str(), false),
        };
        let name = before.split_whitespace().next_back()?.to_owned();
        all.push(Parameter { name, default, keyword_only });
    }
    Some(all)
}

/// How many positional arguments a call has, and the names of the others.
fn arguments(call: &str) -> Option<(usize, BTreeSet<String>)> {
    let mut positional = 0;
    let mut keywords = BTreeSet::new();
    for text in list(call)? {
        if text.starts_with('*') {
            return None;
        }
        match text.split_once('=') {
            Some((name, value)) if is_name(name.trim()) && !value.starts_with('=') => {
                keywords.insert(name.trim().to_owned());
            }
            _ => positional += 1,
        }
    }
    Some((positional, keywords))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// What stands between the commas of the first parentheses; `None` when they do not close.
fn list(text: &str) -> Option<Vec<String>> {
    let (_, inside) = text.split_once('(')?;
    let mut parts = vec![String::new()];
    let (mut depth, mut quote) = (0_usize, None);
    for c in inside.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') if depth > 0 => depth -= 1,
            (None, ')') => {
                let parts = parts.iter().map(|part| part.trim().to_owned());
                return Some(parts.filter(|part| !part.is_empty()).collect());
            }
            (None, ',') if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wording_is_that_of_pytorch() {
        let schema = "op(Tensor(a!) q, int n, *, float eps=1e-5, bool norm) -> ()";
        let error = |call: &str| error("ns::op", schema, call);
        let full = format!("ns::{schema}");
        for (call, want) in [
            ("torch.ops.ns.op(q, 2, norm=True)", None),
            ("f(q, n, norm=True, eps=g(1, 2))", None),
            ("f(*everything)", None),
            ("f(q", None),
            (
                "f(q, n)",
                Some(format!(
                    "RuntimeError: ns::op() is missing value for argument 'norm'. Declaration: {full}"
                )),
            ),
            (
                "f(q, [1, 2], \"a,)b\", x == 1, 5)",
                Some(format!(
                    "RuntimeError: ns::op() expected at most 4 argument(s) but received 5 argument(s). Declaration: {full}"
                )),
            ),
            (
                "f(q, 1, True)",
                Some(format!(
                    "RuntimeError: ns::op() takes 2 positional argument(s) but 3 was/were given.  Declaration: {full}"
                )),
            ),
            (
                "f(q, 1, norm=1, nrm=2)",
                Some(format!(
                    "RuntimeError: Unknown keyword argument 'nrm' for operator 'ns::op'. Schema: {full}"
                )),
            ),
        ] {
            assert_eq!(error(call), want, "{call}");
        }
    }
}
