//! Everything in a tree that declares operators.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::place::Distance;
use super::place::Place;
use crate::elf::Facts;
use crate::loader::Loader;
use crate::loader::ObjectError;
use crate::oci::ImagePath;
use crate::python::OpCall;
use crate::python::Script;
use crate::torch;
use crate::torch::Schema;

/// One declaration.
#[derive(Debug, Clone)]
pub(super) struct Declaration {
    /// The library or Python file.
    pub(super) file: ImagePath,
    pub(super) place: Place,
    pub(super) namespace: Option<String>,
    /// `None`: declared, nobody knows how.
    pub(super) schema: Option<Schema>,
    /// The schema as it stands there.
    pub(super) text: String,
    /// It only describes what others define.
    pub(super) fake: bool,
    pub(super) python: bool,
}

/// What a library is, apart from its schemas.
#[derive(Debug, Clone, Default)]
pub(super) struct Library {
    /// Identifiers that its strings end with.
    names: BTreeSet<String>,
    /// How many of its operators its own package calls, by namespace.
    called: BTreeMap<String, usize>,
}

/// How sure it is that a library registers an operator in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Evidence {
    /// The namespace stands with the operator, in the library or in its name.
    Written,
    /// Its package calls several of its operators there, and more than anywhere else.
    Called,
    /// Nothing speaks against it.
    Open,
}

/// All declarations of a tree, by operator.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) by_name: BTreeMap<String, Vec<Declaration>>,
    pub(super) libraries: BTreeMap<ImagePath, Library>,
    /// The namespaces in which each operator is called.
    spaces: BTreeMap<String, BTreeSet<String>>,
}

pub(super) type Scripts<'a> = [(&'a ImagePath, Arc<Script>)];

impl Declared {
    pub(super) fn read(loader: &Loader<'_>, scripts: &Scripts<'_>) -> Result<Self, ObjectError> {
        let mut declared = Self::default();
        let calling = scripts.iter().filter(|(_, script)| script.lookups().next().is_some());
        let places: BTreeSet<Place> = calling.map(|(path, _)| Place::of(path)).collect();
        for (path, object) in loader.catalogue.iter() {
            let place = Place::of(path);
            if is_built_on_torch(&object.facts) || places.contains(&place) {
                declared.library(loader, path, &place)?;
            }
        }
        for (path, script) in scripts {
            declared.script(path, script);
        }
        declared.count(scripts);
        Ok(declared)
    }

    fn library(&mut self, loader: &Loader<'_>, path: &ImagePath, place: &Place) -> Result<(), ObjectError> {
        let Some(node) = loader.view.tree.get(path) else { return Ok(()) };
        let traits = loader.view.objects.traits(path, node)?;
        for text in &traits.texts.schemas {
            if let Ok(schema) = torch::parse(text) {
                let declaration = Declaration {
                    file: path.clone(),
                    place: place.clone(),
                    namespace: schema.namespace.clone(),
                    text: text.clone(),
                    fake: false,
                    python: false,
                    schema: Some(schema.clone()),
                };
                self.by_name.entry(schema.name).or_default().push(declaration);
            }
        }
        if !traits.texts.names.is_empty() {
            let names = traits.texts.names.iter().cloned().collect();
            self.libraries.insert(path.clone(), Library { names, called: BTreeMap::new() });
        }
        Ok(())
    }

    fn script(&mut self, path: &ImagePath, script: &Script) {
        for defined in &script.defined {
            let schema = defined.schema.as_deref().and_then(|text| torch::parse(text).ok());
            let declaration = Declaration {
                file: path.clone(),
                place: Place::of(path),
                namespace: defined.namespace.clone(),
                schema,
                text: defined.schema.clone().unwrap_or_default(),
                fake: defined.fake,
                python: true,
            };
            self.by_name.entry(defined.operator.clone()).or_default().push(declaration);
        }
    }

