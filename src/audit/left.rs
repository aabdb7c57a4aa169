//! Files of a build that stay while others of it are replaced.

use std::collections::BTreeSet;

use super::Case;
use super::case::DonorCase;
use crate::abi::closure;
use crate::abi::closure::Wheels;
use crate::elf;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

/// A file that stays behind, and whose counterpart in the donor is another.
pub(super) struct Left<'a> {
    pub(super) path: ImagePath,
    pub(super) donor: &'a DonorCase<'a>,
    /// Whether the donor has a file of its name.
    pub(super) has: bool,
}

/// Files that stay in directories that grafts map, and, wherever they are, in wheels of which a graft replaces a
/// part.
pub(super) fn behind<'a>(case: &'a Case<'a>) -> Result<Vec<Left<'a>>, ObjectError> {
    let Some(before) = case.before.filter(|_| !case.donors.is_empty()) else {
        return Ok(Vec::new());
    };
    let wheels = Wheels::new(&before.loader)?;
    let mut left = Vec::new();
    for donor in case.donors {
        let moved = &donor.donor.moved;
        let of_wheels: BTreeSet<&ImagePath> =
            moved.keys().filter_map(|path| wheels.of(path)).flat_map(|wheel| wheel.files.keys()).collect();
        for (path, object) in before.loader.catalogue.iter() {
            let Some(there) = counterpart(donor, path, of_wheels.contains(path)) else {
                continue;
            };
            let stays = case.loader.catalogue.get(path).is_some_and(|now| now.digest == object.digest);
            let there = there.and_then(|there| donor.loader.catalogue.get(&there));
            let same = there.is_some_and(|there| closure::same(there, object));
            if stays && !same && !moved.contains_key(path) {
                left.push(Left { path: path.clone(), donor, has: there.is_some() });
            }
        }
    }
    Ok(left)
}

/// Where the donor would have a file: by the roots of its grafts, or for a file of a wheel by the directories
/// that packages are in. The first `None`: nothing is said of this file; the second: the donor has none such.
fn counterpart(donor: &DonorCase<'_>, path: &ImagePath, of_wheel: bool) -> Option<Option<ImagePath>> {
    let roots = donor.donor.roots.iter();
    let mapped = roots.clone().filter(|(_, into)| path.is_within(into)).max_by_key(|(_, into)| into.clone());
    let (root, into) = match mapped {
        Some(found) => found.clone(),
        None if of_wheel => {
            let sites = roots.filter_map(|(root, into)| Some((site(root)?, site(into)?)));
            sites.into_iter().find(|(_, into)| path.is_within(into))?
        }
        None => return None,
    };
    let there = path.relative_to(&into).and_then(|rest| root.join(rest).ok())?;
    if donor.loader.catalogue.get(&there).is_some() {
        return Some(Some(there));
    }
    // auditwheel's hash is of the content: another build has another.
    let plain = |path: &ImagePath| elf::path_without_hash(&path.to_string()).into_owned();
    let mut others = donor.loader.catalogue.iter().map(|(other, _)| other);
    Some(others.find(|other| other.parent() == there.parent() && plain(other) == plain(&there)).cloned())
}

/// The directory of packages that a path is in.
fn site(path: &ImagePath) -> Option<ImagePath> {
    let all = path.ancestors().into_iter().chain([path.clone()]);
    all.into_iter().rfind(|path| matches!(path.name(), b"site-packages" | b"dist-packages"))
}
