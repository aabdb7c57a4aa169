//! Why there is no answer.

use crate::hint::Hint;
use crate::index::ObjectError;
use crate::oci::ImagePath;
use crate::rootfs;

/// Why it cannot be said what must move together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A seed that is no library.
    #[error("the new tree has no ELF file `{path}`")]
    Seed {
        /// The seed.
        path: ImagePath,
        /// Files with the same last name.
        near: Vec<ImagePath>,
    },
    /// A file's facts cannot be had.
    #[error("the files could not be looked at")]
    Object(#[from] ObjectError),
    /// Files of the new tree do not fit among those of the old one.
    #[error("the mixture of both makes no file tree")]
    Tree(#[from] rootfs::Error),
}

impl Error {
    /// Whether the user's question is at fault.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Seed { .. })
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Seed { near, .. } if near.is_empty() => {
                Some("name a library by its path in the new tree".to_owned())
            }
            Self::Seed { near, .. } => {
                let near: Vec<String> = near.iter().map(|path| format!("`{path}`")).collect();
                Some(format!("of that name there is {}", near.join(", ")))
            }
            Self::Object(error) => error.hint(),
            Self::Tree(error) => error.hint(),
        }
    }
}
