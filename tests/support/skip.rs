//! A check that cannot run here says so, and under CI that is a failure.

/// Says why nothing is checked.
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
    assert!(std::env::var_os("CI").is_none(), "a skipped check fails under CI: {why}");
}