    /// Counts which operators of each library its package calls, by namespace.
    fn count(&mut self, scripts: &Scripts<'_>) {
        let mut seen: BTreeSet<(ImagePath, &str, &str)> = BTreeSet::new();
        for (path, script) in scripts {
            let place = Place::of(path);
            for call in script.lookups() {
                self.spaces.entry(call.operator.clone()).or_default().insert(call.namespace.clone());
                let all = self.by_name.get(&call.operator).map(Vec::as_slice).unwrap_or_default();
                let near = all.iter().filter(|one| place.distance(&one.place) == Distance::Package);
                for one in near.filter(|one| !one.python && one.namespace.is_none()) {
                    if seen.insert((one.file.clone(), &call.namespace, &call.operator))
                        && let Some(library) = self.libraries.get_mut(&one.file)
                    {
                        *library.called.entry(call.namespace.clone()).or_default() += 1;
                    }
                }
            }
        }
    }

    /// Whether a declaration can be that of `namespace`, and how sure that is.
    pub(super) fn evidence(&self, declaration: &Declaration, namespace: &str) -> Option<Evidence> {
        match &declaration.namespace {
            Some(own) => (own == namespace).then_some(Evidence::Written),
            None if declaration.python => Some(Evidence::Open),
            None => {
                let library = self.libraries.get(&declaration.file)?;
                let evidence = library.evidence(&declaration.file, namespace);
                // One of several namespaces that call an operator of this name: nobody knows whose it is.
                let spaces = self.spaces.get(&schema_name(declaration)).map_or(0, BTreeSet::len);
                (evidence < Evidence::Open || spaces <= 1).then_some(evidence)
            }
        }
    }

    /// Whether the package that a lookup is in has the operator.
    pub(super) fn has(&self, place: &Place, call: &OpCall) -> bool {
        let mut all = self.by_name.get(&call.operator).into_iter().flatten().filter(|one| !one.fake);
        all.any(|one| {
            place.distance(&one.place) == Distance::Package && self.evidence(one, &call.namespace).is_some()
        })
    }

    /// Whether a library near `place` is known to register operators in this namespace, and has no string that
    /// could be the name of this one.
    pub(super) fn lacks(&self, place: &Place, namespace: &str, operator: &str) -> bool {
        let near: Vec<_> = self
            .libraries
            .iter()
            .filter(|(path, _)| Place::of(path).distance(place) == Distance::Package)
            .collect();
        let owned = near.iter().any(|(path, library)| library.evidence(path, namespace) != Evidence::Open);
        owned && !near.iter().any(|(_, library)| library.names.iter().any(|name| name.ends_with(operator)))
    }

    /// The libraries near `place` that register operators in this namespace.
    pub(super) fn owners(&self, place: &Place, namespace: &str) -> Vec<ImagePath> {
        let near = self.libraries.iter().filter(|(path, library)| {
            Place::of(path).distance(place) == Distance::Package
                && library.evidence(path, namespace) != Evidence::Open
        });
        near.map(|(path, _)| path.clone()).collect()
    }
}

impl Library {
    fn evidence(&self, path: &ImagePath, namespace: &str) -> Evidence {
        let file = String::from_utf8_lossy(path.name());
        let stem = file.split('.').next().unwrap_or_default();
        if self.names.contains(namespace) || stem == namespace {
            return Evidence::Written;
        }
        let here = self.called.get(namespace).copied().unwrap_or(0);
        let most = self.called.values().copied().max().unwrap_or(0);
        if here >= 2 && here == most { Evidence::Called } else { Evidence::Open }
    }
}

fn schema_name(declaration: &Declaration) -> String {
    declaration.schema.as_ref().map(|schema| schema.name.clone()).unwrap_or_default()
}

/// Whether it needs a library of PyTorch.
fn is_built_on_torch(facts: &Facts) -> bool {
    facts.needed.iter().any(|needed| needed.starts_with("libtorch") || needed.starts_with("libc10"))
}
