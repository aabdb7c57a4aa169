//! What the files of a case say about the sizes of classes and variables, side by side.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Case;
use crate::elf;
use crate::elf::Layout;
use crate::elf::SizeSource;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::elf::Undefined;
use crate::loader::ObjectError;
use crate::oci::ImagePath;

/// `STT_OBJECT`.
const OBJECT: u8 = 1;

/// What is known of one file.
pub(super) struct Part {
    pub(super) symbols: Arc<Symbols>,
    pub(super) traits: Arc<Traits>,
    program: bool,
}

/// What one file believes of one name.
pub(super) struct Shape {
    /// How many bytes.
    pub(super) bytes: u64,
    /// The class, by the name in its type information; for a variable its symbol.
    pub(super) class: String,
    /// For a derived class: the virtual table of its base, which cannot be larger.
    pub(super) asked: Option<String>,
    /// A program's copy of a library's variable.
    pub(super) copied: bool,
    /// How the size is known, for classes.
    source: Option<SizeSource>,
}

impl Shape {
    pub(super) const fn what(&self) -> &'static str {
        match self.source {
            _ if self.copied => "the variable",
            Some(SizeSource::DeletingDestructor) => "class",
            Some(SizeSource::ControlBlock) => "a shared object of class",
            None => "the virtual table of",
        }
    }
}

impl Part {
    pub(super) fn layout(&self) -> (&Symbols, &Layout) {
        (&self.symbols, &self.traits.layout)
    }

    /// The size that the file has for a name, if it is certain.
    pub(super) fn size(&self, name: &str) -> Option<u64> {
        if elf::class_of(name).is_some() {
            return self.traits.layout.sizes.get(name).filter(|size| size.certain).map(|size| size.bytes);
        }
        let object = self.symbols.definitions(name).iter().find(|symbol| symbol.kind == OBJECT);
        object.map(|symbol| symbol.size).filter(|size| *size > 0)
    }

    /// Everything that the file could be wrong about.
    fn shapes(&self) -> Vec<(String, Shape)> {
        let mut shapes = Vec::new();
        let shape = |bytes, class: &str| Shape {
            bytes,
            class: class.to_owned(),
            asked: None,
            copied: false,
            source: None,
        };
        let layout = &self.traits.layout;
        for (name, size) in layout.sizes.iter().filter(|(_, size)| size.certain && size.shared) {
            if let Some((class, source)) = elf::class_of(name) {
                shapes.push((name.clone(), Shape { source: Some(source), ..shape(size.bytes, &class) }));
            }
        }
        let objects = self.symbols.defined.iter().filter(|symbol| symbol.kind == OBJECT && symbol.size > 0);
        for symbol in objects {
            match symbol.name.strip_prefix("_ZTV").filter(|class| elf::is_own(class)) {
                Some(class) => {
                    shapes.push((symbol.name.to_string(), shape(symbol.size, class)));
                    if let Some([base]) = layout.bases.get(class).map(Vec::as_slice) {
                        let asked = Some(format!("_ZTV{base}"));
                        shapes.push((symbol.name.to_string(), Shape { asked, ..shape(symbol.size, class) }));
                    }
                }
                None if self.program && !symbol.name.starts_with("_ZT") => {
                    let shape = Shape { copied: true, ..shape(symbol.size, &symbol.name) };
                    shapes.push((symbol.name.to_string(), shape));
                }
                None => {}
            }
        }
        shapes
    }
}

/// A reference to a name, as code makes it.
pub(super) fn reference(name: &str) -> Undefined {
    Undefined { name: name.into(), version: None, weak: false, lazy: false }
}

/// What is known of a file of the tree; `None` when there is no such ELF file.
pub(super) fn part(case: &Case<'_>, path: &ImagePath) -> Result<Option<Part>, ObjectError> {
    let view = case.loader.view;
    let Some(node) = view.tree.get(path).filter(|_| case.loader.catalogue.get(path).is_some()) else {
        return Ok(None);
    };
    let symbols = view.objects.symbols(path, node)?;
    let program = case.loader.catalogue.is_program(path);
    Ok(Some(Part { symbols, traits: case.traits(path)?, program }))
}

/// Every file that is in a process of the case.
pub(super) fn parts(case: &Case<'_>) -> Result<BTreeMap<ImagePath, Part>, ObjectError> {
    let files: BTreeSet<&ImagePath> =
        case.worlds.iter().flat_map(|world| &world.objects).map(|mapped| &mapped.file).collect();
    let mut parts = BTreeMap::new();
    for file in files {
        if let Some(part) = part(case, file)? {
            parts.insert(file.clone(), part);
        }
    }
    Ok(parts)
}

/// What each file says of names that another file says something else of.
pub(super) fn suspects(parts: &BTreeMap<ImagePath, Part>) -> BTreeMap<&ImagePath, Vec<(String, Shape)>> {
    let mut all = Vec::new();
    let mut known: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut note = |name: &str, bytes: u64| {
        let range = known.entry(name.to_owned()).or_insert((bytes, bytes));
        *range = (range.0.min(bytes), range.1.max(bytes));
    };
    let mut copied = BTreeSet::new();
    for (path, part) in parts {
        for (name, shape) in part.shapes() {
            note(&name, shape.bytes);
            if shape.copied {
                copied.insert(name.clone());
            }
            all.push((path, name, shape));
        }
    }
    for name in &copied {
        parts.values().filter_map(|part| part.size(name)).for_each(|bytes| note(name, bytes));
    }
    let mut suspects: BTreeMap<&ImagePath, Vec<(String, Shape)>> = BTreeMap::new();
    for (path, name, shape) in all {
        let range = known.get(shape.asked.as_deref().unwrap_or(&name));
        let doubtful = match shape.asked {
            Some(_) => range.is_some_and(|range| range.1 > shape.bytes),
            None => range.is_some_and(|range| range.0 != range.1),
        };
        if doubtful {
            suspects.entry(path).or_default().push((name, shape));
        }
    }
    suspects
}
