//! Two steps on one path: what the image would hold would depend on their order.
//!
//! Sees what the recipe names in full. What globs match, only the donor's tree can tell: that is for the plan.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use crate::oci::ImagePath;
use crate::recipe::error::Problem;
use crate::recipe::fault::Fault;
use crate::recipe::raw::RawGraft;
use crate::recipe::raw::RawStep;

/// Every path that is written a second time, with both places.
pub(super) fn check(steps: &[RawStep]) -> Vec<Problem> {
    let mut first: BTreeMap<ImagePath, Range<usize>> = BTreeMap::new();
    let mut problems = Vec::new();
    for (path, span) in steps.iter().flat_map(written) {
        if let Some(before) = first.get(&path) {
            let problem = Problem::at(Fault::TwoSteps(path.to_string()), span);
            problems.push(problem.label("written again").and(before.clone(), "written here first"));
        } else {
            first.insert(path, span);
        }
    }
    problems
}

fn written(step: &RawStep) -> Vec<(ImagePath, Range<usize>)> {
    let named = [
        step.patch.as_ref().map(|patch| &patch.file),
        step.remove.as_ref().map(|remove| &remove.path),
        step.link.as_ref().map(|link| &link.path),
        step.write.as_ref().map(|write| &write.file),
        step.mkdir.as_ref().map(|mkdir| &mkdir.path),
    ];
    let named = named.into_iter().flatten();
    let named = named.filter_map(|text| Some((ImagePath::absolute(text.get_ref()).ok()?, text.span())));
    named.chain(step.graft.iter().flat_map(grafted)).collect()
}

fn grafted(graft: &RawGraft) -> Vec<(ImagePath, Range<usize>)> {
    let Ok(into) = ImagePath::absolute(graft.into.get_ref()) else {
        return Vec::new();
    };
    let files = graft.files.iter().chain(&graft.optional);
    let plain = files.filter(|text: &&Spanned<String>| !text.get_ref().contains(['*', '?', '[', '{', '\\']));
    plain.filter_map(|text| Some((into.join(text.get_ref()).ok()?, text.span()))).collect()
}
