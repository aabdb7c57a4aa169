//! An extension module for another Python.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;

pub(super) static CHECK: Check = Check {
    id: "python-tag-mismatch",
    summary: "an extension module is for another Python than the one that would import it",
    severity: Severity::Error,
    explain: "\
CPython imports an extension module only by the suffixes it was built with, such as \
`.cpython-312-x86_64-linux-gnu.so`, or by `.abi3.so` and `.so`. A module with the tag of another minor version \
is not seen: `ModuleNotFoundError`, although the file is there. The interpreter is the one whose \
`site-packages` or `dist-packages` the file is in.

To fix it, graft the file that was built for the image's Python. Renaming does not help: the interpreter's \
structures differ between minor versions.",
    example: include_str!("../../../fixtures/checks/python-tag-mismatch/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for path in case.changed.keys().filter(|path| case.loader.catalogue.get(path).is_some()) {
        let name = String::from_utf8_lossy(path.name()).into_owned();
        let Some(tag) = tag(&name) else {
            continue;
        };
        let minor = case.loader.python(path)?.and_then(|python| python.minor);
        if let Some(minor) = minor.filter(|minor| *minor != tag) {
            let message = format!("is for CPython 3.{tag}, in a directory of Python 3.{minor}");
            let mut finding = Finding::new(CHECK.id, CHECK.severity, path.to_string(), message);
            finding.symbol = Some(format!("cpython-3{tag}"));
            finding.help = Some(format!("graft the file that was built for Python 3.{minor}"));
            findings.add(finding, vec![path.clone()]);
        }
    }
    Ok(())
}

/// `N` of a name with `.cpython-3N`.
fn tag(name: &str) -> Option<u32> {
    let digits = name.split_once(".cpython-3")?.1;
    let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for (name, want) in [
            ("bindings.cpython-312-x86_64-linux-gnu.so", Some(12)),
            ("x.cpython-39-x86_64-linux-gnu.so", Some(9)),
            ("_C.abi3.so", None),
            ("libtorch.so", None),
        ] {
            assert_eq!(tag(name), want, "{name}");
        }
    }
}
