//! What names stand for, scope by scope.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use ruff_python_ast::Expr;

use super::imports;
use super::literal;
use crate::torch::Shape;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Something reached by this path, such as `torch.ops.ns`. Of what another module gave, the module is first, with
    /// a colon: `.ops:`, `f` (`imports.rs`).
    Path(Vec<String>),
    /// A string.
    Text(String),
    /// A parameter whose annotation names this.
    Parameter(Shape),
    /// Something else.
    Other,
}

/// One module, class or function.
#[derive(Debug, Default)]
pub(super) struct Scope {
    names: BTreeMap<String, Meaning>,
    /// How many `if`, `for`, `try` … are around.
    pub(super) branches: usize,
    /// It is that of a class: its names are attributes of `self`.
    class: bool,
}

/// All scopes around a place, the innermost last.
#[derive(Debug)]
pub(super) struct Scopes {
    stack: Vec<Scope>,
    /// What `self.NAME` stands for, in the whole file.
    attributes: BTreeMap<String, Meaning>,
    /// Names of the module that do not always have their meaning: functions change them, or they get it only on some
    /// machines.
    unsure: BTreeSet<String>,
}

/// What an expression begins with, and what that stood for: the rest of the file may give it another meaning before a
/// function runs that was defined with this one.
#[derive(Debug)]
pub(super) enum Root {
    Module(String, Meaning),
    Attribute(String, Meaning),
}

/// Functions that give back the operator they are given (`torch/_dynamo/decorators.py`).
const SAME: [&str; 2] = ["disallow_in_graph", "allow_in_graph"];

/// Path of a `torch.library.Library`, before its namespace.
pub(super) const LIBRARY: &str = "<library>";

impl Scopes {
    pub(super) fn new() -> Self {
        Self { stack: vec![Scope::default()], attributes: BTreeMap::new(), unsure: BTreeSet::new() }
    }

    pub(super) fn enter(&mut self) {
        self.stack.push(Scope::default());
    }

    pub(super) fn enter_class(&mut self) {
        self.stack.push(Scope { class: true, ..Scope::default() });
    }

    pub(super) fn leave(&mut self) {
        self.stack.pop();
    }

    pub(super) fn innermost(&mut self) -> Option<&mut Scope> {
        self.stack.last_mut()
    }

    /// A name gets a meaning. A second one that is not sure to replace the first leaves it open.
    pub(super) fn bind(&mut self, name: &str, meaning: Meaning) {
        if let Some(scope) = self.stack.last_mut() {
            let open = scope.branches > 0 && scope.names.get(name).is_some_and(|known| *known != meaning);
            let meaning = if open { Meaning::Other } else { meaning };
            scope.names.insert(name.to_owned(), meaning.clone());
            if scope.class {
                self.bind_attribute(name, meaning);
            }
        }
    }

    /// `self.name` gets a meaning, which holds when it is the only one.
    pub(super) fn bind_attribute(&mut self, name: &str, meaning: Meaning) {
        let known = self.attributes.get(name).is_none_or(|known| *known == meaning);
        self.attributes.insert(name.to_owned(), if known { meaning } else { Meaning::Other });
    }

    /// A function gives names of scopes around it a meaning: what they stand for is open from here on.
    pub(super) fn open(&mut self, name: &str) {
        for scope in &mut self.stack {
            if let Some(meaning) = scope.names.get_mut(name) {
                *meaning = Meaning::Other;
            }
        }
        self.unsure.insert(name.to_owned());
    }

    /// A name of the module has its meaning on some machines only.
    pub(super) fn doubt(&mut self, name: &str) {
        if self.stack.len() == 1 {
            self.unsure.insert(name.to_owned());
        }
    }

    pub(super) fn lookup(&self, name: &str) -> Option<&Meaning> {
        self.found(name).map(|(_, meaning)| meaning)
    }

    /// What a name stands for, and the number of its scope. Functions do not see names of the class around them.
    fn found(&self, name: &str) -> Option<(usize, &Meaning)> {
        let innermost = self.stack.len().saturating_sub(1);
        let mut seen =
            self.stack.iter().enumerate().rev().filter(|(at, scope)| !scope.class || *at == innermost);
        seen.find_map(|(at, scope)| Some((at, scope.names.get(name)?)))
    }

