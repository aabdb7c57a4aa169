//! References that nothing gives, in every process of a case: bound once, for all checks that ask.

use std::collections::BTreeSet;

use super::Case;
use crate::loader::ObjectError;
use crate::loader::World;

/// What one file misses in one process.
pub(super) struct Unbound {
    /// The process: a number in [`Case::worlds`].
    pub(super) world: usize,
    /// The file: a number in [`World::objects`].
    pub(super) object: usize,
    /// Its references that are not weak and stay open: numbers in the file's table.
    pub(super) references: Vec<usize>,
}

/// Binds the references of every file in scope, in the order of the processes. What a file and all it needs settle
/// among themselves is the same in every process that has them: it is bound once.
pub(super) fn find(case: &Case<'_>) -> Result<Vec<Unbound>, ObjectError> {
    let mut found = Vec::new();
    let mut settled = BTreeSet::new();
    for (number, world) in case.worlds.iter().enumerate() {
        let symbols = case.symbols(world)?;
        for object in case.in_scope(world) {
            let closure = world.closure(object);
            let company = company(world, object, &closure);
            if settled.contains(&company) {
                continue;
            }
            let mut complete = true;
            let mut references = Vec::new();
            for (at, symbol) in
                symbols[object].undefined.iter().enumerate().filter(|(_, symbol)| !symbol.weak)
            {
                match world.provider(&case.loader, &symbols, object, symbol) {
                    Some(provider) => {
                        complete &= closure.contains(&provider) || world.is_global(provider);
                    }
                    None => references.push(at),
                }
            }
            if complete && references.is_empty() {
                settled.insert(company);
            }
            if !references.is_empty() {
                found.push(Unbound { world: number, object, references });
            }
        }
    }
    Ok(found)
}

/// The program, the object, and everything the object needs, by their numbers in the catalogue. Where these alone
/// give all its symbols, the answer is the same in every process that has them.
fn company(world: &World, index: usize, closure: &BTreeSet<usize>) -> Vec<usize> {
    let file = |index: &usize| world.objects.get(*index).map(|mapped| mapped.number);
    let mut below: Vec<usize> = closure.iter().filter_map(file).collect();
    below.sort_unstable();
    let first = [0, index];
    first.iter().filter_map(file).chain(below).collect()
}
