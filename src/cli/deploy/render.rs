//! `deploy render`.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::cli::args::Api;
use crate::cli::args::DeployRender;
use crate::cli::args::Format;
use crate::cli::args::Global;
use crate::cli::args::PinArgs;
use crate::cli::deploy::misnamed;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::output::write_file;
use crate::cli::session::variables;
use crate::deploy::render;
use crate::deploy::render::image;
use crate::deploy::render::image::Pin;
use crate::deploy::render::text;
use crate::recipe;
use crate::recipe::Recipe;
use crate::recipe::lockfile::Lockfile;

/// Prints or writes the manifests of a recipe.
///
/// # Errors
/// When the recipe cannot be read or has no `[deploy]`, or which image it is cannot be told.
pub(super) fn render(args: &DeployRender, global: &Global) -> Result<Outcome, Failure> {
    let objects = objects(&args.recipe, &args.var, &args.pin, args.api)?;
    let json = global.format == Format::Json;
    let all = |objects: &[Value]| match json {
        true => Ok(text::json(objects)),
        false => text::yaml(objects).map_err(|error| Failure::Output(io::Error::other(error))),
    };
    match &args.output {
        None => write!(io::stdout().lock(), "{}", all(&objects)?)?,
        Some(path) if path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/') => {
            let failed = |source| Failure::File { action: "make", path: path.display().to_string(), source };
            fs::create_dir_all(path).map_err(failed)?;
            for object in &objects {
                let kind = object["kind"].as_str().unwrap_or_default().to_ascii_lowercase();
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let file = path.join(format!("{kind}-{name}.{}", if json { "json" } else { "yaml" }));
                write_file(&file, all(std::slice::from_ref(object))?.as_bytes())?;
            }
        }
        Some(path) => write_file(path, all(&objects)?.as_bytes())?,
    }
    Ok(Outcome::Clean)
}

/// What a recipe asks for.
///
/// # Errors
/// As [`render()`].
pub(super) fn objects(file: &Path, vars: &[String], pin: &PinArgs, api: Api) -> Result<Vec<Value>, Failure> {
    let recipe = recipe::load(file, &variables("--var", vars)?)?;
    let Some(deploy) = &recipe.deploy else {
        let message = format!("recipe `{}` has no `[deploy]`", file.display());
        return Err(Failure::usage(
            message,
            "say how it is run: model, prefill and decode workers; docs/deploy.md",
        ));
    };
    let pin = match (&pin.digest, &pin.receipt, &pin.tag) {
        (Some(digest), ..) => Pin::Digest(digest),
        (_, Some(file), _) => Pin::Receipt(file),
        (.., Some(tag)) => Pin::Tag(tag),
        _ => Pin::Lock,
    };
    let image = image::image(deploy, file, &recipe.name, &pin).map_err(|error| misnamed(&error))?;
    if pin == Pin::Lock {
        warn_of_age(file, &recipe);
    }
    let api = match api {
        Api::V1beta1 => render::Api::V1beta1,
        Api::V1alpha1 => render::Api::V1alpha1,
    };
    render::render(deploy, &image, api).map_err(|error| Failure::Output(error.into()))
}

/// A lock file of another text of the recipe may pin an image of other steps.
fn warn_of_age(file: &Path, recipe: &Recipe) {
    let path = Lockfile::beside(file);
    if Lockfile::read(&path).is_ok_and(|lock| lock.recipe != recipe.digest) {
        let text = "was written for another text of the recipe; `imgforge lock` pins what it makes now";
        // Said beside the result; it must not end it.
        drop(writeln!(io::stderr().lock(), "warning: lock file `{}` {text}", path.display()));
    }
}
