//! Calls of torch operators with too few or too many values.

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
    id: "torch-op-arity",
    summary: "a call passes a torch operator too few or too many values",
    severity: Severity::Error,
    explain: "\
A library registers its operators with PyTorch by a line of text, `name(Tensor a, int b=1) -> Tensor`. PyTorch holds \
every call against that text when it is made, so a library and Python files of two builds import and start well, and \
fail with a RuntimeError at the first call.

The text stands in the library, the calls in the Python files; both are read here, and counted. Arguments with a \
default may be left out. A call with `*values`, or one behind a condition on another device or a handler that \
catches the error, is no error here.

To fix it, take the library and the Python files from one build, or patch the call.",
    example: include_str!("../../../fixtures/checks/torch-op-arity/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    operators::tell(&CHECK, case.operators()?, findings, message);
    Ok(())
}

fn message(verdict: &Verdict) -> Option<(Severity, String, String)> {
    let (misfits, some) = match &verdict.fault {
        Fault::Misfit(misfits) => (misfits, false),
        Fault::Some(misfits) => (misfits, true),
        Fault::Missing { .. } | Fault::Overload(_) => return None,
    };
    if misfits.iter().any(|misfit| matches!(misfit, Misfit::Unknown { .. } | Misfit::Twice { .. })) {
        return None;
    }
    let (symbol, count) = (verdict.symbol(), verdict.count());
    let first = misfits.first()?;
    let (what, raises) = match first {
        Misfit::TooMany { at_most } => (
            format!("passes {count} values to `{symbol}`, which takes at most {at_most}"),
            format!("{symbol}() expected at most {at_most} argument(s) but received {count} argument(s)"),
        ),
        Misfit::TooManyPositional { at_most } => {
            let given = verdict.positional();
            (
                format!("passes {given} values to `{symbol}` by place, which takes {at_most} so"),
                format!("{symbol}() takes {at_most} positional argument(s) but {given} was/were given"),
            )
        }
        Misfit::Missing { argument, keyword_only: false } => {
            let missing = misfits.iter().filter(|misfit| matches!(misfit, Misfit::Missing { .. })).count();
            (
                format!(
                    "passes {count} values to `{symbol}`, which wants {}: `{argument}` is missing",
                    count + missing
                ),
                format!("{symbol}() is missing value for argument '{argument}'"),
            )
        }
        _ => return None,
    };
    let what = if some { format!("{what}, in one of its builds") } else { what };
    let raises = format!("RuntimeError: {raises}. Declaration: {}", verdict.declaration());
    Some((verdict.severity(), what, raises))
}
