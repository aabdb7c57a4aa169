//! Which facts of a file are worth the parsing.

use crate::oci::ImagePath;

/// What a file must have one of to call or define operators itself, or to read variables.
const OWN: [&str; 10] = [
    ".ops.",
    "torch.ops",
    "torch import ops",
    "torch._ops",
    "torch.library",
    "custom_op",
    "torch import library",
    "environ",
    "getenv",
    "env(\"",
];
/// What a file has that has to do with operators of other modules: PyTorch, or a module of a name such modules have.
const OTHERS: [&str; 7] = ["torch", "ops import ", "import ops", "_ops", "_core", "_C import ", "import _C"];

/// What to look for in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// What it does itself.
    pub(super) own: bool,
    /// What it has from other modules, and for them.
    pub(super) others: bool,
    /// It is the file of a package.
    pub(super) package: bool,
}

impl Reach {
    pub(super) fn of(path: Option<&ImagePath>, text: &str) -> Self {
        let package = path.is_some_and(|path| path.name() == b"__init__.py");
        let has = |signs: &[&str]| {
            signs.iter().any(|sign| memchr::memmem::find(text.as_bytes(), sign.as_bytes()).is_some())
        };
        let others = !path.is_some_and(is_of_torch) && (has(&OTHERS) || package && has(&["import "]));
        Self { own: has(&OWN), others, package }
    }
}

/// Nobody judges PyTorch's own calls.
fn is_of_torch(path: &ImagePath) -> bool {
    let parts: Vec<&[u8]> = path.components().collect();
    let site = |part: &[u8]| matches!(part, b"site-packages" | b"dist-packages");
    parts.windows(2).any(|pair| site(pair[0]) && pair[1] == b"torch")
}
