//! One heap for all threads.
//!
//! glibc gives threads heaps of their own, and each keeps what was freed in it: passes over layers of some GB left as much
//! again as the program needs. How many heaps there are is read from the environment before the program begins, so it
//! begins once more. Measured by `bench/bytes.py --scale full`: 295 MB before, and no slower.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// What glibc reads (mallopt(3), `M_ARENA_MAX`).
const HEAPS: &str = "MALLOC_ARENA_MAX";

/// Begins the program once more with one heap, unless somebody has said how many there are to be. Where that cannot be,
/// it goes on as it is.
#[expect(clippy::disallowed_methods, reason = "what it asks for is no setting of imgforge's")]
pub(super) fn one() {
    if !cfg!(target_env = "gnu") || std::env::var_os(HEAPS).is_some() {
        return;
    }
    let mut words = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), words.next()) else { return };
    // Under another name it may be the dynamic loader, or whatever else runs this program.
    if program.file_name() == Path::new(&name).file_name() {
        // Returns only when it failed.
        drop(Command::new(program).arg0(name).args(words).env(HEAPS, "1").exec());
    }
}
