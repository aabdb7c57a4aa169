//! Values that are written out.

use ruff_python_ast::Expr;
use ruff_python_ast::Number;
use ruff_python_ast::UnaryOp;

use super::bind::Meaning;
use super::bind::Scopes;
use super::bind::last;
use crate::torch::Passed;
use crate::torch::Shape;

/// The content of a string.
pub(super) fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::StringLiteral(string) => Some(string.value.to_str()),
        _ => None,
    }
}

/// What is known of a value that is passed.
pub(super) fn passed(scopes: &Scopes, expr: &Expr) -> Passed {
    if let Expr::Name(name) = expr {
        return match scopes.lookup(name.id.as_str()) {
            Some(Meaning::Parameter(shape)) => Passed::Annotated(*shape),
            _ => Passed::Unknown,
        };
    }
    shape(expr).map_or(Passed::Unknown, Passed::Literal)
}

fn shape(expr: &Expr) -> Option<Shape> {
    match expr {
        Expr::StringLiteral(_) | Expr::FString(_) => Some(Shape::Str),
        Expr::NumberLiteral(number) => match number.value {
            Number::Int(_) => Some(Shape::Int),
            Number::Float(_) => Some(Shape::Float),
            Number::Complex { .. } => None,
        },
        Expr::BooleanLiteral(_) => Some(Shape::Bool),
        Expr::NoneLiteral(_) => Some(Shape::None),
        Expr::List(_) | Expr::Tuple(_) => Some(Shape::List),
        Expr::UnaryOp(unary) if matches!(unary.op, UnaryOp::USub | UnaryOp::UAdd) => {
            shape(&unary.operand).filter(|shape| matches!(shape, Shape::Int | Shape::Float))
        }
        _ => None,
    }
}

/// What kind of value an annotation promises; `None` when it leaves a choice.
pub(super) fn promised(annotation: &Expr) -> Option<Shape> {
    let name = text(annotation).or_else(|| last(annotation))?;
    match name {
        "Tensor" | "torch.Tensor" => Some(Shape::Tensor),
        "int" => Some(Shape::Int),
        "float" => Some(Shape::Float),
        "bool" => Some(Shape::Bool),
        "str" => Some(Shape::Str),
        _ => None,
    }
}
