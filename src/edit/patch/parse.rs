//! Patch files: from TOML to edits that can be applied.

use std::ops::Range;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::edit::patch::Body;
use crate::edit::patch::Patch;
use crate::edit::patch::anchor::Anchor;
use crate::edit::patch::anchor::Edit;
use crate::edit::patch::anchor::Edits;
use crate::edit::patch::anchor::How;
use crate::edit::patch::anchor::groups;
use crate::recipe;
use crate::recipe::error::Error;
use crate::recipe::error::Problem;
use crate::recipe::error::spot;
use crate::recipe::fault::Fault;
use crate::recipe::schema::of;
use crate::recipe::shape;

/// A patch of imgforge: edits of one text file, each with an anchor that must match.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawPatch {
    /// Version of this grammar.
    #[schemars(extend("const" = 1))]
    #[expect(dead_code, reason = "checked before serde reads the rest")]
    schema: i64,
    /// What the patch does.
    name: String,
    /// Whether the result must parse as Python; default: when the file ends in `.py`.
    python: Option<bool>,
    /// Literal texts that only the patched file has: when all are there, the file is left as it is.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    applied: Vec<Spanned<String>>,
    /// Literal texts that must be there before.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    requires: Vec<Spanned<String>>,
    /// Literal texts that must not be there before.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    forbids: Vec<Spanned<String>>,
    /// Literal texts that must be there after.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    ensures: Vec<Spanned<String>>,
    /// Literal texts that must not be there after.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    ensures_absent: Vec<Spanned<String>>,
    /// The edits; all look at the file as it was before.
    #[schemars(with = "Vec<RawEdit>")]
    edit: Vec<Spanned<RawEdit>>,
}

/// One edit: an anchor (`find` or `regex`) and a new text (`replace`, `after` or `before`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawEdit {
    /// Literal text; `\n` matches any line end.
    #[schemars(with = "Option<String>")]
    find: Option<Spanned<String>>,
    /// Regular expression; groups are `${name}` or `${1}` in the new text.
    #[schemars(with = "Option<String>")]
    regex: Option<Spanned<String>>,
    /// How often the anchor must match; default 1.
    #[schemars(with = "Option<i64>")]
    count: Option<Spanned<i64>>,
    /// New text instead of the match.
    replace: Option<String>,
    /// New text right after the match.
    after: Option<String>,
    /// New text right before the match.
    before: Option<String>,
}

/// The JSON Schema of patch files, indented, with a newline at its end.
#[must_use]
pub fn schema() -> String {
    format!("{:#}\n", of::<RawPatch>("imgforge patch"))
}

pub(super) fn edits(file: &str, text: &str) -> Result<Patch, Error> {
    let raw = raw(text).map_err(|problems| Error::invalid(file, text, problems))?;
    let mut problems = Vec::new();
    let mut plain = |texts: &[Spanned<String>]| -> Vec<String> {
        for empty in texts.iter().filter(|text| text.get_ref().is_empty()) {
            problems.push(Problem::at(Fault::Empty("the text"), empty.span()));
        }
        texts.iter().map(|text| newlines(text.get_ref())).collect()
    };
    let mut edits = Edits {
        applied: plain(&raw.applied),
        requires: plain(&raw.requires),
        forbids: plain(&raw.forbids),
        ensures: plain(&raw.ensures),
        ensures_absent: plain(&raw.ensures_absent),
        edits: Vec::new(),
    };
    if raw.edit.is_empty() {
        problems.push(Problem::at(Fault::Empty("the list of edits"), 0..0));
    }
    for one in &raw.edit {
        let line = spot(file, text, one.span().start).line;
        edits.edits.extend(edit(one.get_ref(), &one.span(), line, &mut problems));
    }
    if !problems.is_empty() {
        return Err(Error::invalid(file, text, problems));
    }
    Ok(Patch { file: file.to_owned(), name: Some(raw.name), python: raw.python, body: Body::Edits(edits) })
}

fn raw(text: &str) -> Result<RawPatch, Vec<Problem>> {
    let table = recipe::document(text).map_err(|problem| vec![problem])?;
    let problems = shape::check(&of::<RawPatch>("patch"), &table);
    if !problems.is_empty() {
        return Err(problems);
    }
    let deserializer = toml::de::Deserializer::from(table);
    RawPatch::deserialize(deserializer).map_err(|error| vec![recipe::unread(&error)])
}

fn edit(raw: &RawEdit, span: &Range<usize>, line: usize, problems: &mut Vec<Problem>) -> Option<Edit> {
    let anchor = anchor(raw, span, problems);
    let given = [
        ("replace", How::Replace, &raw.replace),
        ("after", How::After, &raw.after),
        ("before", How::Before, &raw.before),
    ];
    let news: Vec<_> = given.iter().filter_map(|(key, how, new)| Some((*key, *how, new.as_ref()?))).collect();
    let [(_, how, new)] = news.as_slice() else {
        let found = news.iter().map(|(key, ..)| (*key).to_owned()).collect();
        problems.push(one_of(&["replace", "after", "before"], found, span));
        return None;
    };
    let count = raw.count.as_ref().map_or(1, |count| *count.get_ref());
    if let (Some(place), Err(_) | Ok(0)) = (&raw.count, usize::try_from(count)) {
        problems.push(Problem::at(Fault::TooSmall("count"), place.span()));
    }
    let anchor = anchor?;
    let new = newlines(new);
    if let (Anchor::Regex(regex), Some(place)) = (&anchor, &raw.regex) {
        let known: Vec<String> = regex.capture_names().flatten().map(str::to_owned).collect();
        for group in groups(&new) {
            let number = group.parse::<usize>().is_ok_and(|number| number < regex.captures_len());
            if !number && !known.contains(&group) {
                problems.push(Problem::at(Fault::Group(group), place.span()));
            }
        }
    }
    let count = usize::try_from(count).unwrap_or_default();
    Some(Edit { anchor, how: *how, new, count, line })
}

fn anchor(raw: &RawEdit, span: &Range<usize>, problems: &mut Vec<Problem>) -> Option<Anchor> {
    match (&raw.find, &raw.regex) {
        (Some(text), None) | (None, Some(text)) if text.get_ref().is_empty() => {
            problems.push(Problem::at(Fault::Empty("the anchor"), text.span()));
            None
        }
        (Some(text), None) => Some(Anchor::Literal(newlines(text.get_ref()))),
        (None, Some(text)) => match Regex::new(text.get_ref()) {
            Ok(regex) => Some(Anchor::Regex(regex)),
            Err(error) => {
                let last = error.to_string().lines().last().unwrap_or_default().to_owned();
                let message = last.trim_start_matches("error: ").to_owned();
                problems.push(Problem::at(Fault::Regex(message), text.span()));
                None
            }
        },
        (find, _) => {
            let found = if find.is_some() { &["find", "regex"][..] } else { &[] };
            let found = found.iter().map(|key| (*key).to_owned()).collect();
            problems.push(one_of(&["find", "regex"], found, span));
            None
        }
    }
}

fn one_of(known: &[&str], found: Vec<String>, span: &Range<usize>) -> Problem {
    let known = known.iter().map(|key| (*key).to_owned()).collect();
    let what = "an edit";
    Problem::at(Fault::NotExactlyOne { what, known, found }, span.clone())
}

fn newlines(text: &str) -> String {
    text.replace("\r\n", "\n")
}
