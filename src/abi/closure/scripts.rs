//! Python that calls operators of a library that moves, as its old build has them and its new one has not.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::load::Load;
use super::shape::Shape;
use crate::index::ObjectError;
use crate::loader::View;
use crate::oci::ImagePath;
use crate::python::OpCall;
use crate::python::Script;
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

/// Calls with their files.
type Calls<'a> = Vec<(&'a ImagePath, OpCall)>;

/// Operators by name.
type Operators = BTreeMap<String, Vec<Schema>>;

/// Every such call of the old tree, by file and line. Calls that may never run are left out.
pub(super) fn callers(load: &Load<'_>) -> Result<Vec<Caller>, ObjectError> {
    let mut callers = Vec::new();
    let mut known = None;
    for (target, moved) in load.moves.iter() {
        let mine = load.pairs.old(&moved.from).unwrap_or(target);
        let (was, will) =
            (operators(&Shape::new(load.old, mine)?), operators(&Shape::new(load.new, &moved.from)?));
        let changed = |name: &str| was.get(name).is_some_and(|was| will.get(name) != Some(was));
        if !was.keys().any(|name| changed(name)) {
            continue;
        }
        let (calls, theirs) = known.get_or_insert_with(|| {
            (calls(load.old.view), load.new.view.followed_scripts().into_iter().collect())
        });
        for (path, call) in calls.iter().filter(|(_, call)| call.guard.is_none() && changed(&call.operator)) {
            if fits(&was, call) && !fits(&will, call) {
                callers.push(Caller {
                    from: counterpart(load, theirs, path, &call.operator, &will),
                    path: (*path).clone(),
                    line: call.line,
                    operator: format!("{}::{}", call.namespace, call.operator),
                    call: call.text.clone(),
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

fn calls(view: View<'_>) -> Calls<'_> {
    let calls =
        |(path, script): (_, Arc<Script>)| script.calls.clone().into_iter().map(move |call| (path, call));
    view.followed_scripts().into_iter().flat_map(calls).collect()
}

/// Whether one of the operators of that name takes the call.
fn fits(operators: &Operators, call: &OpCall) -> bool {
    operators.get(&call.operator).into_iter().flatten().any(|schema| {
        let ours = schema.namespace.as_ref().is_none_or(|namespace| *namespace == call.namespace);
        ours && torch::fit(schema, &call.call).is_empty()
    })
}

fn counterpart(
    load: &Load<'_>,
    theirs: &BTreeMap<&ImagePath, Arc<Script>>,
    path: &ImagePath,
    operator: &str,
    will: &Operators,
) -> Option<ImagePath> {
    let there = load.pairs.unmapped(path);
    let mut calls = theirs.get(&there)?.calls.iter().filter(|call| call.operator == operator);
    calls.all(|call| fits(will, call)).then_some(there)
}
