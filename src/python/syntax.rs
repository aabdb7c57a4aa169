//! Whether a text is Python: grammar, and the rules that CPython's compiler adds to it.
//!
//! The grammar is that of the newest Python known to the parser: what only an older one refuses is not seen.
//! Rules that need a model of names (`nonlocal`, `global` after use) are not checked.

use std::cell::RefCell;

use ruff_python_ast::Expr;
use ruff_python_ast::PythonVersion;
use ruff_python_ast::Stmt;
use ruff_python_ast::visitor;
use ruff_python_ast::visitor::Visitor;
use ruff_python_parser::Mode;
use ruff_python_parser::ParseOptions;
use ruff_python_parser::parse_unchecked;
use ruff_python_parser::semantic_errors::LazyImportContext;
use ruff_python_parser::semantic_errors::SemanticSyntaxChecker;
use ruff_python_parser::semantic_errors::SemanticSyntaxContext;
use ruff_python_parser::semantic_errors::SemanticSyntaxError;
use ruff_text_size::TextRange;

use super::depth;

/// A place where a text is no Python.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, in one line.
    pub message: String,
}

/// Everything that keeps `text` from being compiled, from the top; empty when it is a Python module.
#[must_use]
pub fn parse_errors(text: &str) -> Vec<SyntaxError> {
    depth::within(text, errors).unwrap_or_else(|| {
        vec![SyntaxError { line: 1, column: 1, message: "it is nested too deeply to be read".to_owned() }]
    })
}

fn errors(text: &str) -> Vec<SyntaxError> {
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::latest());
    let parsed = parse_unchecked(text, options);
    let mut errors: Vec<SyntaxError> =
        parsed.errors().iter().map(|error| place(text, error.location, error.error.to_string())).collect();
    if errors.is_empty()
        && let Some(module) = parsed.syntax().as_module()
    {
        let mut walk = Walk {
            text,
            checker: SemanticSyntaxChecker::new(),
            scopes: Vec::new(),
            loops: 0,
            found: RefCell::default(),
        };
        walk.visit_body(&module.body);
        let found = walk.found.into_inner();
        errors.extend(found.iter().map(|error| place(text, error.range, error.to_string())));
    }
    errors.sort();
    errors
}

fn place(text: &str, range: TextRange, message: String) -> SyntaxError {
    let before = &text[..range.start().to_usize().min(text.len())];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    SyntaxError {
        line: before.matches('\n').count() + 1,
        column: before[start..].chars().count() + 1,
        message,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Class,
    Function,
}

/// Goes through a module and asks the parser's own checks about every node.
struct Walk<'a> {
    text: &'a str,
    checker: SemanticSyntaxChecker,
    scopes: Vec<Scope>,
    loops: usize,
    found: RefCell<Vec<SemanticSyntaxError>>,
}

