//! Conditions and handlers around a call that make it harmless on the machine that the image is for.

use ruff_python_ast::CmpOp;
use ruff_python_ast::ExceptHandler;
use ruff_python_ast::Expr;
use ruff_python_ast::Stmt;
use ruff_python_ast::UnaryOp;
use ruff_python_ast::visitor;
use ruff_python_ast::visitor::Visitor;

use super::bind::last;

/// Words of names that mean a machine other than one with an NVIDIA device and Linux.
const ELSEWHERE: [&str; 26] = [
    "hip", "rocm", "xpu", "npu", "musa", "hpu", "tpu", "mlu", "cpu", "ipex", "mps", "neuron", "gaudi",
    "cann", "ascend", "maca", "aiter", "win32", "windows", "darwin", "macos", "arm", "aarch64", "amx",
    "meta", "onnx",
];
/// What a handler must catch to keep a refused call from doing harm.
const CATCHING: [&str; 6] =
    ["TypeError", "RuntimeError", "AttributeError", "NotImplementedError", "Exception", "BaseException"];
/// Deepest condition that is looked into.
const DEPTH: usize = 32;

/// Why one side of a condition may not run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sides {
    /// When it holds.
    pub(super) then: Option<String>,
    /// When it does not.
    pub(super) otherwise: Option<String>,
}

/// What a condition says about the machine or about what there is.
pub(super) fn sides(test: &Expr) -> Sides {
    inner(test, 0)
}

fn inner(test: &Expr, depth: usize) -> Sides {
    if depth > DEPTH {
        return Sides::default();
    }
    match test {
        Expr::UnaryOp(unary) if unary.op == UnaryOp::Not => inner(&unary.operand, depth + 1).swapped(),
        Expr::BoolOp(all) if all.op == ruff_python_ast::BoolOp::And => {
            let then = all.values.iter().find_map(|value| inner(value, depth + 1).then);
            Sides { then, otherwise: None }
        }
        Expr::BoolOp(any) => {
            let sides: Vec<Sides> = any.values.iter().map(|value| inner(value, depth + 1)).collect();
            let then = sides.iter().map(|side| side.then.clone()).collect::<Option<Vec<_>>>();
            let then = then.map(|reasons| reasons.join(" or "));
            Sides { then, otherwise: sides.into_iter().find_map(|side| side.otherwise) }
        }
        Expr::Compare(compare) => {
            let against = matches!(&*compare.ops, [CmpOp::NotEq | CmpOp::NotIn])
                || matches!((&*compare.ops, &*compare.comparators), ([CmpOp::Is], [Expr::NoneLiteral(_)]));
            let sides = leaf(test);
            if against { sides.swapped() } else { sides }
        }
        _ => leaf(test),
    }
}

impl Sides {
    fn swapped(self) -> Self {
        Self { then: self.otherwise, otherwise: self.then }
    }
}

fn leaf(test: &Expr) -> Sides {
    let mut words = Words::default();
    words.visit_expr(test);
    if let Some(word) = words.0.iter().find_map(|word| elsewhere(word)) {
        return Sides { then: Some(format!("only with `{word}`")), otherwise: None };
    }
    if words.0.iter().any(|word| word == "hasattr") {
        return Sides { then: Some("only where `hasattr` finds it".to_owned()), otherwise: None };
    }
    let any = |part: &str| words.0.iter().any(|word| word.split('_').any(|own| own == part));
    if any("cuda") && !any("capability") && !any("count") && !any("version") {
        return Sides { then: None, otherwise: Some("only without `cuda`".to_owned()) };
    }
    if words.0.iter().any(|word| word == "version" || word == "__version__") {
        let both = Some("only with some versions".to_owned());
        return Sides { then: both.clone(), otherwise: both };
    }
    Sides::default()
}

fn elsewhere(word: &str) -> Option<&str> {
    word.split(['_', '.']).find(|part| ELSEWHERE.contains(part))
}

/// Why something with this name may be for another machine than one with an NVIDIA device and Linux: `forward_hip`.
#[must_use]
pub fn other_machine(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let name = name.as_str();
    let parts = name.split('_').find(|part| *part != "cpu" && *part != "meta" && ELSEWHERE.contains(part));
    parts.or_else(|| name.ends_with("_cpu").then_some("cpu")).map(|word| format!("only with `{word}`"))
}

/// All names, attributes and strings of an expression, in small letters.
#[derive(Default)]
struct Words(Vec<String>, usize);

impl<'a> Visitor<'a> for Words {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Some(name) = super::literal::text(expr).or_else(|| last(expr))
            && self.0.len() < 64
        {
            self.0.extend(name.split('.').take(8).map(str::to_lowercase));
        }
        self.1 += 1;
        if self.1 < DEPTH {
            visitor::walk_expr(self, expr);
        }
        self.1 -= 1;
    }
}

/// What the handlers of a `try` catch, when it covers a refused call and is not raised again.
pub(super) fn caught(handlers: &[ExceptHandler]) -> Option<String> {
    handlers.iter().find_map(|handler| {
        let ExceptHandler::ExceptHandler(handler) = handler;
        let name = match handler.type_.as_deref() {
            None => "everything",
            Some(Expr::Tuple(all)) => all.iter().filter_map(last).find(|name| CATCHING.contains(name))?,
            Some(one) => last(one).filter(|name| CATCHING.contains(name))?,
        };
        let again = handler.body.iter().any(|stmt| matches!(stmt, Stmt::Raise(_)));
        (!again).then(|| format!("`{name}` is caught"))
    })
}
