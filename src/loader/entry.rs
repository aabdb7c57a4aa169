//! How a file comes into a process: which program, and what has been opened before it.

use globset::GlobMatcher;

use super::Loader;
use super::ObjectError;
use super::Python;
use crate::oci::ImagePath;

/// The company that somebody says files have when they are loaded.
#[derive(Debug, Clone)]
pub struct Company {
    /// Files that it is for, by their paths in the image. Of several that match a file the first counts.
    pub subject: GlobMatcher,
    /// The program; `None`: the interpreter for files of a Python installation, else unknown.
    pub executable: Option<ImagePath>,
    /// Opened before the file, in order, as `dlopen` with `RTLD_GLOBAL`: all that comes later sees their symbols.
    pub global: Vec<ImagePath>,
    /// Opened after those, in order, with `RTLD_LOCAL`: later needs find them by SONAME, and nothing else of them.
    pub local: Vec<ImagePath>,
}

/// How one file is entered.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) python: Option<Python>,
    pub(super) program: Option<ImagePath>,
    /// What is opened before, and whether all see its symbols.
    pub(super) before: Vec<(ImagePath, bool)>,
    /// Somebody said so.
    pub(super) stated: bool,
}

impl Entry {
    /// A program is its own; for other files what is stated goes before what is inferred.
    pub(super) fn of(loader: &Loader<'_>, subject: &ImagePath) -> Result<Self, ObjectError> {
        let python = loader.python(subject)?;
        let program = python.as_ref().and_then(|python| python.executable.clone());
        if loader.catalogue.is_program(subject) {
            return Ok(Self::default());
        }
        let text = subject.to_string();
        let Some(company) = loader.companies.iter().find(|company| company.subject.is_match(&text)) else {
            let before = loader.torches.before(subject);
            return Ok(Self { python, program, before, stated: false });
        };
        let file = |path: &ImagePath| loader.file(&super::place::text(path));
        let global = company.global.iter().map(|path| (path.clone(), true));
        let local = company.local.iter().map(|path| (path.clone(), false));
        let program = company.executable.as_ref().and_then(file).or(program);
        let python = python.map(|python| Python { executable: program.clone(), ..python });
        Ok(Self { python, program, before: global.chain(local).collect(), stated: true })
    }
}
