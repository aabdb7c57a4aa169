//! Several copies of one library.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::audit::twins;
use crate::audit::twins::Users;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;

pub(super) static CHECK: Check = Check {
    id: "copies",
    summary: "the image has several copies of a library that differ",
    severity: Severity::Warning,
    explain: "\
Inference images carry several copies of the same library: from a distribution package, from a wheel, from a \
vendor's directory. Files with the same SONAME, or the same name but for the version and the hash that auditwheel \
puts in, are copies; they are told when they are not all the same. The finding says which files are given which \
copy, and by which rule of the search: RPATH, LD_LIBRARY_PATH, RUNPATH, ld.so.cache, the default directories.

Changing one copy changes nothing for programs that load another: a note, which says so where both were the same \
file before. It is a warning when a file that is replaced too still gets a copy that stays, and when one process \
would load two of them, as each has its own state, and a symbol that both define comes from the first.

If a program should use the changed copy and does not, change the others too, or the search path.",
    example: include_str!("../../../fixtures/checks/copies/expected.txt"),
    run,
};

/// Most users of one copy that are listed.
const MOST: usize = 6;

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let sets = twins::sets(&case.loader.catalogue);
    let all: BTreeSet<&ImagePath> = sets.values().flatten().collect();
    let users = twins::users(case.worlds.iter(), &all);
    let mut loaders: BTreeMap<&ImagePath, Vec<&World>> = BTreeMap::new();
    for world in &case.worlds {
        for mapped in world.objects.iter().filter(|mapped| all.contains(&mapped.file)) {
            loaders.entry(&mapped.file).or_default().push(world);
        }
    }
    for (stem, copies) in &sets {
        // Of a set that was there before nothing is new, whichever file of it changed.
        let changed: Vec<&ImagePath> =
            copies.iter().filter(|path| case.changed.contains_key(*path)).collect();
        let Some(about) = changed.first().copied().or_else(|| copies.first()) else { continue };
        let mut together = copies.iter().flat_map(|copy| loaders.get(copy).into_iter().flatten());
        let met = together.find_map(|world| Some((*world, twins::met(world, copies)?)));
        let catalogues = case.before.map(|before| (&before.loader.catalogue, &case.loader.catalogue));
        let left = catalogues.map(|both| twins::left(both, copies, &changed)).unwrap_or_default();
        let (severity, message) = match met {
            Some((World { subject, .. }, (one, other))) => (
                Severity::Warning,
                format!("`{one}` and `{other}` are copies that differ, and `{subject}` loads both"),
            ),
            None if left.is_empty() => {
                (Severity::Note, format!("is one of {} copies that differ", copies.len()))
            }
            None => stays(case, &left, &users),
        };
        let mut finding = Finding::new(CHECK.id, severity, about.to_string(), message);
        finding.symbol = changed.is_empty().then(|| stem.clone());
        let others: Vec<_> = copies.iter().filter(|copy| *copy != about).map(ToString::to_string).collect();
        finding.evidence.insert("copies".to_owned(), others.join(", "));
        finding.evidence.insert("loaded_by".to_owned(), who(copies, &users));
        findings.add(finding, changed.into_iter().take(1).cloned().collect());
    }
    Ok(())
}

/// What is to be said of a library that is replaced while copies of it stay that were the same file.
fn stays(case: &Case<'_>, left: &[&ImagePath], users: &Users) -> (Severity, String) {
    let user = left.iter().find_map(|copy| {
        let mut users = users.get(*copy)?.iter().map(|(user, _)| user);
        Some((copy, users.find(|user| case.changed.contains_key(*user))?))
    });
    match (user, left) {
        (Some((copy, user)), _) => {
            let message = format!(
                "is replaced, but `{user}`, which is replaced too, gets the copy `{copy}`, which stays"
            );
            (Severity::Warning, message)
        }
        (None, [copy]) => {
            (Severity::Note, format!("is replaced, but `{copy}`, which was the same file, stays"))
        }
        (None, _) => {
            (Severity::Note, format!("is replaced, but {} copies that were the same file stay", left.len()))
        }
    }
}

/// `COPY: USER by RULE, …; COPY: …`, only copies that somebody is given.
fn who(copies: &BTreeSet<ImagePath>, users: &Users) -> String {
    let line = |copy: &ImagePath| {
        let users = users.get(copy)?;
        let some = users.iter().take(MOST).map(|(user, rule)| format!("{user} by {rule}"));
        let more = users.len().saturating_sub(MOST);
        let more = (more > 0).then(|| format!("{more} more"));
        Some(format!("{copy}: {}", some.chain(more).collect::<Vec<_>>().join(", ")))
    };
    copies.iter().filter_map(line).collect::<Vec<_>>().join("; ")
}
