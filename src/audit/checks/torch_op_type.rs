//! Calls of torch operators with a value that cannot be of the argument's type.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::operators;
use crate::audit::operators::Fault;
use crate::audit::operators::Verdict;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::torch::Misfit;
use crate::torch::Passed;
use crate::torch::Shape;

pub(super) static CHECK: Check = Check {
    id: "torch-op-type",
    summary: "a call passes a torch operator a value of another type",
    severity: Severity::Error,
    explain: "\
PyTorch converts each value of a call to the type that the operator's schema declares, and refuses the call with a \
RuntimeError where it cannot: a number where a tensor is wanted, a string where a number is. A whole number does for \
`float`, a tensor of one element for a number, None for a tensor.

What is passed is known where it is written out in the call: an error. Where a parameter with an annotation is handed \
on, only its annotation is known, which nothing enforces: a note, and a warning where the operator used to take \
just that.

To fix it, take the library and the Python files from one build, or patch the call.",
    example: include_str!("../../../fixtures/checks/torch-op-type/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    operators::tell(&CHECK, case.operators()?, findings, message);
    Ok(())
}

fn message(verdict: &Verdict) -> Option<(Severity, String, String)> {
    let Fault::Misfit(misfits) = &verdict.fault else { return None };
    let Some(Misfit::Kind { argument, passed }) = misfits.first() else { return None };
    let (how, shape) = match passed {
        Passed::Literal(shape) => ("passes", shape),
        Passed::Annotated(shape) => ("passes what is annotated as", shape),
        Passed::Unknown => return None,
    };
    let symbol = verdict.symbol();
    let name = shape_name(*shape);
    let what = format!("{how} {name} as `{}` to `{symbol}`, which takes `{}`", argument.name, argument.kind);
    let sure = matches!(passed, Passed::Literal(_));
    // Annotations are often wrong; one that agrees with what the file was written for is not.
    let least = if verdict.written_for.is_some() { Severity::Warning } else { Severity::Note };
    let severity = if sure { verdict.severity() } else { verdict.severity().max(least) };
    let raises = format!(
        "RuntimeError: {symbol}() Expected a value of type '{}' for argument '{}'",
        argument.kind, argument.name
    );
    Some((severity, what, raises))
}

const fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::None => "None",
        Shape::Bool => "a bool",
        Shape::Int => "an int",
        Shape::Float => "a float",
        Shape::Str => "a string",
        Shape::List => "a list",
        Shape::Tensor => "a tensor",
    }
}
