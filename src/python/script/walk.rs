//! One way through a file, with the names and the conditions that hold at each place.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use ruff_python_ast::ExceptHandler;
use ruff_python_ast::Expr;
use ruff_python_ast::Parameters;
use ruff_python_ast::Pattern;
use ruff_python_ast::Stmt;
use ruff_python_ast::StmtFunctionDef;
use ruff_python_ast::StmtIf;
use ruff_python_ast::visitor;
use ruff_python_ast::visitor::Visitor;
use ruff_text_size::Ranged;
use ruff_text_size::TextRange;

use super::Imported;
use super::OpCall;
use super::OpDefinition;
use super::Script;
use super::bind::Meaning;
use super::bind::Root;
use super::bind::Scopes;
use super::call;
use super::call::Target;
use super::define;
use super::exports;
use super::guard;
use super::literal;
use super::variable;
use crate::torch::Call;

/// Deepest place that is looked at.
const DEPTH: usize = 200;
/// Most calls of what other modules gave that are kept of one file.
const IMPORTED: usize = 1000;

/// A reason not to run, and whether a function defined there escapes it.
type Reason = (String, bool);

pub(super) struct Walk<'a> {
    text: &'a str,
    lines: Vec<usize>,
    pub(super) scopes: Scopes,
    pub(super) guards: Vec<Reason>,
    functions: BTreeMap<String, &'a StmtFunctionDef>,
    pub(super) found: Script,
    /// What each call begins with, by its place in `found.calls` and in `found.imported`.
    roots: [BTreeMap<usize, Root>; 2],
    env: BTreeSet<String>,
    /// The operator of the call that is being looked at: it is told with the call.
    called: Option<TextRange>,
    /// How many functions, conditions, loops and handlers are around: with none, an import comes here.
    later: usize,
    depth: usize,
    deep: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let lines = memchr::memchr_iter(b'\n', text.as_bytes()).collect();
        Self {
            text,
            lines,
            scopes: Scopes::new(),
            guards: Vec::new(),
            functions: BTreeMap::new(),
            found: Script::default(),
            roots: Default::default(),
            env: BTreeSet::new(),
            called: None,
            later: 0,
            depth: 0,
            deep: false,
        }
    }

    pub(super) fn module(&mut self, body: &'a [Stmt]) {
        self.visit_body(body);
    }

    /// The facts, and whether some of the file was too deep to look at.
    pub(super) fn finish(self, package: bool) -> (Script, bool) {
        let mut found = self.found;
        let [calls, imported] = &self.roots;
        let holds =
            |roots: &BTreeMap<usize, Root>, at| roots.get(&at).is_none_or(|root| self.scopes.holds(root));
        let mut at = 0..;
        found.calls.retain(|_| at.next().is_some_and(|at| holds(calls, at)));
        let mut at = 0..;
        found.imported.retain(|_| at.next().is_some_and(|at| holds(imported, at)));
        found.env = self.env.into_iter().collect();
        exports::finish(&mut found.exports, self.text, &self.scopes, package);
        (found, self.deep)
    }

    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|newline| *newline < at) + 1
    }

    fn op_call(&self, range: TextRange, operator: call::Operator, call: Call) -> OpCall {
        let (start, end) = (range.start().to_usize(), range.end().to_usize());
        let (line, end) = (self.line(start), self.line(end.saturating_sub(1).max(start)));
        let text = super::call::source(&self.text[range]);
        let (namespace, name, overload) = operator;
        OpCall {
            namespace,
            operator: name,
            overload,
            line,
            end,
            text,
            call,
            at_import: self.later == 0,
            guard: self.guards.last().map(|(reason, _)| reason.clone()),
            bound_in: None,
        }
    }

    fn add_definition(&mut self, definition: Option<OpDefinition>, at: usize) {
        let line = self.line(at);
        self.found.defined.extend(definition.map(|definition| OpDefinition { line, ..definition }));
    }

    /// Walks with one more reason not to run.
    fn guarded(&mut self, reason: Option<Reason>, walk: impl FnOnce(&mut Self)) {
        let length = self.guards.len();
        self.guards.extend(reason);
        walk(self);
        self.guards.truncate(length);
    }

    /// Walks what may end early, so that names bound there are not sure.
    fn branch(&mut self, walk: impl FnOnce(&mut Self)) {
        self.scopes.innermost().into_iter().for_each(|scope| scope.branches += 1);
        walk(self);
        self.scopes.innermost().into_iter().for_each(|scope| scope.branches -= 1);
    }

    /// Walks what does not run whenever the file is imported.
    fn later(&mut self, walk: impl FnOnce(&mut Self)) {
        self.later += 1;
        walk(self);
        self.later -= 1;
    }

    fn condition(&mut self, one: &'a StmtIf) {
        let mut earlier: Option<String> = None;
        let first = (Some(&*one.test), one.body.as_slice());
        let rest = one.elif_else_clauses.iter().map(|clause| (clause.test.as_ref(), clause.body.as_slice()));
        for (test, body) in std::iter::once(first).chain(rest) {
            let sides = test.map(guard::sides).unwrap_or_default();
            test.into_iter().for_each(|test| self.guarded_test(test, earlier.clone()));
            let reason = sides.then.or_else(|| earlier.clone()).map(|reason| (reason, true));
            self.branch(|walk| walk.later(|walk| walk.guarded(reason, |walk| walk.visit_body(body))));
            earlier = earlier.or(sides.otherwise);
        }
    }

    fn guarded_test(&mut self, test: &'a Expr, earlier: Option<String>) {
        self.guarded(earlier.map(|reason| (reason, true)), |walk| walk.visit_expr(test));
    }

    fn function(&mut self, function: &'a StmtFunctionDef) {
        for decorator in &function.decorator_list {
            if let Expr::Call(call) = &decorator.expression {
                let definition = define::decorated(&self.scopes, call, function);
                self.add_definition(definition, function.name.range().start().to_usize());
                self.visit_expr(&call.func);
                self.visit_arguments(&call.arguments);
            } else {
                self.visit_expr(&decorator.expression);
            }
        }
        function.type_params.iter().for_each(|all| self.visit_type_params(all));
        self.visit_parameters(&function.parameters);
        function.returns.iter().for_each(|one| self.visit_annotation(one));
        self.scopes.bind(function.name.as_str(), Meaning::Other);
        self.functions.insert(function.name.to_string(), function);
        // What surrounds the definition does not catch what the call raises.
        let kept: Vec<Reason> = self.guards.iter().filter(|(_, stays)| *stays).cloned().collect();
        let outer = std::mem::replace(&mut self.guards, kept);
        let reason = guard::other_machine(function.name.as_str()).map(|reason| (reason, true));
        self.scopes.enter();
        self.parameters(&function.parameters);
        self.later(|walk| walk.guarded(reason, |walk| walk.visit_body(&function.body)));
        self.scopes.leave();
        self.guards = outer;
    }

    fn parameters(&mut self, parameters: &Parameters) {
        for parameter in parameters.iter() {
            let annotation = parameter.annotation();
            let promised = annotation.filter(|_| !parameter.is_variadic()).and_then(literal::promised);
            let meaning = promised.map_or(Meaning::Other, Meaning::Parameter);
            self.scopes.bind(parameter.name().as_str(), meaning);
        }
    }

    fn expression(&mut self, expr: &'a Expr) {
        if let Some(name) = variable::read(&self.scopes, expr) {
            self.env.insert(name);
        }
        let Expr::Call(one) = expr else { return };
        match call::read(&self.scopes, one) {
            Some((Target::Operator(operator), named, values)) => {
                let found = self.op_call(expr.range(), operator, values);
                let root = self.scopes.root(named);
                self.roots[0].extend(root.map(|root| (self.found.calls.len(), root)));
                self.found.calls.push(found);
                self.called = Some(named.range());
                return;
            }
            Some((Target::Imported(path), named, values)) if self.found.imported.len() < IMPORTED => {
                let call = self.op_call(expr.range(), call::Operator::default(), values);
                let root = self.scopes.root(named);
                self.roots[1].extend(root.map(|root| (self.found.imported.len(), root)));
                self.found.imported.push(Imported { path, call });
            }
            _ => {}
        }
        self.set_attribute(one);
        let functions = |name: &str| self.functions.get(name).copied();
        let definition = define::called(&self.scopes, one, functions);
        self.add_definition(definition, expr.range().start().to_usize());
        self.env.extend(variable::called(&self.scopes, one));
    }

    /// Whether an expression names an operator; what it is made of names none then.
    fn is_operator(&mut self, expr: &Expr) -> bool {
        if self.called == Some(expr.range()) {
            return true;
        }
        let Some(operator) = call::named(&self.scopes, expr) else { return false };
        let found = self.op_call(expr.range(), operator, Call { open: true, ..Call::default() });
        self.found.named.push(found);
        true
    }
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if self.depth >= DEPTH {
            self.deep = true;
            return;
        }
        self.depth += 1;
        match stmt {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => {
                class.decorator_list.iter().for_each(|one| self.visit_decorator(one));
                class.type_params.iter().for_each(|all| self.visit_type_params(all));
                class.arguments.iter().for_each(|one| self.visit_arguments(one));
                let reason = guard::other_machine(class.name.as_str()).map(|reason| (reason, true));
                self.scopes.enter_class();
                self.guarded(reason, |walk| walk.visit_body(&class.body));
                self.scopes.leave();
                self.scopes.bind(class.name.as_str(), Meaning::Other);
            }
            Stmt::If(one) => self.condition(one),
            Stmt::Try(one) => {
                let reason = guard::caught(&one.handlers).map(|reason| (reason, false));
                self.branch(|walk| {
                    walk.guarded(reason, |walk| walk.visit_body(&one.body));
                    walk.later(|walk| one.handlers.iter().for_each(|one| walk.visit_except_handler(one)));
                    walk.visit_body(&one.orelse);
                });
                self.visit_body(&one.finalbody);
            }
            Stmt::For(_) | Stmt::While(_) | Stmt::Match(_) => self.branch(|walk| {
                walk.bindings(stmt);
                walk.later(|walk| visitor::walk_stmt(walk, stmt));
            }),
            Stmt::With(_) => {
                self.bindings(stmt);
                visitor::walk_stmt(self, stmt);
            }
            _ => {
                visitor::walk_stmt(self, stmt);
                self.bindings(stmt);
            }
        }
        self.depth -= 1;
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if self.depth >= DEPTH {
            self.deep = true;
            return;
        }
        self.depth += 1;
        self.expression(expr);
        match expr {
            Expr::If(one) => {
                let sides = guard::sides(&one.test);
                self.visit_expr(&one.test);
                let reason = |side: Option<String>| side.map(|reason| (reason, true));
                self.later(|walk| {
                    walk.guarded(reason(sides.then), |walk| walk.visit_expr(&one.body));
                    walk.guarded(reason(sides.otherwise), |walk| walk.visit_expr(&one.orelse));
                });
            }
            Expr::BoolOp(all) => {
                let first = all.values.first();
                let then = first.filter(|_| all.op.is_and()).and_then(|first| guard::sides(first).then);
                first.into_iter().for_each(|first| self.visit_expr(first));
                let rest = |walk: &mut Self| all.values.iter().skip(1).for_each(|one| walk.visit_expr(one));
                self.later(|walk| walk.guarded(then.map(|reason| (reason, true)), rest));
            }
            Expr::Lambda(one) => {
                self.scopes.enter();
                one.parameters.iter().for_each(|parameters| self.parameters(parameters));
                self.later(|walk| visitor::walk_expr(walk, expr));
                self.scopes.leave();
            }
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                self.scopes.enter();
                self.comprehended(expr);
                visitor::walk_expr(self, expr);
                self.scopes.leave();
            }
            Expr::Named(one) => {
                visitor::walk_expr(self, expr);
                self.assign(&one.target, Some(&one.value));
            }
            _ if self.is_operator(expr) => {}
            _ => visitor::walk_expr(self, expr),
        }
        self.depth -= 1;
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(one) = handler;
        one.name.iter().for_each(|name| self.scopes.bind(name.as_str(), Meaning::Other));
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(one) => one.name.as_ref(),
            Pattern::MatchStar(one) => one.name.as_ref(),
            Pattern::MatchMapping(one) => one.rest.as_ref(),
            _ => None,
        };
        name.into_iter().for_each(|name| self.scopes.bind(name.as_str(), Meaning::Other));
        visitor::walk_pattern(self, pattern);
    }
}
