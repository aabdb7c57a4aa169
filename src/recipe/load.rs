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
    std::fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.to_path_buf(), source })
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
        Some(schema) if schema.get_ref().as_integer().is_some_and(|number| number.as_str() != "1") => {
            let number = schema.get_ref().as_integer().map(ToString::to_string);
            let fault = Fault::Schema(number.unwrap_or_default());
            Err(Problem::at(fault, schema.span()))
        }
        _ => Ok(table),
    }
}

/// What serde could not read though the shape was right: a defect of the schema, told like a syntax error.
pub(crate) fn unread(error: &toml::de::Error) -> Problem {
    Problem::at(Fault::Syntax(error.message().to_owned()), error.span().unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Action;
    use crate::recipe::PatchFile;
    use crate::recipe::Unset;

    const FULL: &str = r#"
schema = 1
name = "forged"

[base]
image = "oci:out/base:{tag}"
platform = "linux/arm64"

[vars]
python = "3.12"
tag = "v1"

[sources.donor]
image = "nvcr.io/nvidia/x:1.2"

[[step]]
graft = { from = "donor", root = "/usr/lib/python{python}/x", into = "/opt/x", files = ["libs/a.so", "b/*.{{so,py}}"], optional = ["c/**"], replace = true, owner = "1000:0", mode = "0755", aliases = "replace" }

[[step]]
patch = { file = "/opt/p.py", with = "p.toml" }

[step.note]
"#;

    fn write(directory: &Path, text: &str) -> std::path::PathBuf {
        let path = directory.join("x.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::write(directory.join("p.toml"), "schema = 1\n").unwrap();
        path
    }

    #[test]
    fn a_full_recipe_means_what_it_says() {
        let directory = tempfile::tempdir().unwrap();
        let tail = "[config]\nunset = [\"env:A\", \"label:b\", \"cmd\"]\nentrypoint = []\n\
                    [audit]\nallow = [{ check = \"c\", reason = \"r\" }]\n";
        let path = write(directory.path(), &FULL.replace("[step.note]\n", tail));
        let given = BTreeMap::from([("python".to_owned(), "3.11".to_owned())]);
        let recipe = load(&path, &given).unwrap();
        let base = format!("oci:{}:v1", directory.path().join("out/base").display());
        assert_eq!(recipe.base.reference.to_string(), base);
        assert_eq!(recipe.base.written, "oci:out/base:v1");
        assert_eq!(recipe.base.platform.to_string(), "linux/arm64");
        assert_eq!(recipe.sources["donor"].platform.to_string(), "linux/arm64");
        assert_eq!(recipe.vars["python"], "3.11");
        assert_eq!((recipe.steps[0].spot.line, recipe.steps[0].spot.column), (17, 1));
        let Action::Graft(graft) = &recipe.steps[0].action else {
            panic!("{:?}", recipe.steps[0]);
        };
        assert_eq!(graft.root.to_string(), "/usr/lib/python3.11/x");
        assert_eq!((graft.owner, graft.mode), (Some((1000, 0)), Some(0o755)));
        assert_eq!(graft.files[1].0, "b/*.{so,py}");
        assert_eq!((graft.replace, graft.replace_aliases), (Some(true), true));
        let Action::Patch(patch) = &recipe.steps[1].action else {
            panic!("{:?}", recipe.steps[1]);
        };
        let PatchFile::Edits(file) = &patch.with else {
            panic!("{patch:?}");
        };
        assert_eq!(*file, directory.path().join("p.toml"));
        let unset = [Unset::Env("A".into()), Unset::Label("b".into()), Unset::Cmd];
        assert_eq!(recipe.config.unset, unset);
        assert_eq!((recipe.config.entrypoint, recipe.config.cmd), (Some(vec![]), None));
        assert_eq!(recipe.audit.allow[0].spot.line, 26);
    }

    #[test]
    fn a_slip_anywhere_is_told_with_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = write(directory.path(), FULL);
        let error = load(&path, &BTreeMap::new()).unwrap_err();
        let want = format!("{}:22:7: unknown key `note`", path.display());
        assert_eq!(error.to_string(), want);
        let missing = load(&directory.path().join("none.toml"), &BTreeMap::new());
        assert!(matches!(missing, Err(Error::Unreadable { .. })));
    }

    #[test]
    fn no_text_makes_the_loader_panic() {
        // Cuts the recipe at every byte: spans at odd places must still be drawn.
        for end in (0..FULL.len()).filter(|end| FULL.is_char_boundary(*end)) {
            if let Err(problems) = parse(&FULL[..end], &BTreeMap::new()) {
                let error = Error::invalid("x.toml", &FULL[..end], problems);
                assert!(error.render(false).starts_with("error: "), "{end}");
            }
        }
    }
}
