//! Names of variables in real libraries against what those libraries say of themselves.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../elves/mod.rs"]
mod elves;
mod truth;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use imgforge::audit;
use imgforge::audit::Subject;
use imgforge::finding::Finding;
use imgforge::finding::RecipeSpot;
use imgforge::layer::Changeset;
use imgforge::recipe::AuditOptions;

use elves as skip;
use elves::Image;
use truth::Truth;

/// Settings that circulate and that libfabric 2.3.0, UCX and NIXL 0.6.1 do not read, with what was meant where
/// that can be told.
const PLACEBOS: [(&str, Option<&str>); 10] = [
    ("FI_EFA_DEV_LIST", None),
    ("FI_EFA_ENABLE_SHM", Some("FI_EFA_ENABLE_SHM_TRANSFER")),
    ("FI_EFA_INTERFACE", None),
    ("FI_HMEM_P2P_DISABLED", Some("FI_HMEM_DISABLE_P2P")),
    ("NIXL_BACKEND", None),
    ("NIXL_CONTAINER_AWARE_TOPOLOGY", None),
    ("NIXL_LIBFABRIC_NUM_RAILS", None),
    ("NIXL_SKIP_TOPOLOGY_CHECK", None),
    ("UCX_NET_DEVICE", Some("UCX_NET_DEVICES")),
    ("UCX_TRANSPORTS", None),
];

/// What the check says of an image of NIXL, libfabric and UCX in which all of `names` are set.
fn unread(truth: &Truth, names: &BTreeSet<String>) -> BTreeMap<String, Finding> {
    let mut wheel = Changeset::default();
    let libraries = truth.directory.join("nixl/nixl.libs");
    elves::add_all(&mut wheel, &libraries.join("ucx"));
    elves::add_all(&mut wheel, &truth.directory.join("nixl/.nixl.mesonpy.libs"));
    for entry in std::fs::read_dir(libraries).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("libfabric") || name.starts_with("libuc") {
            elves::add(&mut wheel, &file);
        }
    }
    let env: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let (before, after) = (Image::new(&[&Changeset::default()], &[]), Image::new(&[&wheel], &env));
    let spot = RecipeSpot { file: "r.toml".to_owned(), line: 1, column: 1 };
    let settings = names.iter().map(|name| (name.clone(), spot.clone())).collect();
    let subject = Subject {
        before: before.view(),
        after: after.view(),
        changed: &BTreeMap::new(),
        donors: &[],
        noted: &[],
        options: &AuditOptions { settings, ..AuditOptions::default() },
    };
    let findings = audit::run(&subject).unwrap().into_iter();
    let own = findings.filter(|finding| finding.check == "setting-unread");
    own.map(|finding| (finding.symbol.clone().unwrap(), finding)).collect()
}

#[test]
fn every_real_name_is_read_and_no_placebo_is() {
    let Some(truth) = Truth::get() else { return };
    assert!(truth.fi.len() >= 130 && truth.ucx.len() >= 700, "{} {}", truth.fi.len(), truth.ucx.len());
    let real = truth.fi.iter().chain(&truth.ucx);
    let names = real.cloned().chain(PLACEBOS.map(|(name, _)| name.to_owned())).collect();
    let findings = unread(&truth, &names);
    let told: Vec<&str> = findings.keys().map(String::as_str).collect();
    assert_eq!(told, PLACEBOS.map(|(name, _)| name));
    for (name, nearest) in PLACEBOS.iter().filter(|(_, nearest)| nearest.is_some()) {
        assert_eq!(findings[*name].evidence.get("nearest").map(String::as_str), *nearest, "{name}");
    }
}

/// Real names with one word too few or with two exchanged: nobody reads them. Some are made of parts all the
/// same, and pass; most must not.
#[test]
fn names_that_are_nearly_right_are_told() {
    let Some(truth) = Truth::get() else { return };
    let real: BTreeSet<&String> = truth.fi.iter().chain(&truth.ucx).collect();
    let mut wrong = BTreeSet::new();
    for name in &real {
        let words: Vec<&str> = name.split('_').collect();
        if words.len() >= 4 {
            wrong.insert(words[..words.len() - 1].join("_"));
            let mut swapped = words.clone();
            swapped.swap(words.len() - 2, words.len() - 1);
            wrong.insert(swapped.join("_"));
        }
    }
    wrong.retain(|name| !real.contains(name));
    let wrong: BTreeSet<String> = wrong.into_iter().step_by(7).collect();
    let told = unread(&truth, &wrong).len();
    println!("{told} of {} told", wrong.len());
    assert!(told * 10 > wrong.len() * 8, "{told} of {}", wrong.len());
}
