//! Needed to load: the least set of files with which every reference that was resolved stays resolved.
//!
//! A reference counts when it was resolved in the build that the asking file comes from. A new file that misses
//! something brings the file that gives it in the new tree; an old file that misses something is itself replaced.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Error;
use super::Moved;
use super::Reason;
use super::Tier;
use super::fault;
use super::fault::Fault;
use super::mixture;
use super::mixture::Mixture;
use super::moves::Moves;
use super::pairs;
use super::pairs::Pairs;
use super::side::Side;
use crate::index::ObjectError;
use crate::loader::Catalogue;
use crate::loader::Loader;
use crate::oci::ImagePath;

/// Parts of the C library and its loader: they are one program, and never move alone.
const LIBC: [&str; 12] = [
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libresolv.so.2",
    "libutil.so.1",
    "libanl.so.1",
    "libmvec.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "libnsl.so.1",
];
/// Most files that are tried one by one for whether the set does without them.
const MOST: usize = 200;

/// The set as it grows.
pub(super) struct Load<'a> {
    pub(super) old: &'a Loader<'a>,
    pub(super) new: &'a Loader<'a>,
    pub(super) pairs: &'a Pairs<'a>,
    host: &'a [String],
    pub(super) was: Side<'a>,
    pub(super) will: Side<'a>,
    pub(super) moves: Moves,
    pub(super) unsettled: Vec<Reason>,
}

/// What answers a fault: a file of the new tree and where it goes.
type Answer = Option<(ImagePath, ImagePath)>;

impl<'a> Load<'a> {
    pub(super) fn new(
        old: &'a Loader<'a>,
        new: &'a Loader<'a>,
        pairs: &'a Pairs<'a>,
        host: &'a [String],
    ) -> Self {
        let (was, will) = (Side::new(old), Side::new(new));
        Self { old, new, pairs, host, was, will, moves: Moves::new(), unsettled: Vec::new() }
    }

    pub(super) fn seed(&mut self, seeds: &BTreeSet<ImagePath>) -> Result<(), Error> {
        for seed in seeds {
            let found = self.new.view.tree.resolve(seed).ok().map(|found| found.path);
            let Some(path) = found.filter(|path| self.new.catalogue.get(path).is_some()) else {
                let name = String::from_utf8_lossy(seed.name()).into_owned();
                let near = self.new.catalogue.named(&name).to_vec();
                return Err(Error::Seed { path: seed.clone(), near });
            };
            self.add(self.pairs.target(&path), path, Tier::Seed, None);
        }
        Ok(())
    }

    /// Adds files until nothing that was resolved stays open, or nothing more helps.
    pub(super) fn settle(&mut self, tier: Tier) -> Result<(), Error> {
        loop {
            let mut grown = false;
            let mut open = Vec::new();
            for fault in self.faults(&self.moves)? {
                let (owner, answer) = self.answer(&fault)?;
                let Some(owner) = owner else { continue };
                let reason = Reason {
                    kind: fault.want.kind(),
                    by: fault.by,
                    of: Some(owner),
                    names: BTreeSet::from([fault.want.name().to_owned()]),
                };
                match answer {
                    Some((target, from)) => grown |= self.add(target, from, tier, Some(reason)),
                    None => Reason::merge(&mut open, reason),
                }
            }
            if !grown {
                self.unsettled = open;
                return Ok(());
            }
        }
    }

    /// Takes out what the set does without: of several ways to close a gap, each file alone may have been one.
    pub(super) fn reduce(&mut self) -> Result<(), Error> {
        let targets: Vec<ImagePath> = self.moves.iter().map(|(target, _)| target.clone()).collect();
        if targets.len() > MOST {
            return Ok(());
        }
        let open = self.open(&self.moves.clone())?;
        for target in targets {
            let Some(moved) = self.moves.remove(&target) else { continue };
            if moved.tier == Tier::Seed || self.open(&self.moves.clone())? > open {
                self.moves.put(target, moved);
            }
        }
        Ok(())
    }

    /// How many references are open that were resolved before.
    fn open(&mut self, moves: &Moves) -> Result<usize, Error> {
        let mut open = 0;
        for fault in self.faults(moves)? {
            open += usize::from(self.owner(&fault)?.is_some());
        }
        Ok(open)
    }

    fn faults(&self, moves: &Moves) -> Result<BTreeSet<Fault>, Error> {
        let mixture = Mixture::new(self.old.view, self.new.view, moves)?;
        let loader = Loader::new(mixture.view(), self.host)?;
        let touched = touched(&loader.catalogue, &self.old.catalogue, moves);
        Ok(fault::all(&loader, &touched)?)
    }

