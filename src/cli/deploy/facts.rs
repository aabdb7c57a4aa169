//! What is known of the image that manifests run.

use std::collections::BTreeMap;
use std::path::Path;

use crate::build::Subject;
use crate::cli::args::DeployCheck;
use crate::cli::exit::Failure;
use crate::cli::image::parse_image;
use crate::cli::image::parse_platform;
use crate::cli::session::Session;
use crate::deploy::check;
use crate::deploy::check::ImageFacts;
use crate::deploy::manifest::Document;
use crate::deploy::render::image;
use crate::finding::Finding;
use crate::recipe;

/// The image, when the user named one, with what its files have to say.
pub(super) struct Known {
    pub(super) facts: Option<ImageFacts>,
    subject: Option<Subject>,
}

impl Known {
    /// Moves documents only.
    ///
    /// # Errors
    /// When the image or recipe cannot be had.
    pub(super) fn open(args: &DeployCheck, session: &Session) -> Result<Self, Failure> {
        if let Some(file) = &args.recipe {
            return Ok(Self { facts: Some(of_recipe(file)?), subject: None });
        }
        let Some(text) = &args.image else {
            return Ok(Self { facts: None, subject: None });
        };
        let platform = parse_platform(&args.platform)?;
        let subject = Subject::resolve(&session.world(), &parse_image(text)?, &platform)?;
        let mut facts = ImageFacts {
            written: text.clone(),
            env: subject.environment(),
            complete: true,
            ..ImageFacts::default()
        };
        if let Subject::Image(origin) = &subject {
            facts.user = origin.image.config.value()["config"]["User"].as_str().map(str::to_owned);
            facts.digest = Some(origin.image.manifest.digest().to_string());
        }
        Ok(Self { facts: Some(facts), subject: Some(subject) })
    }

    /// A finding for each place of the documents that sets a variable which nothing in the image reads.
    ///
    /// # Errors
    /// When a layer of the image cannot be had.
    pub(super) fn unread(&self, documents: &[Document], session: &Session) -> Result<Vec<Finding>, Failure> {
        let (Some(subject), Some(facts)) = (&self.subject, &self.facts) else {
            return Ok(Vec::new());
        };
        let mut places: BTreeMap<String, Vec<(&str, usize)>> = BTreeMap::new();
        let mut env = BTreeMap::new();
        for document in documents {
            for (name, value, line) in check::settings(document) {
                places.entry(name.clone()).or_default().push((&document.file, line));
                env.insert(name, value.unwrap_or_default());
            }
        }
        // What the image itself sets is for `audit` to say.
        env.retain(|name, _| !facts.env.contains_key(name));
        if env.is_empty() {
            return Ok(Vec::new());
        }
        let mut told = Vec::new();
        for finding in subject.unread(&env, &session.world())? {
            let name = finding.symbol.clone().unwrap_or_default();
            for (file, line) in env.get(&name).and_then(|_| places.get(&name)).into_iter().flatten() {
                let mut one = finding.clone();
                one.path = (*file).to_owned();
                one.line = Some(*line);
                one.message = format!("`{name}` {}", finding.message);
                one.recipe = None;
                told.push(one);
            }
        }
        Ok(told)
    }
}

/// What `[config]` of a recipe sets, whatever its base says.
fn of_recipe(file: &Path) -> Result<ImageFacts, Failure> {
    let recipe = recipe::load(file, &BTreeMap::new())?;
    let mut extended = recipe.config.env_prepend.clone();
    extended.extend(recipe.config.env_append.clone());
    Ok(ImageFacts {
        written: file.display().to_string(),
        env: recipe.config.env.clone(),
        extended,
        complete: false,
        user: recipe.config.user.clone(),
        digest: image::locked(file).ok().map(|digest| digest.to_string()),
    })
}
