//! An extension module that says it fits every Python and uses what not every Python has.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::python;

pub(super) static CHECK: Check = Check {
    id: "python-abi3",
    summary: "a module for the stable ABI uses symbols of Python that are not in it",
    severity: Severity::Warning,
    explain: "\
A module called `.abi3.so` says that it was built for the stable ABI: that it works in every Python from the one \
it was built for. Here it uses functions or variables of the interpreter that are not in that ABI, or only since \
a later version than the image's. They may be there all the same, but what they mean and what their structures \
look like may change with every minor version. The list of what is stable is CPython's own.

If the module was built for the image's very version, nothing happens. Else take a build for it, one with \
`.cpython-3N` in its name.",
    example: include_str!("../../../fixtures/checks/python-abi3/expected.txt"),
    run,
};

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    for path in case.changed.keys() {
        let name = String::from_utf8_lossy(path.name()).into_owned();
        let view = case.loader.view;
        let Some(node) = view.tree.get(path).filter(|_| name.ends_with(".abi3.so")) else {
            continue;
        };
        let minor = case.loader.python(path)?.and_then(|python| python.minor);
        let symbols = view.objects.symbols(path, node)?;
        let mut foreign = Vec::new();
        for symbol in symbols.undefined.iter().filter(|symbol| is_python(&symbol.name) && !symbol.weak) {
            match python::stable_since(&symbol.name) {
                None => foreign.push(format!("`{}`", symbol.name)),
                Some(since) if minor.is_some_and(|minor| since > minor) => {
                    foreign.push(format!("`{}` (stable since 3.{since})", symbol.name));
                }
                Some(_) => {}
            }
        }
        if let Some(first) = foreign.first() {
            let more = match foreign.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let message = format!("says it is for the stable ABI, and uses {first}{more}");
            let mut finding = Finding::new(CHECK.id, CHECK.severity, path.to_string(), message);
            finding.evidence.insert("symbols".to_owned(), foreign.join(", "));
            finding.help = minor.map(|minor| format!("take a build for Python 3.{minor}"));
            findings.add(finding, vec![path.clone()]);
        }
    }
    Ok(())
}

/// A name of the interpreter's.
fn is_python(name: &str) -> bool {
    name.starts_with("Py") || name.starts_with("_Py")
}
