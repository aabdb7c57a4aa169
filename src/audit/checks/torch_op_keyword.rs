//! Calls of torch operators that name arguments which do not exist, or leave out one that has to be named.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::operators;
use crate::audit::operators::Fault;
use crate::audit::operators::Verdict;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::torch::Misfit;

pub(super) static CHECK: Check = Check {
    id: "torch-op-keyword",
    summary: "a call names an argument that the torch operator does not have",
    severity: Severity::Error,
    explain: "\
Arguments of a torch operator can be passed by the names that its schema has, and those behind `*` only so. When a \
library of another build renames, removes or adds one, calls that use names are refused with a RuntimeError when they \
are made, though their number is right.

Told are names that the schema does not have, arguments that get a value by place and one by name, and arguments \
behind `*` that have no default and get none.

To fix it, take the library and the Python files from one build, or patch the call.",
    example: include_str!("../../../fixtures/checks/torch-op-keyword/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    operators::tell(&CHECK, case.operators()?, findings, message);
    Ok(())
}

fn message(verdict: &Verdict) -> Option<(Severity, String, String)> {
    let (Fault::Misfit(misfits) | Fault::Some(misfits)) = &verdict.fault else { return None };
    let symbol = verdict.symbol();
    let unknown =
        misfits.iter().find(|misfit| matches!(misfit, Misfit::Unknown { .. } | Misfit::Twice { .. }));
    let (what, raises) = match unknown.or_else(|| misfits.first())? {
        Misfit::Unknown { keyword } => (
            format!("passes `{keyword}` to `{symbol}`, which has no argument of this name"),
            format!("Unknown keyword argument '{keyword}' for operator '{symbol}'"),
        ),
        Misfit::Twice { keyword } => (
            format!("passes `{keyword}` to `{symbol}` by place and by name"),
            format!("Argument '{keyword}' specified both as positional and keyword argument"),
        ),
        Misfit::Missing { argument, keyword_only: true } => (
            format!("does not pass `{argument}` to `{symbol}`, which must be passed by name"),
            format!("{symbol}() is missing value for argument '{argument}'"),
        ),
        _ => return None,
    };
    let some = matches!(verdict.fault, Fault::Some(_));
    let what = if some { format!("{what}, in one of its builds") } else { what };
    // PyTorch looks for values that are missing before it looks at names.
    let raises = match misfits.first()? {
        Misfit::Missing { argument, .. } => format!("{symbol}() is missing value for argument '{argument}'"),
        _ => raises,
    };
    Some((
        verdict.severity(),
        what,
        format!("RuntimeError: {raises}. Declaration: {}", verdict.declaration()),
    ))
}
