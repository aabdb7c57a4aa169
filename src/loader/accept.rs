//! Whether ld.so takes a file that it has found (glibc `elf/dl-load.c`, `open_verify` and
//! `_dl_map_object_from_fd`): one for another machine is passed over, one that is no library ends the load.

use super::Loader;
use super::place::Spot;
use crate::elf::DF_1_PIE;
use crate::elf::Facts;
use crate::layer::Node;
use crate::oci::ImagePath;
use crate::rootfs::TreeNode;

/// Bytes of an ELF header: a shorter file is none.
const HEADER: u64 = 64;

/// What becomes of a file.
pub(super) enum Verdict<'a> {
    /// There is none.
    Absent,
    /// It is loaded.
    Take(ImagePath, &'a TreeNode),
    /// The search goes on; the text says why.
    Pass(String),
    /// Nothing more is searched and the load fails; the text says why.
    Stop(String),
}

/// Judges what is at `path`, which is `spot`, for a process whose program has the facts `main`.
pub(super) fn judge<'a>(loader: &Loader<'a>, main: &Facts, path: &str, spot: Spot<'a>) -> Verdict<'a> {
    let (file, node) = match spot {
        Spot::Absent => return Verdict::Absent,
        Spot::Other => return Verdict::Stop(format!("{path} is no file")),
        Spot::File(file, node) => (file, node),
    };
    let stop = |why: &str| Verdict::Stop(format!("{path} {why}"));
    let Some(object) = loader.catalogue.get(&file) else {
        return match &node.entry.node {
            Node::File(content) if content.size() < HEADER => stop("is too short for a library"),
            _ => stop("is no ELF file"),
        };
    };
    let facts = &object.facts;
    let another = || Verdict::Pass(format!("{path} is for another machine"));
    if facts.class != main.class {
        return another();
    }
    if facts.little_endian != main.little_endian || !facts.sound {
        return stop("has a header that the dynamic loader refuses");
    }
    if facts.machine != main.machine {
        return another();
    }
    match unfit(facts, loader.system.glibc) {
        Some(why) => stop(why),
        None => Verdict::Take(file, node),
    }
}

/// Why a file of the right machine is no library.
fn unfit(facts: &Facts, glibc: Option<u32>) -> Option<&'static str> {
    match facts.kind {
        3 if facts.flags_1 & DF_1_PIE != 0 && glibc.is_some_and(|minor| minor >= 30) => Some("is a program"),
        3 if !facts.dynamic => Some("has no dynamic section"),
        3 => None,
        2 => Some("is a program"),
        _ => Some("is neither a library nor a program"),
    }
}
