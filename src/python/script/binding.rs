//! What gives names a meaning: imports, assignments and their kin.

use ruff_python_ast::Comprehension;
use ruff_python_ast::Expr;
use ruff_python_ast::ExprCall;
use ruff_python_ast::Stmt;
use ruff_python_ast::StmtImport;
use ruff_python_ast::StmtImportFrom;

use super::bind::Meaning;
use super::bind::is_name;
use super::imports;
use super::walk::Walk;

/// Most attributes of other modules that are kept of one file.
const SET: usize = 200;

impl Walk<'_> {
    /// Imports, assignments and what else gives names a meaning.
    pub(super) fn bindings(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Assign(assign) => {
                assign.targets.iter().for_each(|target| self.assign(target, Some(&assign.value)));
            }
            Stmt::AnnAssign(assign) => self.assign(&assign.target, assign.value.as_deref()),
            Stmt::AugAssign(assign) => self.assign(&assign.target, None),
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.assign(target, None)),
            Stmt::TypeAlias(alias) => self.assign(&alias.name, None),
            Stmt::Global(all) => all.names.iter().for_each(|name| self.scopes.open(name.as_str())),
            Stmt::Nonlocal(all) => all.names.iter().for_each(|name| self.scopes.open(name.as_str())),
            Stmt::For(one) => self.assign(&one.target, None),
            Stmt::With(with) => {
                let targets = with.items.iter().filter_map(|item| item.optional_vars.as_deref());
                targets.for_each(|target| self.assign(target, None));
            }
            _ => {}
        }
    }

    fn import(&mut self, import: &StmtImport) {
        for alias in &import.names {
            let module = alias.name.as_str();
            let first = module.split('.').next().unwrap_or(module);
            match &alias.asname {
                Some(name) => self.name(name.as_str(), Meaning::Path(imports::module(0, module))),
                None => self.name(first, Meaning::Path(imports::module(0, first))),
            }
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let module = import.module.as_ref().map_or("", |module| module.as_str());
        let path = imports::module(import.level, module);
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                self.found.exports.stars.push(imports::text(&path));
                continue;
            }
            let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            let path = path.iter().cloned().chain([alias.name.to_string()]).collect();
            self.name(name, Meaning::Path(path));
        }
    }

    pub(super) fn assign(&mut self, target: &Expr, value: Option<&Expr>) {
        let meaning = || value.map_or(Meaning::Other, |value| self.scopes.meaning(value));
        match target {
            Expr::Name(name) => {
                let meaning = meaning();
                self.name(name.id.as_str(), meaning);
            }
            Expr::Attribute(attribute) if is_name(&attribute.value, "self") => {
                let meaning = meaning();
                self.scopes.bind_attribute(attribute.attr.as_str(), meaning);
            }
            Expr::Attribute(attribute) => self.set(&attribute.value, attribute.attr.as_str()),
            Expr::Tuple(all) => all.iter().for_each(|one| self.assign(one, None)),
            Expr::List(all) => all.iter().for_each(|one| self.assign(one, None)),
            Expr::Starred(one) => self.assign(&one.value, None),
            _ => {}
        }
    }

    /// A name gets a meaning, which it may have on some machines only.
    fn name(&mut self, name: &str, meaning: Meaning) {
        if !self.guards.is_empty() {
            self.scopes.doubt(name);
        }
        self.scopes.bind(name, meaning);
    }

    /// `setattr(core, "op", …)` is an assignment.
    pub(super) fn set_attribute(&mut self, call: &ExprCall) {
        if is_name(&call.func, "setattr")
            && let [object, name, ..] = &*call.arguments.args
            && let Some(name) = self.scopes.text(name)
        {
            self.set(object, &name);
        }
    }

    /// An attribute of something gets a meaning that its module does not know of.
    fn set(&mut self, object: &Expr, name: &str) {
        if self.found.set.len() < SET
            && let Some(path) = self.scopes.path(object).filter(|path| imports::is_imported(path))
        {
            let path: Vec<String> = path.into_iter().chain([name.to_owned()]).collect();
            self.found.set.push(imports::text(&path));
        }
    }

    /// The names that a comprehension has for itself.
    pub(super) fn comprehended(&mut self, expr: &Expr) {
        let generators: &[Comprehension] = match expr {
            Expr::ListComp(one) => &one.generators,
            Expr::SetComp(one) => &one.generators,
            Expr::DictComp(one) => &one.generators,
            Expr::Generator(one) => &one.generators,
            _ => &[],
        };
        generators.iter().for_each(|one| self.assign(&one.target, None));
    }
}