impl Walk<'_> {
    /// Runs a check that needs both its own state and this walk.
    fn check(&mut self, ask: impl FnOnce(&mut SemanticSyntaxChecker, &Self)) {
        let mut checker = std::mem::take(&mut self.checker);
        ask(&mut checker, self);
        self.checker = checker;
    }

    fn within(&mut self, scope: Scope, walk: impl FnOnce(&mut Self)) {
        let loops = std::mem::take(&mut self.loops);
        self.scopes.push(scope);
        walk(self);
        self.scopes.pop();
        self.loops = loops;
    }
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.check(|checker, walk| checker.visit_stmt(stmt, walk));
        match stmt {
            Stmt::FunctionDef(function) => {
                // Defaults, decorators and annotations belong to the scope around.
                function.decorator_list.iter().for_each(|one| self.visit_decorator(one));
                self.visit_parameters(&function.parameters);
                function.returns.iter().for_each(|one| self.visit_annotation(one));
                self.within(Scope::Function, |walk| walk.visit_body(&function.body));
            }
            Stmt::ClassDef(class) => {
                class.decorator_list.iter().for_each(|one| self.visit_decorator(one));
                class.arguments.iter().for_each(|one| self.visit_arguments(one));
                self.within(Scope::Class, |walk| walk.visit_body(&class.body));
            }
            Stmt::For(one) => {
                self.visit_expr(&one.iter);
                self.visit_expr(&one.target);
                self.loops += 1;
                self.visit_body(&one.body);
                self.loops -= 1;
                self.visit_body(&one.orelse);
            }
            Stmt::While(one) => {
                self.visit_expr(&one.test);
                self.loops += 1;
                self.visit_body(&one.body);
                self.loops -= 1;
                self.visit_body(&one.orelse);
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.check(|checker, walk| checker.visit_expr(expr, walk));
        match expr {
            Expr::Lambda(_) => self.within(Scope::Function, |walk| visitor::walk_expr(walk, expr)),
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// Where this walk keeps no model, it gives the answer that lets a program pass.
impl SemanticSyntaxContext for Walk<'_> {
    fn future_annotations_or_stub(&self) -> bool {
        false
    }
    fn lazy_import_context(&self) -> Option<LazyImportContext> {
        None
    }
    fn python_version(&self) -> PythonVersion {
        PythonVersion::latest()
    }
    fn source(&self) -> &str {
        self.text
    }
    fn global(&self, _name: &str) -> Option<TextRange> {
        None
    }
    fn has_nonlocal_binding(&self, _name: &str) -> bool {
        true
    }
    fn in_async_context(&self) -> bool {
        true
    }
    fn in_await_allowed_context(&self) -> bool {
        self.in_function_scope()
    }
    fn in_yield_allowed_context(&self) -> bool {
        self.in_function_scope()
    }
    fn in_sync_comprehension(&self) -> bool {
        false
    }
    fn in_class_body_comprehension(&self) -> bool {
        false
    }
    fn in_module_scope(&self) -> bool {
        self.scopes.is_empty()
    }
    fn in_function_scope(&self) -> bool {
        self.scopes.last() == Some(&Scope::Function)
    }
    fn in_generator_context(&self) -> bool {
        false
    }
    fn in_notebook(&self) -> bool {
        false
    }
    fn report_semantic_error(&self, error: SemanticSyntaxError) {
        self.found.borrow_mut().push(error);
    }
    fn in_loop_context(&self) -> bool {
        self.loops > 0
    }
    fn is_bound_parameter(&self, _name: &str) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cpython_refuses_is_found_where_it_is() {
        for (text, line, column) in [
            ("def f(a, is_qk_norm=True, is_qk_norm=True):\n    pass\n", 1, 27),
            ("x = 1\nf = lambda é, é: 1\n", 2, 15),
            ("if True:\npass\n", 2, 1),
            ("x = (1,\n", 2, 1),
            ("return 1\n", 1, 1),
            ("class A:\n    yield 1\n", 2, 5),
            ("def f():\n    break\n", 2, 5),
            ("f(a=1, a=2)\n", 1, 8),
            ("None = 1\n", 1, 1),
        ] {
            let errors = parse_errors(text);
            let first = errors.first().unwrap_or_else(|| panic!("accepted: {text}"));
            assert_eq!((first.line, first.column), (line, column), "{text}: {first:?}");
        }
    }

    #[test]
    fn what_cpython_takes_is_taken() {
        for text in [
            "",
            "# only a comment",
            "async def f():\n    async for x in y:\n        await x\n    return [a async for a in b]\n",
            "for a in b:\n    if a:\n        break\n    else:\n        continue\n",
            "while 1:\n    def f():\n        while 2:\n            break\n    break\n",
            "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = yield\n    return g\n",
            "g = lambda: (yield)\n",
            "match a:\n    case [1, *rest]:\n        pass\n    case {'k': v}:\n        pass\n",
            "def f[T: int](a: T, /, *, b=1, **k) -> T: ...\ntype X = int\n",
            "x = f'{a!r:>{w}}' f\"{f'{b}'}\"\n",
            "from __future__ import annotations\nimport os\n",
            "try:\n    pass\nexcept* E as e:\n    pass\n",
            "def f(a=[i for i in range(3)]):\n    global g\n    g = a\n",
        ] {
            assert_eq!(parse_errors(text), [], "{text}");
        }
    }
}
