//! Why a step cannot be done. Each error points at the step's place in the recipe.

use crate::edit::patch;
use crate::finding::RecipeSpot;
use crate::hint::Hint;
use crate::oci::ImagePath;
use crate::recipe;
use crate::rootfs::LookupError;

/// A step that cannot be done on these images. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or glob of a graft that the donor does not have.
    #[error("`{pattern}` is not in `{root}` of `{from}`")]
    NotInDonor {
        /// Where the recipe asks for it.
        spot: RecipeSpot,
        /// The file or glob.
        pattern: String,
        /// The directory in the donor.
        root: ImagePath,
        /// The donor's name.
        from: String,
        /// Names there that look like it.
        near: Vec<String>,
    },
    /// A graft names a directory or a device.
    #[error("`{path}` of `{from}` is not a file")]
    NotAFile {
        /// Where the recipe asks for it.
        spot: RecipeSpot,
        /// The path in the donor.
        path: ImagePath,
        /// The donor's name.
        from: String,
    },
    /// `replace = true`, and there is nothing to replace.
    #[error("`{path}` is not in the base, so there is nothing to replace")]
    NothingToReplace {
        /// Where the recipe asks for it.
        spot: RecipeSpot,
        /// The path in the base.
        path: ImagePath,
    },
    /// Something of another kind is where a step would write: a directory, or a file where a directory should be.
    #[error("`{path}` of the base is in the way")]
    InTheWay {
        /// Where the recipe asks for it.
        spot: RecipeSpot,
        /// The path in the base.
        path: ImagePath,
    },
    /// `replace = false`, and there is something.
    #[error("`{path}` is in the base already")]
    Exists {
        /// Where the recipe asks for it.
        spot: RecipeSpot,
        /// The path in the base.
        path: ImagePath,
    },
    /// Two steps end at one path.
    #[error("`{path}` is written twice: by this step and by {}:{}", other.file, other.line)]
    Twice {
        /// The later step.
        spot: RecipeSpot,
        /// The earlier step.
        other: RecipeSpot,
        /// Where both end, links in the base resolved.
        path: ImagePath,
    },
    /// A path of the base that a step needs.
    #[error("`{path}` cannot be found in the base")]
    Missing {
        /// The step.
        spot: RecipeSpot,
        /// The path as the recipe has it.
        path: ImagePath,
        /// Names in the same directory that look like it.
        near: Vec<String>,
    },
    /// The path cannot be followed through the image's links.
    #[error("`{path}` cannot be followed inside the image")]
    Lookup {
        /// The step.
        spot: RecipeSpot,
        /// The path as the recipe has it.
        path: ImagePath,
        /// Why.
        #[source]
        source: LookupError,
    },
    /// A bad glob.
    #[error("`{pattern}` is not a glob")]
    Glob {
        /// Where it stands.
        spot: RecipeSpot,
        /// The glob.
        pattern: String,
        /// Why.
        #[source]
        source: globset::Error,
    },
    /// The patch does not fit the file.
    #[error("the patch does not apply to `{path}`")]
    Patch {
        /// The step.
        spot: RecipeSpot,
        /// The file in the image.
        path: ImagePath,
        /// Why.
        #[source]
        source: patch::Error,
    },
    /// The patch file itself.
    #[error(transparent)]
    PatchFile(#[from] recipe::Error),
}

impl Error {
    /// Where in the recipe the step stands; `None` when the error has places of its own.
    #[must_use]
    pub const fn spot(&self) -> Option<&RecipeSpot> {
        match self {
            Self::NotInDonor { spot, .. }
            | Self::NotAFile { spot, .. }
            | Self::NothingToReplace { spot, .. }
            | Self::Exists { spot, .. }
            | Self::InTheWay { spot, .. }
            | Self::Twice { spot, .. }
            | Self::Missing { spot, .. }
            | Self::Lookup { spot, .. }
            | Self::Glob { spot, .. }
            | Self::Patch { spot, .. } => Some(spot),
            Self::PatchFile(_) => None,
        }
    }

    /// Whether lower layers of an incomplete tree could still answer.
    #[must_use]
    pub const fn needs_lower_layers(&self) -> bool {
        matches!(self, Self::Lookup { source: LookupError::Unknown { .. }, .. })
    }
}

/// `did you mean` for names that are near; `None` when nothing is.
fn near_names(near: &[String]) -> Option<String> {
    match near {
        [] => None,
        names => Some(format!(
            "there is {}",
            names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
        )),
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotInDonor { near, pattern, .. } => near_names(near)
                .or_else(|| Some(format!("move `{pattern}` to `optional` if the donor may lack it"))),
            Self::NotAFile { path, .. } => {
                Some(format!("name a regular file, or, in a graft, all below it: `{path}/**`"))
            }
            Self::NothingToReplace { .. } => Some(
                "drop `replace = true`, or list the file under `optional`, to add it as a new file"
                    .to_owned(),
            ),
            Self::InTheWay { path, .. } => Some(format!(
                "see what it is: `imgforge ls BASE {path}`; a directory is never replaced by a file"
            )),
            Self::Exists { .. } => Some("drop `replace = false` to replace it".to_owned()),
            Self::Twice { .. } => Some("keep one of the two steps".to_owned()),
            Self::Missing { near, .. } => near_names(near),
            Self::Patch { source, .. } => source.hint(),
            Self::Lookup { .. } | Self::Glob { .. } | Self::PatchFile(_) => None,
        }
    }
}
