//! From a file to a [`Recipe`]: text, shape, variables, meaning. Each stage reports all it finds.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use crate::oci::Digest;
use crate::recipe::Recipe;
use crate::recipe::error::Error;
use crate::recipe::error::Problem;
use crate::recipe::fault::Fault;
use crate::recipe::raw::RawRecipe;
use crate::recipe::resolve;
use crate::recipe::resolve::Context;
use crate::recipe::schema;
use crate::recipe::shape;
use crate::recipe::vars;

/// Reads a recipe and checks all that can be checked without an image.
///
/// `given` are the values of `--var`; each must name a variable of the recipe. Paths of this machine in the
/// recipe (patches, sources of `write`, layouts and archives) are joined to the directory of `path`.
///
/// # Errors
/// The file cannot be read, or something in it is wrong: then with every problem that could be told apart.
pub fn load(path: &Path, given: &BTreeMap<String, String>) -> Result<Recipe, Error> {
    let text = read(path)?;
    let file = path.display().to_string();
    let (raw, vars, steps) =
        parse(&text, given).map_err(|problems| Error::invalid(&file, &text, problems))?;
    let context = Context {
        file: path.to_path_buf(),
        directory: path.parent().unwrap_or(Path::new("")).to_path_buf(),
        text: &text,
        digest: Digest::of(text.as_bytes()),
        vars,
        step_spans: steps,
    };
    resolve::resolve(raw, context).map_err(|problems| Error::invalid(&file, &text, problems))
}

/// The text of a document that a person wrote.
///
/// # Errors
/// [`Error::Unreadable`].
pub fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Unreadable {
        path: path.to_path_buf(),
        source,
    })
}

/// Parses TOML and makes sure of its grammar's version, which goes before all other questions.
///
/// # Errors
/// One problem: the first error of syntax, or a `schema` that is not 1.
pub fn document(text: &str) -> Result<Spanned<DeTable<'_>>, Problem> {
    let table = DeTable::parse(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        Problem::at(Fault::Syntax(message), error.span().unwrap_or_default())
    })?;
    match table.get_ref().get("schema") {
        Some(schema)
            if schema
                .get_ref()
                .as_integer()
                .is_some_and(|number| number.as_str() != "1") =>
        {
            let number = schema.get_ref().as_integer().map(ToString::to_string);
            let fault = Fault::Schema(number.unwrap_or_default());
            Err(Problem::at(fault, schema.span()))
        }
        _ => Ok(table),
    }
}

/// What serde could not read though the shape was right: a defect of the schema, told like a syntax error.
pub(crate) fn unread(error: &toml::de::Error) -> Problem {
    Problem::at(
        Fault::Syntax(error.message().to_owned()),
        error.span().unwrap_or_default(),
    )
}

type Parsed = (RawRecipe, BTreeMap<String, String>, Vec<Range<usize>>);

fn parse(text: &str, given: &BTreeMap<String, String>) -> Result<Parsed, Vec<Problem>> {
    let mut table = document(text).map_err(|problem| vec![problem])?;
    let mut problems = shape::check(&schema::of::<RawRecipe>("recipe"), &table);
    let vars = vars::put_in(table.get_mut(), text, given, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let steps = step_spans(table.get_ref());
    match RawRecipe::deserialize(toml::de::Deserializer::from(table)) {
        Ok(raw) => Ok((raw, vars, steps)),
        Err(error) => Err(vec![unread(&error)]),
    }
}

/// Where each step begins: its key, or its header when it has none.
fn step_spans(document: &DeTable<'_>) -> Vec<Range<usize>> {
    let steps = document.get("step").and_then(|steps| steps.get_ref().as_array());
    let spans = steps.into_iter().flatten().map(|step| {
        let keys = step.get_ref().as_table().into_iter().flatten();
        let keys = keys.map(|(key, _)| key.span());
        keys.min_by_key(|span| span.start).unwrap_or_else(|| step.span())
    });
    spans.collect()
}
