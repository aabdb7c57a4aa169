//! Advice that belongs to an error: what the user can do next.

/// An error that may know what to do about itself.
///
/// The text is printed after the error, on a line of its own. It names something the user
/// can type or change; it never repeats the error.
pub trait Hint {
    /// The advice, or `None` where there is nothing useful to say.
    fn hint(&self) -> Option<String> {
        None
    }
}
