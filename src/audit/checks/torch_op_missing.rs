//! Torch operators that are called, or taken, and that no library defines.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::operators;
use crate::audit::operators::Fault;
use crate::audit::operators::Verdict;
use crate::finding::Severity;
use crate::loader::ObjectError;

pub(super) static CHECK: Check = Check {
    id: "torch-op-missing",
    summary: "a torch operator is used that the library of its package does not have",
    severity: Severity::Error,
    explain: "\
`torch.ops.ns.op` is looked up when the line is run. When the library that registers the operators of `ns` is of \
another build and has no `op`, or no such overload of it, that fails with an AttributeError: at the first call, or at \
once where the line is run by the import, as in `op = torch.ops.ns.op.default`.

It is an error where the import fails that finds other operators of the library, where the operator has other overloads only, and where the library had the \
operator before the build and does not have it any more. Packages call operators that only their builds for other \
devices have, so without such a before it is a note; a warning where the library is not the one that the wheel \
brought (by the hash in RECORD). Nothing is told of namespaces that no library of the package is known to register, \
of operators that any file of the image defines, and of lines behind a condition on another device or a handler.

To fix it, take the library and the Python files from one build.",
    example: include_str!("../../../fixtures/checks/torch-op-missing/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    operators::tell(&CHECK, case.operators()?, findings, message);
    Ok(())
}

fn message(verdict: &Verdict) -> Option<(Severity, String, String)> {
    if verdict.is_guarded() {
        return None;
    }
    let symbol = verdict.symbol();
    let (namespace, operator) = symbol.split_once("::")?;
    let (what, raises) = match &verdict.fault {
        Fault::Missing { .. } => (
            format!("`{symbol}`, which no library of its package defines"),
            format!("'_OpNamespace' '{namespace}' object has no attribute '{operator}'"),
        ),
        Fault::Overload(name) => (
            format!("the overload `{name}` of `{symbol}`, which has none of this name"),
            format!("The underlying op of '{namespace}.{operator}' has no overload name '{name}'"),
        ),
        Fault::Misfit(_) | Fault::Some(_) => return None,
    };
    let severity = match verdict.fault {
        Fault::Missing { replaced } if verdict.severity() != Severity::Error => {
            if replaced {
                Severity::Warning
            } else {
                Severity::Note
            }
        }
        _ => verdict.severity(),
    };
    let how = if verdict.is_at_import() { "takes, when it is imported," } else { "uses" };
    Some((severity, format!("{how} {what}"), format!("AttributeError: {raises}")))
}
