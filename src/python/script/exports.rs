//! What a module has for those who import it, at the end of the file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use super::bind::Meaning;
use super::bind::Scopes;
use super::imports;

/// Names of a module that may be operators, or have some.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exports {
    /// What each stands for: `torch.ops.NAMESPACE…`, or `MODULE:NAME…` of another module; `None` for anything else.
    /// The latter only where it matters: in packages and beside [`Exports::stars`].
    pub names: BTreeMap<String, Option<String>>,
    /// Modules, with a colon, of which it has every name.
    pub stars: Vec<String>,
    /// Only running it would tell what other names it has.
    pub open: bool,
}

/// Most names that are kept of one file.
const MOST: usize = 2000;
/// What changes the names of a module past its syntax.
const BEHIND: [&str; 2] = ["globals()", "sys.modules[__name__]"];

/// Fills in the names that a module ends with. `package`: the file is that of a package, whose modules are names of it
/// too.
pub(super) fn finish(exports: &mut Exports, text: &str, scopes: &Scopes, package: bool) {
    let whole = package || !exports.stars.is_empty();
    for (name, meaning) in scopes.module() {
        let followed = Some(meaning).filter(|_| imports::is_followed(meaning) && !scopes.is_unsure(name));
        match followed {
            Some(Meaning::Path(path)) if is_worth(name, path) => {
                drop(exports.names.insert(name.clone(), Some(imports::text(path))));
            }
            _ if whole && !imports::is_class(name) => drop(exports.names.insert(name.clone(), None)),
            _ => {}
        }
    }
    exports.open = scopes.module().any(|(name, _)| name == "__getattr__");
    if exports.names.len() > MOST || BEHIND.iter().any(|sign| text.contains(sign)) {
        *exports = Exports { open: true, ..Exports::default() };
    }
}

/// Classes and whole packages are seldom what somebody calls as an operator.
fn is_worth(name: &str, path: &[String]) -> bool {
    let imported = imports::is_imported(path);
    let whole = path.len() == 1 && !path.iter().any(|module| module.contains('.'));
    !imported || !imports::is_class(name) && !whole
}
