//! Whether PyTorch would take a call (`torch/csrc/jit/python/pybind_utils.h`, `createStackForSchema`).

use super::Argument;
use super::Call;
use super::Passed;
use super::Schema;
use super::Shape;
use super::Type;

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// More values than arguments.
    TooMany {
        /// How many can be passed.
        at_most: usize,
    },
    /// More values by place than arguments that can be passed so.
    TooManyPositional {
        /// How many can be passed by place.
        at_most: usize,
    },
    /// An argument without default gets no value.
    Missing {
        /// Its name.
        argument: String,
        /// It can be passed by name only.
        keyword_only: bool,
    },
    /// No argument has this name.
    Unknown {
        /// The name.
        keyword: String,
    },
    /// An argument gets a value by place and one by name.
    Twice {
        /// Its name.
        keyword: String,
    },
    /// A value that cannot be of the argument's type.
    Kind {
        /// The argument.
        argument: Box<Argument>,
        /// The value.
        passed: Passed,
    },
}

/// Every reason to refuse, in the order in which PyTorch would come to it; empty when the call fits. What a call with
/// `open` leaves out does not count as missing.
#[must_use]
pub fn fit(schema: &Schema, call: &Call) -> Vec<Misfit> {
    if schema.variadic {
        return Vec::new();
    }
    let mut found = Vec::new();
    let (_, at_most) = schema.arity();
    let by_place = schema.arguments.iter().take_while(|argument| !argument.keyword_only).count();
    if call.count() > at_most {
        found.push(Misfit::TooMany { at_most });
    } else if call.positional.len() > by_place {
        found.push(Misfit::TooManyPositional { at_most: by_place });
    }
    for argument in schema.arguments.iter().skip(call.positional.len()) {
        let named = call.keywords.iter().any(|(name, _)| *name == argument.name);
        if !named && argument.default.is_none() && !call.open {
            let (argument, keyword_only) = (argument.name.clone(), argument.keyword_only);
            found.push(Misfit::Missing { argument, keyword_only });
        }
    }
    for (keyword, _) in &call.keywords {
        match schema.arguments.iter().position(|argument| argument.name == *keyword) {
            None => found.push(Misfit::Unknown { keyword: keyword.clone() }),
            Some(place) if place < call.positional.len() => {
                found.push(Misfit::Twice { keyword: keyword.clone() });
            }
            Some(_) => {}
        }
    }
    found.extend(kinds(schema, call));
    found
}

fn kinds(schema: &Schema, call: &Call) -> Vec<Misfit> {
    let by_place = schema.arguments.iter().zip(call.positional.iter().copied());
    let by_name = call.keywords.iter().filter_map(|(name, passed)| {
        let argument = schema.arguments.iter().find(|argument| argument.name == *name)?;
        Some((argument, *passed))
    });
    let wrong = by_place.chain(by_name).filter(|(argument, passed)| match passed {
        Passed::Unknown => false,
        Passed::Literal(shape) | Passed::Annotated(shape) => !takes(&argument.kind, *shape),
    });
    wrong.map(|(argument, passed)| Misfit::Kind { argument: Box::new(argument.clone()), passed }).collect()
}

/// Whether `toIValue` of PyTorch can make a value of this type of that. In doubt it can.
fn takes(kind: &Type, shape: Shape) -> bool {
    if let Type::Optional(inner) = kind {
        return shape == Shape::None || takes(inner, shape);
    }
    if let Type::List(inner, length) = kind {
        // One number stands for all of `int[3]`; a tensor may be unpacked.
        return match shape {
            Shape::List | Shape::Tensor => true,
            Shape::None | Shape::Str => false,
            _ => length.is_some() && takes(inner, shape),
        };
    }
    match kind.name() {
        // No tensor at all is an undefined one.
        Some("Tensor") => matches!(shape, Shape::None | Shape::Tensor),
        // A tensor of one element is a number; a `bool` is a whole number.
        Some("int" | "SymInt") => matches!(shape, Shape::Int | Shape::Bool | Shape::Tensor),
        Some("float" | "SymFloat" | "Scalar" | "number") => {
            matches!(shape, Shape::Int | Shape::Bool | Shape::Float | Shape::Tensor)
        }
        Some("bool") => !matches!(shape, Shape::Str | Shape::List),
        Some("str") => shape == Shape::Str,
        Some("ScalarType") => !matches!(shape, Shape::Str | Shape::List | Shape::None | Shape::Float),
        _ => true,
    }
}