    /// What an expression in a function or class begins with, when the rest of the file has a say in what it stands
    /// for.
    pub(super) fn root(&self, expr: &Expr) -> Option<Root> {
        let mut expr = expr;
        while let Expr::Attribute(attribute) = expr {
            if is_name(&attribute.value, "self") {
                let name = attribute.attr.to_string();
                let meaning = self.attributes.get(&name)?.clone();
                return Some(Root::Attribute(name, meaning));
            }
            expr = &attribute.value;
        }
        let Expr::Name(name) = expr else { return None };
        let (at, meaning) = self.found(name.id.as_str())?;
        (at == 0 && self.stack.len() > 1).then(|| Root::Module(name.id.to_string(), meaning.clone()))
    }

    /// Whether, at the end of the file, it still stands for that.
    pub(super) fn holds(&self, root: &Root) -> bool {
        match root {
            Root::Attribute(name, meaning) => self.attributes.get(name) == Some(meaning),
            Root::Module(name, meaning) => {
                let open = imports::is_followed(meaning) && self.unsure.contains(name);
                !open && self.stack.first().and_then(|module| module.names.get(name)) == Some(meaning)
            }
        }
    }

    /// The names of the module.
    pub(super) fn module(&self) -> impl Iterator<Item = (&String, &Meaning)> {
        self.stack.first().into_iter().flat_map(|scope| &scope.names)
    }

    pub(super) fn is_unsure(&self, name: &str) -> bool {
        self.unsure.contains(name)
    }

    /// The path that an expression is, such as `torch.ops.ns.op`. A name that nobody has bound is itself.
    pub(super) fn path(&self, expr: &Expr) -> Option<Vec<String>> {
        let mut tail = Vec::new();
        let mut expr = expr;
        let mut path = loop {
            match expr {
                Expr::Attribute(attribute) => {
                    if let (Expr::Name(name), Some(Meaning::Path(path))) =
                        (&*attribute.value, self.attributes.get(attribute.attr.as_str()))
                        && name.id.as_str() == "self"
                    {
                        break path.clone();
                    }
                    tail.push(attribute.attr.to_string());
                    expr = &attribute.value;
                }
                Expr::Call(call) if is_name(&call.func, "getattr") => {
                    tail.push(literal::text(call.arguments.args.get(1)?)?.to_owned());
                    expr = call.arguments.args.first()?;
                }
                Expr::Name(name) => match self.lookup(name.id.as_str()) {
                    Some(Meaning::Path(path)) => break path.clone(),
                    Some(_) => return None,
                    None => break vec![name.id.to_string()],
                },
                _ => return None,
            }
        };
        path.extend(tail.into_iter().rev());
        if let [torch, inner, ops, ..] = path.as_slice()
            && torch == "torch"
            && inner == "_ops"
            && ops == "ops"
        {
            path.remove(1);
        }
        (path.len() <= 16).then_some(path)
    }

    /// What an expression means to the one who gives it a name.
    pub(super) fn meaning(&self, expr: &Expr) -> Meaning {
        if let Some(text) = literal::text(expr) {
            return Meaning::Text(text.to_owned());
        }
        if let Expr::Call(call) = expr
            && last(&call.func).is_some_and(|name| SAME.contains(&name))
            && let [same] = &*call.arguments.args
        {
            return self.path(same).map_or(Meaning::Other, Meaning::Path);
        }
        if let Expr::Call(call) = expr
            && last(&call.func) == Some("Library")
            && let Some(namespace) = call.arguments.args.first().and_then(|first| self.text(first))
        {
            return Meaning::Path(vec![LIBRARY.to_owned(), namespace]);
        }
        self.path(expr).map_or(Meaning::Other, Meaning::Path)
    }

    /// A string, or a name that stands for one.
    pub(super) fn text(&self, expr: &Expr) -> Option<String> {
        if let Expr::Name(name) = expr
            && let Some(Meaning::Text(text)) = self.lookup(name.id.as_str())
        {
            return Some(text.clone());
        }
        literal::text(expr).map(str::to_owned)
    }
}

/// The last name of `a.b.c`.
pub(super) fn last(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        Expr::Name(name) => Some(name.id.as_str()),
        _ => None,
    }
}

pub(super) fn is_name(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Name(own) if own.id.as_str() == name)
}