    /// Who gave it in the asking file's own build, as a path there, and whether that is the new one.
    fn owner(&mut self, fault: &Fault) -> Result<Option<(ImagePath, bool)>, ObjectError> {
        let from = |path: &ImagePath, moves: &Moves| {
            let moved = moves.get(path).map(|moved| moved.from.clone());
            moved.or_else(|| self.pairs.new_of(path).cloned())
        };
        let mine = self.moves.get(&fault.by).is_none();
        if mine {
            for subject in [&fault.subject, &fault.by] {
                if let Some(owner) = self.was.gives(subject, &fault.by, &fault.want)? {
                    return Ok(Some((owner, false)));
                }
            }
            return Ok(None);
        }
        let Some(file) = from(&fault.by, &self.moves) else { return Ok(None) };
        for subject in [from(&fault.subject, &self.moves), Some(file.clone())].into_iter().flatten() {
            if let Some(owner) = self.will.gives(&subject, &file, &fault.want)? {
                return Ok(Some((owner, true)));
            }
        }
        Ok(None)
    }

    /// Who gave it, by its path in the old tree, and what would give it again.
    fn answer(&mut self, fault: &Fault) -> Result<(Option<ImagePath>, Answer), ObjectError> {
        let Some((owner, new)) = self.owner(fault)? else {
            return Ok((None, None));
        };
        if new {
            return Ok((Some(self.pairs.target(&owner)), self.place(owner)));
        }
        let Some(pair) = self.pairs.new_of(&fault.by).cloned() else {
            return Ok((Some(owner), None));
        };
        let answer = self.place(pair.clone());
        if answer.is_some() {
            return Ok((Some(owner), answer));
        }
        // The asking file is the same in both: in the new build another file gives what it wants.
        let giver = self.will.gives(&pair, &pair, &fault.want)?;
        Ok((Some(owner), giver.and_then(|giver| self.place(giver))))
    }

    /// Where a file of the new tree would go; `None` when it is there already and does not help.
    fn place(&self, from: ImagePath) -> Answer {
        let name = String::from_utf8_lossy(from.name()).into_owned();
        if LIBC.contains(&name.as_str()) {
            return None;
        }
        let there = |target: &ImagePath| {
            let moved = self.moves.get(target).is_some_and(|moved| moved.from == from);
            let pair = (self.old.catalogue.get(target), self.new.catalogue.get(&from));
            moved || matches!(pair, (Some(one), Some(other)) if pairs::same(one, other))
        };
        let target = self.pairs.target(&from);
        // What is there and is not found is looked for where the new tree has it.
        let target = if there(&target) { from.clone() } else { target };
        (!there(&target)).then_some((target, from))
    }

    /// Adds a file with its links. Whether it is new to the set.
    pub(super) fn add(
        &mut self,
        target: ImagePath,
        from: ImagePath,
        tier: Tier,
        reason: Option<Reason>,
    ) -> bool {
        let (mine, theirs) = (self.old.view.tree, self.new.view.tree);
        let moved = Moved {
            replaces: mine.get(&target).is_some(),
            links: mixture::links(mine, theirs, &from, &target),
            from,
            tier,
            reasons: reason.into_iter().collect(),
        };
        self.moves.add(target, moved)
    }
}

/// The files that moves can touch: themselves, and whoever asks for one of their names, directly or not.
fn touched(mixture: &Catalogue, old: &Catalogue, moves: &Moves) -> BTreeSet<ImagePath> {
    let mut askers: BTreeMap<&str, Vec<&ImagePath>> = BTreeMap::new();
    for (path, object) in mixture.iter() {
        for needed in &object.facts.needed {
            askers.entry(needed.rsplit('/').next().unwrap_or(needed)).or_default().push(path);
        }
    }
    let names = |path: &ImagePath| {
        let own = String::from_utf8_lossy(path.name()).into_owned();
        let objects = [mixture.get(path), old.get(path)].into_iter().flatten();
        objects.filter_map(|object| object.facts.soname.clone()).chain([own]).collect::<Vec<_>>()
    };
    let mut files: BTreeSet<ImagePath> = moves.iter().map(|(target, _)| target.clone()).collect();
    let links = moves.iter().flat_map(|(_, moved)| &moved.links);
    let mut todo: Vec<String> = files.iter().chain(links).flat_map(names).collect();
    while let Some(name) = todo.pop() {
        for path in askers.remove(name.as_str()).into_iter().flatten() {
            if files.insert(path.clone()) {
                todo.extend(names(path));
            }
        }
    }
    files
}
