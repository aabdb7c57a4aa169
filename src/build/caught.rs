//! Which files of a layer are worth taking as they pass, before its tree is known: those that the recipe names.
//!
//! A guess that may be wrong both ways: paths of the recipe may lead through links, and a file that is named may be
//! hidden by a higher layer. What was not caught is fetched on its own later; what was caught for nothing is cache.

use std::path::Path;

use globset::GlobBuilder;
use globset::GlobMatcher;

use crate::edit::graft::is_glob;
use crate::oci::ImagePath;
use crate::recipe::Action;
use crate::recipe::Graft;
use crate::recipe::Recipe;

/// Paths and patterns below roots.
#[derive(Debug, Default)]
pub struct Caught {
    paths: Vec<ImagePath>,
    globs: Vec<(ImagePath, GlobMatcher)>,
}

impl Caught {
    /// These files only.
    #[must_use]
    pub const fn paths(paths: Vec<ImagePath>) -> Self {
        Self { paths, globs: Vec::new() }
    }

    /// What grafts take out of a donor.
    #[must_use]
    pub fn donor(grafts: &[&Graft]) -> Self {
        let mut caught = Self::default();
        for graft in grafts {
            for (pattern, _) in graft.files.iter().chain(&graft.optional) {
                if is_glob(pattern) {
                    // A pattern that is none is told with its place when the steps are decided.
                    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
                    caught.globs.extend(glob.map(|glob| (graft.root.clone(), glob.compile_matcher())));
                } else {
                    caught.paths.extend(graft.root.join(pattern));
                }
            }
        }
        caught
    }

    /// What steps read of the base: files that are patched.
    #[must_use]
    pub fn base(recipe: &Recipe) -> Self {
        let patched = recipe.steps.iter().filter_map(|step| match &step.action {
            Action::Patch(patch) => Some(patch.file.clone()),
            Action::Graft(_) | Action::Remove(_) | Action::Link(_) | Action::Write(_) | Action::Mkdir(_) => {
                None
            }
        });
        Self { paths: patched.collect(), globs: Vec::new() }
    }

    /// Whether the file is worth taking.
    #[must_use]
    pub fn wants(&self, path: &ImagePath) -> bool {
        self.paths.contains(path)
            || self.globs.iter().any(|(root, glob)| {
                let relative =
                    path.relative_to(root).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                relative.is_some_and(|relative| glob.is_match(Path::new(&relative)))
            })
    }
}
