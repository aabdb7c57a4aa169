//! One donor against many bases: the recipe's result on each of them, without building any.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::build::Error;
use crate::build::Gate;
use crate::build::World;
use crate::build::fetch;
use crate::build::gate;
use crate::build::resolve;
use crate::edit;
use crate::finding::Finding;
use crate::finding::Notice;
use crate::finding::Severity;
use crate::hint::Hint;
use crate::recipe::ImageSource;
use crate::recipe::Recipe;

/// The recipe cannot be carried out on one of several bases.
pub const BASE_UNFIT: Notice = Notice {
    id: "base-unfit",
    severity: Severity::Error,
    summary: "a step of the recipe cannot be done on this base",
    explain: "\
One of the bases that the recipe is tried on has not what a step needs: a file that is to be replaced, a text that a \
patch looks for, a donor's file for its Python. No audit can be made of a result that cannot be, so that the base has \
no other finding.

Look at the step that the message names; a recipe of its own for this base, or a variable (`--var`), may do.",
};

/// The recipe's result on one base.
pub struct Column {
    /// The base as the user named it.
    pub base: String,
    /// What was found, worst first.
    pub findings: Vec<Finding>,
    /// The files that the recipe takes out of donors.
    pub grafted: BTreeSet<String>,
}

/// Audits the recipe on each base in order. What was read for one is not read again for the next: layers that
/// the bases share, and those of the donors, are known by digest.
///
/// # Errors
/// The first base that cannot be had. One on which a step cannot be done has that as its finding.
pub fn columns(recipe: &Recipe, bases: &[ImageSource], world: &World<'_>) -> Result<Vec<Column>, Error> {
    let mut columns = Vec::new();
    for base in bases {
        let recipe = Recipe { base: base.clone(), ..recipe.clone() };
        let base = base.written.clone();
        columns.push(match column(recipe, world) {
            Ok((findings, grafted)) => Column { base, findings, grafted },
            Err(Error::Edit(error)) => {
                Column { base, findings: vec![unfit(&error)], grafted: BTreeSet::new() }
            }
            Err(error) => return Err(error),
        });
    }
    Ok(columns)
}

fn column(recipe: Recipe, world: &World<'_>) -> Result<(Vec<Finding>, BTreeSet<String>), Error> {
    let fetched = fetch::fetch(resolve::resolve(recipe, world)?.borrowing(), world)?;
    let grafts = fetched.edit()?.grafts;
    let grafted = grafts.iter().map(|graft| graft.path.to_string()).collect();
    let verdict = gate::gate(fetched, Gate::Off, world)?;
    Ok((verdict.findings().to_vec(), grafted))
}

/// It is about the image as a whole.
fn unfit(error: &edit::Error) -> Finding {
    let mut finding = Finding::of(&BASE_UNFIT, "/", error.to_string());
    let source = std::error::Error::source(error);
    finding.evidence.extend(source.map(|source| ("because".to_owned(), source.to_string())));
    finding.help = error.hint();
    finding
}

/// The rows: every grafted file, and every other file with a finding that counts on some base; with what was
/// found on each base, in their order.
#[must_use]
pub fn rows(columns: &[Column]) -> BTreeMap<String, Vec<Vec<Finding>>> {
    let counts =
        |finding: &&Finding| finding.introduced && finding.allowed.is_none() && !finding.path.is_empty();
    let mut rows: BTreeMap<String, Vec<Vec<Finding>>> = BTreeMap::new();
    let empty = || vec![Vec::new(); columns.len()];
    for (number, column) in columns.iter().enumerate() {
        for path in &column.grafted {
            rows.entry(path.clone()).or_insert_with(empty);
        }
        for finding in column.findings.iter().filter(counts) {
            rows.entry(finding.path.clone()).or_insert_with(empty)[number].push(finding.clone());
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_every_graft_and_for_whatever_it_breaks() {
        let finding = |path: &str| Finding::new("c", Severity::Error, path, "m");
        let was_there = Finding { introduced: false, ..finding("/old") };
        let column = |base: &str, findings: Vec<Finding>| Column {
            base: base.to_owned(),
            findings,
            grafted: BTreeSet::from(["/graft".to_owned()]),
        };
        let columns = [column("a", vec![finding("/user"), was_there]), column("b", vec![finding("/graft")])];
        let rows = rows(&columns);
        let told: Vec<(&str, Vec<usize>)> =
            rows.iter().map(|(path, cells)| (path.as_str(), cells.iter().map(Vec::len).collect())).collect();
        assert_eq!(told, [("/graft", vec![0, 1]), ("/user", vec![1, 0])]);
    }
}
