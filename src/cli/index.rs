//! `index`: what is learned of layers, made ahead and shared.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::build::caught::Caught;
use crate::build::origin::Origin;
use crate::build::share;
use crate::cli::args::Format;
use crate::cli::args::Index;
use crate::cli::args::IndexCommand;
use crate::cli::args::IndexShare;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::image::open_image;
use crate::cli::image::parse_image;
use crate::cli::session::Session;
use crate::oci::Reference;
use crate::report::bytes;

/// Builds, pushes or pulls indexes.
///
/// # Errors
/// When the image or the repository cannot be had.
pub fn index(args: &Index, session: &Session) -> Result<Outcome, Failure> {
    match &args.command {
        IndexCommand::Build(build) => {
            let origin = open_image(&build.image.image, &build.image.platform, session)?;
            let tree = origin.tree(&session.world(), &Caught::default())?;
            let (layers, files) = (tree.indexes.len(), tree.rootfs.iter().count());
            let document = json!({"schema": "imgforge.index/1", "layers": layers, "files": files});
            tell(session, &document, &format!("indexed {layers} layers, {files} files"))
        }
        IndexCommand::Push(share) => push(share, session),
        IndexCommand::Pull(share) => pull(share, session),
    }
}

fn opened(args: &IndexShare, session: &Session) -> Result<(Box<Origin>, Reference), Failure> {
    let repository = parse_image(&args.repository)?;
    Ok((open_image(&args.image.image, &args.image.platform, session)?, repository))
}

fn push(args: &IndexShare, session: &Session) -> Result<Outcome, Failure> {
    let (origin, repository) = opened(args, session)?;
    let pushed = share::push(&origin, &repository, &session.world())?;
    let (new, size) = (pushed.iter().filter(|one| !one.present), pushed.iter().map(|one| one.size).sum());
    let line = format!("pushed {} of {} indexes, {} in all", new.count(), pushed.len(), bytes(size));
    let layers = pushed.iter().map(|one| {
        json!({"layer": one.layer.to_string(), "size": one.size, "present": one.present, "tag": share::tag(&one.layer)})
    });
    let layers: Vec<Value> = layers.collect();
    tell(session, &json!({"schema": "imgforge.index/1", "pushed": layers}), &line)
}

fn pull(args: &IndexShare, session: &Session) -> Result<Outcome, Failure> {
    let (origin, repository) = opened(args, session)?;
    let layers = origin.image.layers();
    let mut missing = Vec::new();
    for layer in &layers {
        let known = crate::index::known(session.world().store, layer).is_some();
        if !known && !share::pull(layer, &repository, &session.world())? {
            missing.push(layer.descriptor.digest.to_string());
        }
    }
    let line = format!("{} of {} layers are known", layers.len() - missing.len(), layers.len());
    tell(session, &json!({"schema": "imgforge.index/1", "layers": layers.len(), "missing": missing}), &line)
}

fn tell(session: &Session, document: &Value, line: &str) -> Result<Outcome, Failure> {
    let mut out = io::stdout().lock();
    match session.format {
        Format::Json => writeln!(out, "{document:#}")?,
        _ => writeln!(out, "{line}")?,
    }
    Ok(Outcome::Clean)
}
