//! Contexts of the recipe and the command line: how files come into a process.

use globset::GlobBuilder;
use globset::GlobMatcher;

use super::Error;
use crate::finding::Finding;
use crate::finding::Notice;
use crate::finding::Severity;
use crate::loader::Company;
use crate::loader::Loader;
use crate::oci::ImagePath;
use crate::recipe::EntryContext;

/// A context that does not fit the image.
pub const CONTEXT_UNFIT: Notice = Notice {
    id: "context-unfit",
    severity: Severity::Warning,
    summary: "a context names files that the image does not have",
    explain: "\
`[[audit.context]]` of the recipe, or `--context`, says which program loads some files and what it has opened before. \
Its glob matches no library of the image, its `executable` is no program there that can load any, or what it opens \
before is no library: the verdict is then not about the process that was meant.

Paths are absolute, as the image has them; links are followed inside it. In a glob `*` stands for anything but `/`.",
};

/// The contexts as the loader takes them.
///
/// # Errors
/// A glob that is none.
pub fn companies(contexts: &[EntryContext]) -> Result<Vec<Company>, Error> {
    let company = |context: &EntryContext| {
        Ok(Company {
            subject: matcher(context)?,
            executable: context.executable.clone(),
            global: context.preload_global.clone(),
            local: context.preload.clone(),
        })
    };
    contexts.iter().map(company).collect()
}

fn matcher(context: &EntryContext) -> Result<GlobMatcher, Error> {
    let glob = GlobBuilder::new(&context.subject).literal_separator(true).build();
    let (pattern, spot) = (context.subject.clone(), context.spot.clone());
    glob.map(|glob| glob.compile_matcher()).map_err(|source| Error::Glob { pattern, spot, source })
}

/// A warning for everything that contexts name and the image does not have.
pub(super) fn unfit(loader: &Loader<'_>, contexts: &[EntryContext]) -> Vec<Finding> {
    let found = contexts.iter().flat_map(|context| {
        faults(loader, context).into_iter().map(|(path, message)| {
            let mut finding = Finding::of(&CONTEXT_UNFIT, path, message);
            finding.symbol = Some(context.subject.clone());
            finding.recipe.clone_from(&context.spot);
            finding.help = Some("correct the context, or take it out".to_owned());
            finding
        })
    });
    found.collect()
}

/// Path and message of each.
fn faults(loader: &Loader<'_>, context: &EntryContext) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let glob = &context.subject;
    let catalogue = &loader.catalogue;
    let library = |path: &ImagePath| !catalogue.is_program(path);
    if let Ok(matcher) = matcher(context)
        && !catalogue.iter().any(|(path, _)| library(path) && matcher.is_match(path.to_string()))
    {
        faults.push((
            String::new(),
            format!("a context is for `{glob}`, which no library of the image matches"),
        ));
    }
    let object = |path: &ImagePath| loader.file(&path.to_string()).and_then(|file| catalogue.get(&file));
    if let Some(path) = &context.executable {
        match object(path) {
            None => faults
                .push((path.to_string(), format!("is to load `{glob}`, and is no program of the image"))),
            Some(object) if object.facts.interpreter.is_none() => {
                faults.push((
                    path.to_string(),
                    format!("is to load `{glob}`, and is a program without a dynamic loader"),
                ));
            }
            Some(_) => {}
        }
    }
    for path in context.preload_global.iter().chain(&context.preload) {
        if object(path).is_none() {
            faults.push((
                path.to_string(),
                format!("is to be opened before `{glob}`, and is no library of the image"),
            ));
        }
    }
    faults
}
