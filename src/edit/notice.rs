//! The kinds of findings that steps make, with what `imgforge explain` says of them.

use crate::finding::Notice;
use crate::finding::Severity;

/// A second name of a file that is replaced.
pub static HARDLINK_ALIAS: Notice = Notice {
    id: "hardlink-alias",
    severity: Severity::Warning,
    summary: "another name of a replaced file keeps the old content",
    explain: "\
In the base, the file that a step replaces has other names (hard links). A layer replaces names, not files: what is \
reached by the other names stays the old file, and a program that opens it there runs the old code.

In a graft, set `aliases = \"replace\"` to replace every name. Otherwise allow the finding with the reason.",
};

/// A patch that found nothing to do.
pub static PATCH_ALREADY_APPLIED: Notice = Notice {
    id: "patch-already-applied",
    severity: Severity::Note,
    summary: "a patch is in the file already",
    explain: "\
The file has everything that the patch would do, so it is left as it is. This is expected when the base moves to a \
release that contains the fix: the step can then be dropped from the recipe.",
};

/// Every kind, sorted by id.
pub static ALL: [&Notice; 2] = [&HARDLINK_ALIAS, &PATCH_ALREADY_APPLIED];
