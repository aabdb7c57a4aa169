//! What one Python file says to others: operators that it calls and defines, variables that it reads.
//!
//! Names are followed through imports and plain assignments; what only running the file would tell is left out.

mod bind;
mod binding;
pub(super) mod call;
mod define;
mod exports;
mod guard;
mod imports;
mod literal;
mod reach;
mod signature;
mod variable;
mod walk;

pub use exports::Exports;
pub use guard::other_machine;
use reach::Reach;
use ruff_python_parser::Mode;
use ruff_python_parser::ParseOptions;
use ruff_python_parser::parse_unchecked;
use serde::Deserialize;
use serde::Serialize;

use super::depth;
use super::names;
use crate::oci::ImagePath;
use crate::torch;

/// Facts of one Python file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Calls of operators, from the top.
    pub calls: Vec<OpCall>,
    /// Operators that are named without a call, as in `op = torch.ops.ns.op.default`, from the top. They are looked
    /// up there and then.
    pub named: Vec<OpCall>,
    /// Operators that it defines, from the top.
    pub defined: Vec<OpDefinition>,
    /// Environment variables that it reads by a name that stands in it, sorted.
    pub env: Vec<String>,
    /// Quoted names that look like environment variables, in files that speak of an environment at all; sorted.
    /// One that ends with `_` can be the beginning of a name that is made at run time.
    pub names: Vec<String>,
    /// What it has for those who import it.
    pub exports: Exports,
    /// Calls of what other modules gave, from the top: whether those are operators, the modules say.
    pub imported: Vec<Imported>,
    /// Attributes of other modules that it sets, as `MODULE:NAME`.
    pub set: Vec<String>,
}

/// One call of what another module gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// `MODULE:NAME…`, the module as the import names it.
    pub path: String,
    /// The call, of an operator without a name.
    pub call: OpCall,
}

/// One call of `torch.ops.NAMESPACE.OPERATOR[.OVERLOAD]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpCall {
    /// The namespace.
    pub namespace: String,
    /// The operator.
    pub operator: String,
    /// The overload, when the call names one: `default` is the one without a name.
    pub overload: Option<String>,
    /// Line where the call begins, from 1.
    pub line: usize,
    /// Line where it ends.
    pub end: usize,
    /// The call as it is written, on one line, of at most 1,000 characters.
    pub text: String,
    /// What is passed.
    pub call: torch::Call,
    /// It runs whenever the file is imported: neither a function nor a condition is around it.
    pub at_import: bool,
    /// Why it may never run, or may fail without harm: the condition or handler around it, in a few words.
    pub guard: Option<String>,
    /// The module that gave a name to the operator, when it is not the file of the call. In no note: what a name stands
    /// for, the files of a tree say together.
    #[serde(skip)]
    pub bound_in: Option<ImagePath>,
}

/// An operator that Python defines, or stands in for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpDefinition {
    /// The namespace; `None` when only running the file would tell.
    pub namespace: Option<String>,
    /// The operator.
    pub operator: String,
    /// Its schema without namespace, when it is written out or follows from the function.
    pub schema: Option<String>,
    /// It only describes an operator that others define (`register_fake`): what the file was written for.
    pub fake: bool,
    /// Line, from 1.
    pub line: usize,
}

impl Script {
    /// Every place where an operator is looked up: calls, then those that only name one.
    pub fn lookups(&self) -> impl Iterator<Item = &OpCall> {
        self.calls.iter().chain(&self.named)
    }

    /// Whether nothing was found that is worth keeping.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The facts of a file with this text; only its quoted names when it does not parse.
#[must_use]
pub fn script(text: &str) -> Script {
    read(text, Reach::of(None, text))
}

/// The facts of the file at this path: those of a package's file, and of PyTorch's own files, are others.
#[must_use]
pub fn script_at(path: &ImagePath, text: &str) -> Script {
    read(text, Reach::of(Some(path), text))
}

fn read(text: &str, reach: Reach) -> Script {
    Script { names: names::names(text), ..syntax(text, reach) }
}

/// What the syntax tree tells.
fn syntax(text: &str, reach: Reach) -> Script {
    if !reach.own && !reach.others {
        return Script::default();
    }
    let script = depth::within(text, |text| tree(text, reach.package)).unwrap_or_default();
    let own = |script: Script| Script {
        exports: Exports::default(),
        imported: Vec::new(),
        set: Vec::new(),
        ..script
    };
    if reach.others { script } else { own(script) }
}

fn tree(text: &str, package: bool) -> Script {
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let mut walk = walk::Walk::new(text);
    parsed.syntax().as_module().into_iter().for_each(|module| walk.module(&module.body));
    let (script, deep) = walk.finish(package);
    let sound = parsed.errors().is_empty();
    if deep {
        // Freeing a tree of a million levels takes a million stack frames.
        std::mem::forget(parsed);
    }
    if sound { script } else { Script::default() }
}
