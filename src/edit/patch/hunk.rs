//! Applies unified diffs as GNU patch does with fuzz 0: context must fit to the letter, line numbers need not.

use crate::edit::patch::Error;
use crate::edit::patch::Outcome;
use crate::edit::patch::Patch;
use crate::edit::patch::Place;
use crate::edit::patch::diff::Diff;
use crate::edit::patch::diff::Hunk;
use crate::edit::patch::diff::Line;
use crate::edit::patch::lines::Change;
use crate::edit::patch::lines::Normal;
use crate::edit::patch::nearest::nearest;

/// Which text is looked for.
#[derive(Debug, Clone, Copy)]
enum Side {
    /// As it was before the patch.
    Before = 0,
    /// As it is after it.
    After = 1,
}

/// Where a hunk fits: lines above it, and how many more than its header says.
type Fit = (usize, i64);

/// Applies all hunks, or finds all applied, or refuses.
pub(super) fn apply(text: &Normal, diff: &Diff, patch: &Patch) -> Result<Outcome, Error> {
    let lines = text.lines();
    let moved = |fits: &Vec<Fit>| fits.iter().map(|(_, offset)| offset.unsigned_abs()).sum::<u64>();
    let reverse = locate(&lines, diff, Side::After).ok();
    match (locate(&lines, diff, Side::Before), reverse) {
        (Ok(fits), None) => Ok(applied(text, diff, &fits)),
        (Err(_), Some(_)) => Ok(Outcome::AlreadyApplied),
        // Both fit: the one that is nearer to where the diff says.
        (Ok(fits), Some(reverse)) => match moved(&fits).cmp(&moved(&reverse)) {
            std::cmp::Ordering::Less => Ok(applied(text, diff, &fits)),
            std::cmp::Ordering::Greater => Ok(Outcome::AlreadyApplied),
            std::cmp::Ordering::Equal => Err(Error::Ambiguous { patch: patch.file.clone() }),
        },
        (Err(number), None) => Err(refused(text, &lines, diff, number, patch)),
    }
}

/// The place of every hunk, or the number (from 0) of the first that fits nowhere.
fn locate(lines: &[&str], diff: &Diff, side: Side) -> Result<Vec<Fit>, usize> {
    let mut fits = Vec::new();
    let (mut free, mut shift) = (0, 0);
    for (number, hunk) in diff.hunks.iter().enumerate() {
        let (at, offset) = hunk.fit(lines, side, free, shift).ok_or(number)?;
        free = at + hunk.side(side).len();
        shift = offset;
        fits.push((at, offset));
    }
    Ok(fits)
}

impl Hunk {
    /// Its lines before or after the patch.
    fn side(&self, side: Side) -> Vec<&str> {
        let lines = self.lines.iter().filter_map(|line| match (line, side) {
            (Line::Context(text), _) | (Line::Old(text), Side::Before) | (Line::New(text), Side::After) => {
                Some(text.as_str())
            }
            _ => None,
        });
        lines.collect()
    }

    /// The nearest place, at or after line `free`, that the lines of a side fit.
    ///
    /// A hunk with less context below than above is the end of a file, and one of the first line with
    /// less above than below its beginning: such hunks fit nowhere else (GNU patch, `locate_hunk`).
    fn fit(&self, lines: &[&str], side: Side, free: usize, shift: i64) -> Option<Fit> {
        let wanted = self.side(side);
        let context = |line: &&Line| matches!(line, Line::Context(_));
        let above = self.lines.iter().take_while(context).count();
        let below = self.lines.iter().rev().take_while(context).count();
        let last = lines.len().checked_sub(wanted.len())?;
        let named = self.above[side as usize];
        let guess = i64::try_from(named).ok()?.saturating_add(shift);
        let fits = |at: usize| at >= free && at <= last && lines[at..at + wanted.len()] == wanted[..];
        let found = |at: usize| Some((at, i64::try_from(at).ok()? - i64::try_from(named).ok()?));
        if wanted.is_empty() {
            // Nothing is everywhere: it says only that an empty file has nothing in it.
            let at = usize::try_from(guess).ok().filter(|at| fits(*at));
            return at.filter(|_| matches!(side, Side::Before) || lines.is_empty()).and_then(found);
        }
        if below < above {
            return if fits(last) { found(last) } else { None };
        }
        if above < below && named == 0 {
            return if fits(0) { found(0) } else { None };
        }
        let reach = i64::try_from(lines.len()).ok()?;
        let mut places = (0..=reach).flat_map(|away| [guess + away, guess - away]);
        places.find_map(|at| usize::try_from(at).ok().filter(|at| fits(*at)).and_then(found))
    }
}

fn applied(text: &Normal, diff: &Diff, fits: &[Fit]) -> Outcome {
    let mut starts = vec![0];
    for line in text.lines() {
        starts.push(starts[starts.len() - 1] + line.len());
    }
    let mut changes: Vec<Change> = Vec::new();
    let mut places = Vec::new();
    for ((hunk, (at, offset)), part) in diff.hunks.iter().zip(fits).zip(1..) {
        let first = changes.len();
        let mut line = *at;
        let mut open = false;
        for one in &hunk.lines {
            if !open && !matches!(one, Line::Context(_)) {
                let (span, new) = (starts[line]..starts[line], String::new());
                changes.push(Change { span, new });
            }
            open = !matches!(one, Line::Context(_));
            let Some(change) = changes.last_mut().filter(|_| open) else {
                line += 1;
                continue;
            };
            if let Line::New(text) = one {
                change.new.push_str(text);
            } else {
                line += 1;
                change.span.end = starts[line];
            }
        }
        places.extend(changes.get(first).map(|change| Place {
            line: starts.partition_point(|start| *start < change.span.start) + 1,
            part,
            offset: *offset,
        }));
    }
    let text = text.with(&changes);
    Outcome::Applied { text, places }
}

fn refused(text: &Normal, lines: &[&str], diff: &Diff, number: usize, patch: &Patch) -> Error {
    let there = |hunk: &Hunk, side| hunk.fit(lines, side, 0, 0).is_some();
    let sides: Vec<(bool, bool)> =
        diff.hunks.iter().map(|hunk| (there(hunk, Side::Before), there(hunk, Side::After))).collect();
    let numbers = |wanted: (bool, bool)| -> Vec<usize> {
        let numbered = sides.iter().zip(1..);
        numbered.filter(|(sides, _)| **sides == wanted).map(|(_, number)| number).collect()
    };
    let (done, open) = (numbers((false, true)), numbers((true, false)));
    if !done.is_empty() && !open.is_empty() {
        let patch = patch.file.clone();
        return Error::Partial { patch, done, open };
    }
    let hunk = &diff.hunks[number];
    let wanted = hunk.side(Side::Before);
    let same = lines.windows(wanted.len().max(1)).position(|window| window == wanted);
    if let Some(above) = same {
        return Error::Elsewhere { spot: patch.spot(hunk.line), hunk: number + 1, line: above + 1 };
    }
    Error::Hunk {
        spot: patch.spot(hunk.line),
        hunk: number + 1,
        nearest: nearest(&text.text, &wanted.concat()),
    }
}
