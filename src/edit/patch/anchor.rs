//! Edits with anchors: where each matches, whether it is done already, and what it changes.

use std::ops::Range;

use regex::Regex;

use crate::edit::patch::Error;
use crate::edit::patch::Outcome;
use crate::edit::patch::Patch;
use crate::edit::patch::Place;
use crate::edit::patch::lines::Change;
use crate::edit::patch::lines::Normal;
use crate::edit::patch::nearest::nearest;

/// So many characters, blanks not counted, are no coincidence: new text of this length that is where an edit
/// would put it was put there by the patch.
const EVIDENCE: usize = 16;

#[derive(Debug)]
pub(super) struct Edits {
    pub(super) applied: Vec<String>,
    pub(super) requires: Vec<String>,
    pub(super) forbids: Vec<String>,
    pub(super) ensures: Vec<String>,
    pub(super) ensures_absent: Vec<String>,
    pub(super) edits: Vec<Edit>,
}

#[derive(Debug)]
pub(super) struct Edit {
    pub(super) anchor: Anchor,
    pub(super) how: How,
    pub(super) new: String,
    pub(super) count: usize,
    /// In the patch file, from 1.
    pub(super) line: usize,
}

#[derive(Debug)]
pub(super) enum Anchor {
    Literal(String),
    Regex(Regex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Replace,
    After,
    Before,
}

/// What one edit finds.
enum State {
    /// Everything is as the edit wants it to be.
    Ready(Vec<Change>),
    /// Its result is there, with so many characters to tell by.
    Done(usize),
    /// Its result is at some of its places.
    Half,
    /// The anchor does not match as often as it must; at these offsets it does.
    Wrong(Vec<usize>),
}

/// Applies all edits to the text as it is: none sees what another did.
pub(super) fn apply(text: &Normal, edits: &Edits, patch: &Patch) -> Result<Outcome, Error> {
    let has = |marker: &String| text.text.contains(marker.as_str());
    let marked = !edits.applied.is_empty();
    // What counts as applied must also be what the patch promises to leave.
    let found_applied = || after(&text.text, edits, patch).map(|()| Outcome::AlreadyApplied);
    if marked && edits.applied.iter().all(has) {
        return found_applied();
    }
    let states: Vec<State> = edits.edits.iter().map(|edit| edit.state(&text.text, marked)).collect();
    let numbers = |wanted: fn(&State) -> bool| -> Vec<usize> {
        let numbered = states.iter().zip(1..);
        numbered.filter(|(state, _)| wanted(state)).map(|(_, number)| number).collect()
    };
    let done = numbers(|state| matches!(state, State::Done(_) | State::Half));
    let open = numbers(|state| !matches!(state, State::Done(_)));
    let evidence: usize =
        states.iter().map(|state| if let State::Done(sum) = state { *sum } else { 0 }).sum();
    if open.is_empty() && !marked && evidence >= EVIDENCE {
        return found_applied();
    }
    if !done.is_empty() && (evidence >= EVIDENCE || open.is_empty() || numbers(is_wrong).is_empty()) {
        let patch = patch.file.clone();
        return Err(match open.is_empty() {
            // Too little to tell a result from a coincidence, or the author's own markers deny it.
            true => Error::Unclear { patch, done },
            false => Error::Partial { patch, done, open },
        });
    }
    before(&text.text, edits, patch)?;
    let changes = changes(text, edits, states, patch)?;
    let plain: Vec<Change> = changes.iter().map(|(_, change)| change.clone()).collect();
    let result = text.with(&plain);
    let normal = Normal::new(&result).map_err(|line| Error::NotUtf8 { line })?;
    after(&normal.text, edits, patch)?;
    let places = changes.iter().map(|(part, change)| Place {
        line: text.line(change.span.start),
        part: *part,
        offset: 0,
    });
    Ok(Outcome::Applied { places: places.collect(), text: result })
}

const fn is_wrong(state: &State) -> bool {
    matches!(state, State::Wrong(_))
}

fn changes(
    text: &Normal,
    edits: &Edits,
    states: Vec<State>,
    patch: &Patch,
) -> Result<Vec<(usize, Change)>, Error> {
    let mut all: Vec<(usize, Change)> = Vec::new();
    for ((state, edit), number) in states.into_iter().zip(&edits.edits).zip(1..) {
        match state {
            State::Ready(changes) => all.extend(changes.into_iter().map(|change| (number, change))),
            State::Wrong(found) => {
                let nearest = found.is_empty().then(|| nearest(&text.text, &edit.anchor.shown()));
                return Err(Error::Count {
                    spot: patch.spot(edit.line),
                    expected: edit.count,
                    found: found.iter().map(|offset| text.line(*offset)).collect(),
                    nearest: nearest.flatten(),
                });
            }
            State::Done(_) | State::Half => {}
        }
    }
    all.sort_by_key(|(number, change)| (change.span.start, change.span.end, *number));
    for pair in all.windows(2) {
        if pair[1].1.span.start < pair[0].1.span.end {
            return Err(Error::Overlap {
                patch: patch.file.clone(),
                first: pair[0].0,
                second: pair[1].0,
                line: text.line(pair[1].1.span.start),
            });
        }
    }
    Ok(all)
}

fn before(text: &str, edits: &Edits, patch: &Patch) -> Result<(), Error> {
    if let Some(missing) = edits.requires.iter().find(|wanted| !text.contains(wanted.as_str())) {
        return Err(Error::Required {
            patch: patch.file.clone(),
            text: missing.clone(),
            nearest: nearest(text, missing),
        });
    }
    let unwanted = edits.forbids.iter().find_map(|unwanted| Some((unwanted, text.find(unwanted.as_str())?)));
    match unwanted {
        None => Ok(()),
        Some((unwanted, at)) => Err(Error::Forbidden {
            patch: patch.file.clone(),
            text: unwanted.clone(),
            line: text[..at].matches('\n').count() + 1,
        }),
    }
}

fn after(result: &str, edits: &Edits, patch: &Patch) -> Result<(), Error> {
    let mut wanted = edits.ensures.iter().chain(&edits.applied);
    if let Some(missing) = wanted.find(|wanted| !result.contains(wanted.as_str())) {
        return Err(Error::NotEnsured { patch: patch.file.clone(), text: missing.clone() });
    }
    for unwanted in &edits.ensures_absent {
        if let Some(at) = result.find(unwanted.as_str()) {
            return Err(Error::Left {
                patch: patch.file.clone(),
                text: unwanted.clone(),
                line: result[..at].matches('\n').count() + 1,
            });
        }
    }
    Ok(())
}

impl Anchor {
    /// Every match with the new text that belongs to it.
    fn matches(&self, text: &str, new: &str) -> Vec<(Range<usize>, String)> {
        match self {
            Self::Literal(literal) => {
                let found = text.match_indices(literal.as_str());
                found.map(|(at, _)| (at..at + literal.len(), new.to_owned())).collect()
            }
            Self::Regex(regex) => {
                let found = regex.captures_iter(text);
                let spans =
                    found.filter_map(|captures| Some((captures.get(0)?.range(), expand(new, &captures))));
                spans.collect()
            }
        }
    }

