//! Python that calls operators of a library that moves, as its old build has them and its new one has not.

use std::collections::BTreeMap;

use super::load::Load;
use super::shape::Shape;
use crate::index::ObjectError;
use crate::loader::View;
use crate::oci::ImagePath;
use crate::python::OpCall;
use crate::torch;
use crate::torch::Schema;

/// A call that fits the old build of a library only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The file, in the old tree.
    pub path: ImagePath,
    /// Line of the call, from 1.
    pub line: usize,
    /// `NAMESPACE::OPERATOR`.
    pub operator: String,
    /// The call as written.
    pub call: String,
    /// The library whose operator it is, in the old tree.
    pub library: ImagePath,
    /// The file of the new tree in its place, when all its calls of the operator fit.
    pub from: Option<ImagePath>,
}

/// Operators by name.
type Operators = BTreeMap<String, Vec<Schema>>;

/// Every such call of the old tree, by file and line. Calls that may never run are left out.
pub(super) fn callers(load: &Load<'_>) -> Result<Vec<Caller>, ObjectError> {
    let mut callers = Vec::new();
    for (target, moved) in load.moves.iter() {
        let mine = load.pairs.old(&moved.from).unwrap_or(target);
        let (was, will) =
            (operators(&Shape::new(load.old, mine)?), operators(&Shape::new(load.new, &moved.from)?));
        let changed = |name: &str| was.get(name).is_some_and(|was| will.get(name) != Some(was));
        if !was.keys().any(|name| changed(name)) {
            continue;
        }
        for (path, call) in
            calls(load.old.view).filter(|(_, call)| call.guard.is_none() && changed(&call.operator))
        {
            if fits(&was, &call) && !fits(&will, &call) {
                callers.push(Caller {
                    from: counterpart(load, path, &call.operator, &will),
                    path: path.clone(),
                    line: call.line,
                    operator: format!("{}::{}", call.namespace, call.operator),
                    call: call.text,
                    library: mine.clone(),
                });
            }
        }
    }
    callers.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Ok(callers)
}

fn operators(shape: &Shape) -> Operators {
    let mut operators = Operators::new();
    for schema in shape.schemas().filter_map(|text| torch::parse(text).ok()) {
        operators.entry(schema.name.clone()).or_default().push(schema);
    }
    operators
}

fn calls(view: View<'_>) -> impl Iterator<Item = (&ImagePath, OpCall)> {
    let scripts =
        view.tree.iter().filter_map(move |(path, node)| Some((path, view.objects.script(path, node)?)));
    scripts.flat_map(|(path, script)| script.calls.clone().into_iter().map(move |call| (path, call)))
}

/// Whether one of the operators of that name takes the call.
fn fits(operators: &Operators, call: &OpCall) -> bool {
    operators.get(&call.operator).into_iter().flatten().any(|schema| {
        let ours = schema.namespace.as_ref().is_none_or(|namespace| *namespace == call.namespace);
        ours && torch::fit(schema, &call.call).is_empty()
    })
}

fn counterpart(load: &Load<'_>, path: &ImagePath, operator: &str, will: &Operators) -> Option<ImagePath> {
    let there = load.pairs.unmapped(path);
    let node = load.new.view.tree.get(&there)?;
    let script = load.new.view.objects.script(&there, node)?;
    let mut calls = script.calls.iter().filter(|call| call.operator == operator);
    calls.all(|call| fits(will, call)).then_some(there)
}
