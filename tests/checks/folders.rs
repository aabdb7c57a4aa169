//! The folder of a check: its cases, what must come of each, and what never may.

use std::fs;
use std::path::PathBuf;

use imgforge::audit;
use imgforge::audit::Subject;
use imgforge::finding::Finding;
use imgforge::finding::Severity;
use imgforge::loader::View;
use imgforge::recipe;
use imgforge::recipe::AuditOptions;

use crate::elves::path;
use crate::expect;
use crate::format::Fixture;
use crate::format::Tree;
use crate::make::Workshop;
use crate::trees;
use crate::trees::Edit;
use crate::trees::Ground;
use crate::trees::Image;

/// `fixtures/checks/ID/`.
pub(crate) struct Folder {
    id: &'static str,
    /// The fixtures, and the expectation of each that fires.
    cases: Vec<(PathBuf, Option<PathBuf>)>,
}

impl Folder {
    pub(crate) fn open(id: &'static str) -> Self {
        let entries = fs::read_dir(crate::top().join(id)).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let ends = |file: &PathBuf, end: &str| file.extension().is_some_and(|found| found == end);
        let mut cases = Vec::new();
        let mut texts = 0;
        for file in files.iter().filter(|file| ends(file, "toml")) {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let clean = name == "clean" || name.starts_with("clean-");
            let text = if name == "fires" { "expected" } else { name };
            let text = (!clean).then(|| file.with_file_name(format!("{text}.txt")));
            texts += usize::from(text.is_some());
            cases.push((file.clone(), text));
        }
        let there = files.iter().filter(|file| ends(file, "txt")).count();
        assert_eq!(there, texts, "{id}: an expectation without its fixture, or one without expectation");
        Self { id, cases }
    }

    /// What is wrong with the folder's cases.
    pub(crate) fn play(&self, ground: &Ground) -> Vec<String> {
        let mut wrong = Vec::new();
        for (file, text) in &self.cases {
            let case = Case::read(file, ground);
            let told = format!("{}/{}", self.id, file.file_name().unwrap().to_str().unwrap());
            let findings = case.audit(false);
            let own: Vec<&Finding> = findings.iter().filter(|finding| finding.check == self.id).collect();
            let differ = match text {
                Some(text) => {
                    let expected = expect::parse(&fs::read_to_string(text).unwrap());
                    assert!(!expected.is_empty(), "{told} expects nothing: call it `clean-…`");
                    expect::differ(&expected, &own)
                }
                None => {
                    let bad =
                        |finding: &&Finding| finding.check == self.id || finding.severity < Severity::Note;
                    let bad: Vec<&Finding> = findings.iter().filter(bad).collect();
                    expect::differ(&[], &bad)
                }
            };
            wrong.extend(differ.map(|what| format!("{told}: {what}")));
            let same = case.audit(true);
            let new: Vec<&Finding> =
                same.iter().filter(|finding| finding.check == self.id && finding.introduced).collect();
            let differ = expect::differ(&[], &new);
            wrong.extend(differ.map(|what| format!("{told}, the result against itself: {what}")));
        }
        wrong
    }
}

/// A fixture, ready to be audited.
struct Case {
    fixture: Fixture,
    base: Image,
    donor: Option<Image>,
    edit: Edit,
    options: AuditOptions,
}

impl Case {
    fn read(file: &PathBuf, ground: &Ground) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let fixture: Fixture =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let shop = Workshop::new(&fixture.make);
        let base = ground.image(&fixture.before, fixture.system, &shop);
        let donor = fixture.donor.as_ref().map(|donor| {
            let absolute = |name: &String| {
                if name.starts_with('/') { name.clone() } else { format!("{}/{name}", donor.root) }
            };
            let files = donor.files.iter().map(|(name, file)| (absolute(name), file.clone()));
            let tree = Tree { env: donor.env.clone(), files: files.collect() };
            ground.image(&tree, fixture.system, &shop)
        });
        let edit = trees::edit(&text, &fixture.after, fixture.donor.as_ref(), &shop);
        let mut options = options(&fixture.audit);
        options.settings.clone_from(&edit.settings);
        Self { fixture, base, donor, edit, options }
    }

    /// The build's findings; with `same`, those of its result against itself.
    fn audit(&self, same: bool) -> Vec<Finding> {
        let (tree, env) = self.base.with(&self.edit);
        let after = View { tree: &tree, objects: &self.base.objects, env: &env };
        let donors: Vec<audit::Donor<'_>> = match (&self.donor, &self.fixture.donor) {
            (Some(image), Some(donor)) => vec![audit::Donor {
                name: "donor",
                view: image.view(),
                complete: true,
                moved: self.edit.moved.clone(),
                roots: vec![(path(&donor.root), path(&donor.into))],
            }],
            _ => Vec::new(),
        };
        let subject = Subject {
            before: if same { after } else { self.base.view() },
            after,
            changed: &self.edit.spots,
            donors: &donors,
            noted: &[],
            options: &self.options,
        };
        audit::run(&subject).unwrap()
    }
}

/// `[audit]`, read as a recipe's is.
fn options(audit: &toml::Table) -> AuditOptions {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("recipe.toml");
    let table = toml::Table::from_iter([("audit".to_owned(), toml::Value::Table(audit.clone()))]);
    let text =
        format!("schema = 1\nname = \"x\"\n[base]\nimage = \"x\"\n{}", toml::to_string(&table).unwrap());
    fs::write(&file, text).unwrap();
    match recipe::load(&file, &std::collections::BTreeMap::new()) {
        Ok(recipe) => recipe.audit,
        Err(error) => panic!("{}", error.render(false)),
    }
}
