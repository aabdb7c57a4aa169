//! The same question, asked of the model.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use imgforge::elf::Symbols;
use imgforge::elf::Undefined;
use imgforge::elf::VersionNeed;
use imgforge::loader::Loader;
use imgforge::loader::World;
use imgforge::oci::ImagePath;

use crate::answer::Answer;
use crate::answer::Binding;

/// A process, ready to be asked.
struct Process<'l, 'a> {
    loader: &'l Loader<'a>,
    world: World,
    symbols: Vec<Arc<Symbols>>,
    places: BTreeMap<String, usize>,
}

/// Where model and loader differ, in words; empty when they agree. `compared` counts bindings.
pub(crate) fn differences(loader: &Loader<'_>, answer: &Answer, compared: &mut usize) -> Vec<String> {
    let subject = ImagePath::absolute(&answer.subject).unwrap();
    let Some(world) = loader.load(&subject).unwrap() else {
        return vec!["the model has no such file".to_owned()];
    };
    let symbols = world.symbols(loader).unwrap();
    let places = (0..).zip(&world.objects).map(|(index, mapped)| (mapped.file.to_string(), index)).collect();
    let process = Process { loader, world, symbols, places };
    let stop = process.stop();
    if answer.fatal.is_some() || stop.is_some() {
        let same = answer.fatal.is_some() == stop.is_some();
        return if same { Vec::new() } else { vec![format!("fatal: {:?}, model {stop:?}", answer.fatal)] };
    }
    let mut out = Vec::new();
    let found = process.found();
    for (name, file) in answer.found.iter().filter(|(name, _)| !name.starts_with("ld-linux")) {
        // What is preloaded is asked for by nobody's DT_NEEDED.
        let preloaded = answer.env.get("LD_PRELOAD").is_some_and(|list| list.contains(name.as_str()));
        let unasked = preloaded && process.places.contains_key(file);
        if !unasked && found.get(name).is_none_or(|files| !files.contains(file)) {
            out.push(format!("found {name}: {file}, model {:?}", found.get(name)));
        }
    }
    let missing: BTreeSet<String> = process.world.missing.iter().map(|m| m.name.clone()).collect();
    compare("missing", &answer.missing, &missing, &mut out);
    compare("version", &answer.versions, &process.versions(), &mut out);
    if answer.partial {
        return out;
    }
    let shaky = process.shaky();
    let certain = |open: &BTreeSet<(String, String)>| open.difference(&shaky).cloned().collect();
    compare("undefined", &certain(&answer.undefined), &certain(&process.undefined()), &mut out);
    *compared += process.bindings(&answer.bindings, &mut out);
    out
}

fn compare<T: Ord + std::fmt::Debug>(
    what: &str,
    real: &BTreeSet<T>,
    model: &BTreeSet<T>,
    out: &mut Vec<String>,
) {
    out.extend(real.difference(model).take(5).map(|item| format!("{what}: not in the model: {item:?}")));
    out.extend(model.difference(real).take(5).map(|item| format!("{what}: only in the model: {item:?}")));
}

impl Process<'_, '_> {
    fn file(&self, index: usize) -> String {
        self.world.objects[index].file.to_string()
    }

    /// What ends the load before anything is bound, or while it is.
    fn stop(&self) -> Option<String> {
        if let Some(missing) = self.world.missing.iter().find(|missing| missing.fatal) {
            return missing.unfit.last().cloned();
        }
        let objects = 0..self.world.objects.len();
        let unasked = objects.clone().flat_map(|index| self.world.unasked_versions(index)).next();
        let aborts = || {
            objects.clone().find_map(|index| {
                let mut wanted = self.symbols[index].undefined.iter();
                wanted.find_map(|symbol| self.world.aborts_at(self.loader, &self.symbols, index, symbol))
            })
        };
        let refused = objects.clone().find_map(|index| self.world.refused(self.loader, index));
        unasked.or_else(|| refused.map(str::to_owned)).or_else(|| aborts().map(|index| self.file(index)))
    }

