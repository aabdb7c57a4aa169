//! `STB_GNU_UNIQUE` (glibc `elf/dl-lookup.c`, `do_lookup_unique`): the definition that a process binds a name to
//! first is everybody's from then on, whatever version the others want.
//!
//! Which is first is the order of relocation: what a file needs comes before it (`elf/dl-sort-maps.c`, as of
//! glibc 2.35; the older sort differs only between files of which neither needs the other). A file that defines
//! a unique name is taken to refer to it: compilers reach such names through the global offset table.

use std::sync::Arc;

use super::Loader;
use super::World;
use crate::elf;
use crate::elf::Symbols;
use crate::elf::Undefined;
use crate::elf::VersionNeed;

impl World {
    /// Who gives a name that `found`, the first in the scope, defines: another file if that one's definition is
    /// the unique one that the process has bound already.
    pub(super) fn registered(
        &self,
        loader: &Loader<'_>,
        symbols: &[Arc<Symbols>],
        name: &str,
        found: usize,
    ) -> usize {
        let hash = elf::hash(name);
        let versions = |index: usize| {
            let all = symbols.get(index).map_or(&[][..], |table| table.definitions_by(name, hash));
            all.iter().filter(|defined| defined.unique).map(|defined| defined.version.as_deref())
        };
        if versions(found).next().is_none() {
            return found;
        }
        let holders: Vec<usize> =
            (0..symbols.len()).filter(|index| versions(*index).next().is_some()).collect();
        let same = holders.iter().all(|index| versions(*index).eq(versions(found)));
        // Then the first in the scope is the first of all.
        let seen = |index: &usize| self.is_global(*index) || self.is_together(*index, found);
        if same && holders.iter().all(|index| seen(index) && !self.is_symbolic(*index)) {
            return found;
        }
        for index in self.relocated() {
            let own = versions(index);
            let table = &symbols[index].undefined;
            let from = table.partition_point(|symbol| symbol.name.as_str() < name);
            let wanted = table[from..].iter().take_while(|symbol| symbol.name == name);
            let wanted = wanted.map(|symbol| symbol.version.as_ref().map(|need| need.version.as_str()));
            for version in own.chain(wanted) {
                let first = self.in_scope(loader, symbols, index, &reference(name, version));
                if let Some(first) = first.filter(|first| versions(*first).next().is_some()) {
                    return first;
                }
            }
        }
        found
    }

    /// Whether two objects came with the same file, or with the program.
    fn is_together(&self, one: usize, other: usize) -> bool {
        self.objects[one].scope == self.objects[other].scope
    }

    /// All objects in the order in which they are relocated: the program and its libraries, then those of each
    /// file that was opened.
    fn relocated(&self) -> Vec<usize> {
        let mut done = vec![false; self.objects.len()];
        let mut order = Vec::new();
        for index in self.scopes.iter().flat_map(|scope| scope.iter().rev()) {
            self.finish(*index, &mut done, &mut order);
        }
        order
    }

    /// Adds what `start` needs and then itself, depth first, without recursion: chains may be long.
    fn finish(&self, start: usize, done: &mut [bool], order: &mut Vec<usize>) {
        let mut path = vec![(start, 0)];
        while let Some((index, next)) = path.pop() {
            if next == 0 && std::mem::replace(&mut done[index], true) {
                continue;
            }
            match self.objects[index].needed.get(next) {
                Some(needed) => {
                    path.push((index, next + 1));
                    path.extend(needed.filter(|needed| !done[*needed]).map(|needed| (needed, 0)));
                }
                None => order.push(index),
            }
        }
    }
}

fn reference(name: &str, version: Option<&str>) -> Undefined {
    let need = |version: &str| {
        Arc::new(VersionNeed { file: String::new(), version: version.to_owned(), weak: false })
    };
    Undefined { name: name.into(), version: version.map(need), weak: false, lazy: false }
}
