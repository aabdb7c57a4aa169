//! `plan`.

use std::io;
use std::io::Write;

use serde_json::Value;

use crate::build;
use crate::cli::args::Format;
use crate::cli::args::Plan;
use crate::cli::build::open_sink;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::session::Session;
use crate::cli::session::variables;
use crate::recipe;
use crate::report;

/// Prints what building each recipe would do.
///
/// # Errors
/// When a recipe or an image cannot be had.
pub fn plan(args: &Plan, session: &Session) -> Result<Outcome, Failure> {
    let world = session.world();
    let mut values = Vec::new();
    for path in &args.recipe.recipes {
        let recipe = recipe::load(path, &variables("--var", &args.recipe.var)?)?;
        let locked = build::resolve::resolve(recipe, &world)?;
        let open = |text: &String| open_sink(text, &locked.recipe.name, session);
        let sinks = args.output.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let plan = build::plan::plan(&locked, &sinks, &world)?;
        match session.format {
            Format::Human => report::plan::write(&mut io::stdout().lock(), &plan)?,
            _ => values.push(report::plan::value(&plan)),
        }
    }
    match values.len() {
        0 => {}
        1 => writeln!(io::stdout().lock(), "{:#}", values[0])?,
        _ => writeln!(io::stdout().lock(), "{:#}", Value::Array(values))?,
    }
    Ok(Outcome::Clean)
}