    /// Each needed name with the files that it means to those who need it.
    fn found(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for mapped in &self.world.objects {
            for (name, needed) in mapped.object.facts.needed.iter().zip(&mapped.needed) {
                found.entry(name.clone()).or_default().extend(needed.map(|index| self.file(index)));
            }
        }
        found
    }

    fn versions(&self) -> BTreeSet<(String, String, String)> {
        let all = (0..self.world.objects.len()).flat_map(|index| self.world.missing_versions(index));
        all.map(|missing| (missing.version, self.file(missing.by), self.file(missing.of))).collect()
    }

    fn undefined(&self) -> BTreeSet<(String, String)> {
        let mut open = BTreeSet::new();
        for (index, symbols) in self.symbols.iter().enumerate() {
            for symbol in symbols.undefined.iter().filter(|symbol| !symbol.weak) {
                if self.world.provider(self.loader, &self.symbols, index, symbol).is_none() {
                    open.insert((symbol.name.to_string(), self.file(index)));
                }
            }
            for copied in &symbols.copied {
                if self.world.original(self.loader, &self.symbols, &copied.symbol).is_none() {
                    open.insert((copied.symbol.name.to_string(), self.file(index)));
                }
            }
        }
        open
    }

    /// References to versions of missing files: tracing has no table of those and reads past its end.
    fn shaky(&self) -> BTreeSet<(String, String)> {
        let missing = |name: &str| self.world.missing.iter().any(|missing| missing.name == name);
        let mut shaky = BTreeSet::new();
        for (index, symbols) in self.symbols.iter().enumerate() {
            for symbol in &symbols.undefined {
                if symbol.version.as_ref().is_some_and(|need| missing(&need.file)) {
                    shaky.insert((symbol.name.to_string(), self.file(index)));
                }
            }
        }
        shaky
    }

    /// Compares in both directions; returns how many of the loader's bindings were looked up here.
    fn bindings(&self, real: &BTreeSet<Binding>, out: &mut Vec<String>) -> usize {
        if real.is_empty() {
            return 0;
        }
        let mut count = 0;
        let mut wrong = Vec::new();
        let mut seen = BTreeSet::new();
        let shaky = self.shaky();
        for (from, name, version, to) in real {
            if shaky.contains(&(name.clone(), from.clone())) {
                continue;
            }
            let Some(index) = self.places.get(from) else {
                wrong.push(format!("binding: `{from}` is not loaded in the model"));
                continue;
            };
            let version = Some(version).filter(|version| !version.is_empty());
            let model = self.bind(*index, name, version.map(String::as_str));
            if !model.contains(to) {
                wrong.push(format!("binding: {from}: {name} {version:?}: {to}, model {model:?}"));
            }
            seen.insert((from, name));
            count += 1;
        }
        for (index, symbols) in self.symbols.iter().enumerate() {
            let from = self.file(index);
            for symbol in &symbols.undefined {
                let gives = self.world.provider(self.loader, &self.symbols, index, symbol);
                if let Some(gives) = gives.filter(|_| !seen.contains(&(&from, &symbol.name.to_string()))) {
                    wrong.push(format!(
                        "binding: only in the model: {from}: {} {}",
                        symbol.name,
                        self.file(gives)
                    ));
                }
            }
        }
        out.extend(wrong.into_iter().take(10));
        count
    }

    /// Who gives the symbol, to a copy relocation and to any other reference.
    fn bind(&self, index: usize, name: &str, version: Option<&str>) -> BTreeSet<String> {
        let need = |version: &str| {
            Arc::new(VersionNeed { file: String::new(), version: version.to_owned(), weak: false })
        };
        let symbol = Undefined { name: name.into(), version: version.map(need), weak: false, lazy: false };
        let copied = self.symbols[index].copied.iter().any(|copied| copied.symbol.name == name);
        let original = copied.then(|| self.world.original(self.loader, &self.symbols, &symbol)).flatten();
        let provider = self.world.provider(self.loader, &self.symbols, index, &symbol);
        original.into_iter().chain(provider).map(|index| self.file(index)).collect()
    }
}
