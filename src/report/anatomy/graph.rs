//! Who needs whom around the findings, as the loader's model has it.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::Loader;
use crate::loader::ObjectError;
use crate::loader::World;
use crate::oci::ImagePath;
use crate::report::anatomy::Edge;
use crate::report::anatomy::Graph;
use crate::report::anatomy::Node;

/// Most nodes: more cannot be read.
const NODES: usize = 200;
/// Most wanted names of one file that are shown one by one.
const NAMES: usize = 3;

/// The files that errors and warnings are about, worst first, with what they need, who needs them in the
/// process that was judged, and what a finding says is broken between two files.
///
/// # Errors
/// A file's facts cannot be had.
pub fn of(loader: &Loader<'_>, findings: &[Finding]) -> Result<Graph, ObjectError> {
    let elves = loader.catalogue.iter().map(|(path, _)| (path.to_string(), path.clone())).collect();
    let mut drawing =
        Drawing { loader, elves, nodes: BTreeMap::new(), graph: Graph::default(), edges: BTreeMap::new() };
    let mut subjects: Vec<(&str, Vec<&Finding>)> = Vec::new();
    let told = |finding: &&Finding| finding.severity != Severity::Note && finding.allowed.is_none();
    for finding in findings.iter().filter(told).filter(|finding| !finding.path.is_empty()) {
        match subjects.iter_mut().find(|(path, _)| *path == finding.path) {
            Some((_, of_file)) => of_file.push(finding),
            None => subjects.push((&finding.path, vec![finding])),
        }
    }
    for (path, of_file) in subjects {
        if drawing.graph.nodes.len() >= NODES {
            drawing.graph.left_out += 1;
            continue;
        }
        drawing.subject(path, &of_file)?;
    }
    Ok(drawing.done())
}

struct Drawing<'a, 'v> {
    loader: &'a Loader<'v>,
    /// ELF files by path as findings write it.
    elves: BTreeMap<String, ImagePath>,
    nodes: BTreeMap<String, usize>,
    graph: Graph,
    edges: BTreeMap<(usize, usize), (bool, String)>,
}

impl Drawing<'_, '_> {
    fn node(&mut self, name: &str, absent: bool) -> usize {
        let next = self.graph.nodes.len();
        let index = *self.nodes.entry(name.to_owned()).or_insert(next);
        if index == next {
            self.graph.nodes.push(Node { name: name.to_owned(), worst: None, absent });
        }
        index
    }

    fn needs(&mut self, from: usize, to: usize) {
        self.edges.entry((from, to)).or_insert_with(|| (false, "needs".to_owned()));
    }

    fn subject(&mut self, path: &str, findings: &[&Finding]) -> Result<(), ObjectError> {
        let own = self.node(path, false);
        self.graph.nodes[own].worst = findings.iter().map(|finding| finding.severity).min();
        if let Some(file) = self.elves.get(path).cloned() {
            let process = findings.iter().find_map(|finding| finding.evidence.get("loaded_by"));
            let process = process.and_then(|path| self.elves.get(path)).unwrap_or(&file);
            if let Some(world) = self.loader.load(process)? {
                self.neighbours(own, &file, &world);
            }
        }
        let mut names = 0;
        for finding in findings {
            let others = self.others(finding);
            for other in &others {
                let other = self.node(other, false);
                self.edges.insert((own, other), (true, finding.check.clone()));
            }
            if let Some(symbol) = finding.symbol.as_deref().filter(|_| others.is_empty()) {
                names += 1;
                if names <= NAMES {
                    let wanted = self.node(symbol, true);
                    self.edges.insert((own, wanted), (true, finding.check.clone()));
                }
            }
        }
        Ok(())
    }

    /// What the file needs and who needs it, in one process.
    fn neighbours(&mut self, own: usize, file: &ImagePath, world: &World) {
        let Some(index) = world.find(file) else {
            return;
        };
        for needed in world.objects[index].needed.iter().flatten().filter_map(|to| world.objects.get(*to)) {
            let to = self.node(&needed.file.to_string(), false);
            self.needs(own, to);
        }
        for other in world.objects.iter().filter(|other| other.needed.contains(&Some(index))) {
            let from = self.node(&other.file.to_string(), false);
            self.needs(from, own);
        }
    }

    /// Files of the tree that a finding is about besides its own: the provider, and what the message quotes.
    fn others(&self, finding: &Finding) -> Vec<String> {
        let quoted = finding.message.split('`').skip(1).step_by(2);
        let named = ["provider", "library", "replaced"].into_iter();
        let named = named.filter_map(|key| finding.evidence.get(key)).flat_map(|list| list.split(", "));
        let mut others: Vec<String> = quoted
            .chain(named)
            .filter(|path| *path != finding.path && self.elves.contains_key(*path))
            .map(str::to_owned)
            .collect();
        others.sort();
        others.dedup();
        others
    }

    fn done(mut self) -> Graph {
        let edges = std::mem::take(&mut self.edges).into_iter();
        let edges = edges.map(|((from, to), (broken, label))| Edge { from, to, broken, label });
        self.graph.edges = edges.collect();
        self.graph
    }
}