    /// What to look for when the anchor is nowhere.
    fn shown(&self) -> String {
        match self {
            Self::Literal(literal) => literal.clone(),
            Self::Regex(regex) => regex.as_str().replace("(?m)", "").replace("\\s", " ").replace('\\', ""),
        }
    }
}

impl Edit {
    fn state(&self, text: &str, marked: bool) -> State {
        let matches = self.anchor.matches(text, &self.new);
        let at_once = |(span, new): &(Range<usize>, String)| {
            self.is_done(text, span, new) && !(marked && self.evidence(&text[span.clone()], new) < EVIDENCE)
        };
        let done = matches.iter().filter(|found| at_once(found)).count();
        if matches.len() == self.count {
            return match done {
                0 => State::Ready(matches.into_iter().map(|(span, new)| self.change(span, new)).collect()),
                _ if done == self.count => {
                    let evidence = matches.iter().map(|(span, new)| self.evidence(&text[span.clone()], new));
                    State::Done(evidence.min().unwrap_or_default())
                }
                _ => State::Half,
            };
        }
        let fixed = matches!(self.anchor, Anchor::Literal(_)) || groups(&self.new).is_empty();
        let replaced = matches.is_empty() && self.how == How::Replace && fixed && letters(&self.new) > 0;
        if replaced && text.matches(self.new.as_str()).count() == self.count {
            return State::Done(letters(&self.new));
        }
        State::Wrong(matches.into_iter().map(|(span, _)| span.start).collect())
    }

    fn change(&self, span: Range<usize>, new: String) -> Change {
        let span = match self.how {
            How::Replace => span,
            How::After => span.end..span.end,
            How::Before => span.start..span.start,
        };
        Change { span, new }
    }

    /// Whether the new text of a match is where this edit would put it. Blanks prove nothing.
    fn is_done(&self, text: &str, span: &Range<usize>, new: &str) -> bool {
        let old = &text[span.clone()];
        match self.how {
            How::After => letters(new) > 0 && text[span.end..].starts_with(new),
            How::Before => letters(new) > 0 && text[..span.start].ends_with(new),
            How::Replace => new.char_indices().any(|(at, _)| {
                let start = span.start.checked_sub(at);
                new[at..].starts_with(old)
                    && start.and_then(|start| text.get(start..)).is_some_and(|text| text.starts_with(new))
            }),
        }
    }

    fn evidence(&self, old: &str, new: &str) -> usize {
        match self.how {
            How::Replace => letters(new).saturating_sub(letters(old)),
            How::After | How::Before => letters(new),
        }
    }
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// The parts of a new text: literal stretches and `${group}`; `$${` is a literal `${`.
fn parts(new: &str) -> Vec<Result<&str, &str>> {
    let mut parts = Vec::new();
    let mut rest = new;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            parts.extend([Ok(&rest[..at - 1]), Ok("${")]);
            rest = &rest[at + 2..];
            continue;
        }
        let Some((name, after)) = rest[at + 2..].split_once('}') else {
            break;
        };
        parts.extend([Ok(&rest[..at]), Err(name)]);
        rest = after;
    }
    parts.push(Ok(rest));
    parts
}

/// The groups that a new text names.
pub(super) fn groups(new: &str) -> Vec<String> {
    parts(new).into_iter().filter_map(Result::err).map(str::to_owned).collect()
}

fn expand(new: &str, captures: &regex::Captures<'_>) -> String {
    let expanded = parts(new).into_iter().map(|part| match part {
        Ok(literal) => literal,
        Err(name) => {
            let group = match name.parse() {
                Ok(number) => captures.get(number),
                Err(_) => captures.name(name),
            };
            group.map_or("", |group| group.as_str())
        }
    });
    expanded.collect()
}
