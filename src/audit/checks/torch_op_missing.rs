//! Calls of torch operators that no library defines.

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
    summary: "a torch operator is called that the library of its package does not have",
    severity: Severity::Error,
    explain: "\
`torch.ops.ns.op` is looked up when the call is made. When the library that registers the operators of `ns` is of \
another build and has no `op`, the file imports well and fails with an AttributeError at the first call.

It is an error where the library had the operator before the build and does not have it any more. Packages call \
operators that only their builds for other devices have, so without such a before it is a note. Nothing is told of \
namespaces that no library of the package is known to register, of operators that any file of the image defines, and of calls behind a condition on another device or a handler.

To fix it, take the library and the Python files from one build.",
    example: include_str!("../../../fixtures/checks/torch-op-missing/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    operators::tell(&CHECK, case.operators()?, findings, message);
    Ok(())
}

fn message(verdict: &Verdict) -> Option<(Severity, String, String)> {
    let Fault::Missing = verdict.fault else { return None };
    if verdict.is_guarded() {
        return None;
    }
    let symbol = verdict.symbol();
    let severity = if verdict.severity() == Severity::Error { Severity::Error } else { Severity::Note };
    let (namespace, operator) = symbol.split_once("::")?;
    let raises = format!("AttributeError: '_OpNamespace' '{namespace}' object has no attribute '{operator}'");
    Some((severity, format!("calls `{symbol}`, which no library of its package defines"), raises))
}
