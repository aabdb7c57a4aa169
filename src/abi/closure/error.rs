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
    /// A name that no file has.
    #[error("the new tree has no file `{text}`")]
    Unknown {
        /// The name as written.
        text: String,
    },
    /// A name that several files have.
    #[error("the new tree has {} files called `{text}`", files.len())]
    Ambiguous {
        /// The name as written.
        text: String,
        /// The files.
        files: Vec<ImagePath>,
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
        matches!(self, Self::Seed { .. } | Self::Unknown { .. } | Self::Ambiguous { .. })
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Seed { near: files, .. } | Self::Ambiguous { files, .. } if !files.is_empty() => {
                let files: Vec<String> = files.iter().map(|path| format!("`{path}`")).collect();
                Some(format!("name one of {}", files.join(", ")))
            }
            Self::Seed { .. } | Self::Unknown { .. } | Self::Ambiguous { .. } => {
                Some("name a library by its path in the new tree".to_owned())
            }
            Self::Object(error) => error.hint(),
            Self::Tree(error) => error.hint(),
        }
    }
}
