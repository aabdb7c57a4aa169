//! `abi closure`.

use std::collections::BTreeSet;
use std::io;
use std::io::Write;
use std::path::Path;

use crate::abi::closure as together;
use crate::abi::closure::Request;
use crate::abi::closure::Tier;
use crate::build;
use crate::build::Looked;
use crate::build::Subject;
use crate::cli::args::AbiClosure;
use crate::cli::args::Format;
use crate::cli::audit::is_recipe;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::image::parse_image;
use crate::cli::image::parse_path;
use crate::cli::image::parse_platform;
use crate::cli::session::Session;
use crate::cli::session::variables;
use crate::oci::ImagePath;
use crate::recipe;
use crate::report::closure;
use crate::report::closure::Answer;
use crate::report::closure::Graft;

/// Says which files must move together.
///
/// # Errors
/// When the trees cannot be had, or a seed is no file of the new one.
pub fn closure(args: &AbiClosure, session: &Session) -> Result<Outcome, Failure> {
    let answers = match &args.new {
        Some(new) => vec![trees(args, new, session)?],
        None if is_recipe(&args.old) => of_recipe(args, session)?,
        None => {
            let hint = "write `abi closure RECIPE`, or `abi closure OLD NEW --seed PATH`";
            return Err(Failure::usage(format!("`{}` is no recipe, and there is no NEW", args.old), hint));
        }
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    if session.format == Format::Json {
        serde_json::to_writer_pretty(&mut out, &closure::value(&answers)).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        for answer in &answers {
            closure::write(&mut out, answer)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

fn trees(args: &AbiClosure, new: &str, session: &Session) -> Result<Answer, Failure> {
    if args.seed.is_empty() || !args.var.is_empty() {
        let message = if args.seed.is_empty() { "no --seed says what moves" } else { "--var is for recipes" };
        return Err(Failure::usage(message, "write `abi closure OLD NEW --seed PATH`"));
    }
    let world = session.world();
    let platform = parse_platform(&args.platform)?;
    let look = |text: &str| -> Result<(String, Looked), Failure> {
        let subject = Subject::resolve(&world, &parse_image(text)?, &platform)?;
        Ok((subject.name().to_owned(), Looked::new(&subject, &world)?))
    };
    let places = args.map.iter().map(|text| place(text)).collect::<Result<Vec<_>, _>>()?;
    let (old_name, old) = look(&args.old)?;
    let (new_name, new) = look(new)?;
    let seeds = args.seed.iter().map(|text| together::find(new.view(), text));
    let seeds = seeds.collect::<Result<BTreeSet<_>, _>>().map_err(build::Error::from)?;
    let request = Request {
        old: old.view(),
        new: new.view(),
        seeds: &seeds,
        places: &places,
        confined: false,
        host: &[],
    };
    let closure = together::closure(&request).map_err(build::Error::from)?;
    let grafts = closure.grafts(&places, Tier::Together).into_iter().map(|bring| Graft {
        spot: None,
        root: bring.root.to_string(),
        into: bring.into.to_string(),
        added: bring.files.clone(),
        files: bring.files,
    });
    let grafts = grafts.collect();
    let seeds = seeds.iter().map(ToString::to_string).collect();
    Ok(Answer { old: old_name, new: new_name, seeds, closure, grafts })
}

/// `OLDDIR=NEWDIR`; both may be written without the leading `/`.
fn place(text: &str) -> Result<(ImagePath, ImagePath), Failure> {
    let Some((old, new)) = text.split_once('=') else {
        return Err(Failure::usage(
            format!("--map `{text}` is not OLDDIR=NEWDIR"),
            "write --map OLDDIR=NEWDIR",
        ));
    };
    let absolute = |text: &str| parse_path(&format!("/{}", text.trim_start_matches('/')));
    Ok((absolute(old)?, absolute(new)?))
}

fn of_recipe(args: &AbiClosure, session: &Session) -> Result<Vec<Answer>, Failure> {
    if !args.seed.is_empty() || !args.map.is_empty() {
        let message = "--seed and --map are for two trees: a recipe says both";
        return Err(Failure::usage(message, "leave them out, or write `abi closure OLD NEW --seed PATH`"));
    }
    let recipe = recipe::load(Path::new(&args.old), &variables("--var", &args.var)?)
        .map_err(|error| Failure::Build(error.into()))?;
    let world = session.world();
    let locked = build::resolve::resolve(recipe, &world)?;
    Ok(build::together::together(&locked, &world)?.into_iter().map(|found| answer(&locked, found)).collect())
}

fn answer(locked: &build::Locked, found: build::together::Found) -> Answer {
    let places: Vec<_> =
        found.grafts.iter().map(|(graft, _)| (graft.into.clone(), graft.root.clone())).collect();
    let brought = found.closure.grafts(&places, Tier::Together);
    let grafts = found.grafts.iter().map(|(graft, taken)| {
        let bring = brought.iter().filter(|bring| bring.root == graft.root && bring.into == graft.into);
        let missing = bring.flat_map(|bring| &bring.files).filter(|file| !taken.contains(*file));
        let added: Vec<String> = missing.cloned().collect();
        let has = graft.files.iter().map(|(pattern, _)| pattern.clone());
        Graft {
            spot: graft.files.first().or(graft.optional.first()).map(|(_, spot)| spot.clone()),
            root: graft.root.to_string(),
            into: graft.into.to_string(),
            files: has.chain(added.iter().cloned()).collect(),
            added,
        }
    });
    Answer {
        old: locked.base.written.clone(),
        new: locked.donors[&found.donor].written.clone(),
        seeds: found.seeds.iter().map(ToString::to_string).collect(),
        grafts: grafts.collect(),
        closure: found.closure,
    }
}
