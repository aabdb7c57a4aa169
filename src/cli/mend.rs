//! What the cache has damaged is gone once it is found: so what failed on it is done again.

use crate::cli::exit::Failure;
use crate::cli::interrupt;
use crate::store::Damage;

/// A disk on which so much is damaged needs more than patience.
const MOST: usize = 20;

/// Does `attempt`, and again as long as it fails on something that was damaged in the cache and is gone now. It must
/// not have told or written anything when it fails so.
///
/// # Errors
/// Those of `attempt`.
pub fn mended<T>(attempt: &mut dyn FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    for _ in 1..MOST {
        let ended = attempt();
        // Work that was stopped is not told, and not done again.
        interrupt::wait_for_the_end();
        match ended {
            Err(failure) if Damage::is_cause(&failure) => {}
            outcome => return outcome,
        }
    }
    attempt()
}
