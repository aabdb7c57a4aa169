//! Which files came from one wheel, and whether they are still as it brought them.

use std::collections::BTreeMap;

use crate::index::ObjectError;
use crate::loader::Loader;
use crate::oci::ImagePath;
use crate::python::record;

/// The wheels that are installed in a tree, as their RECORDs say.
#[derive(Debug, Clone, Default)]
pub struct Wheels(Vec<Wheel>);

/// One wheel.
#[derive(Debug, Clone)]
pub struct Wheel {
    /// `NAME-VERSION`, as its `dist-info` directory has it.
    pub name: String,
    /// Its RECORD.
    pub record: ImagePath,
    /// Its ELF files, and whether each has the SHA-256 that the RECORD gives; `None` where it gives none.
    pub files: BTreeMap<ImagePath, Option<bool>>,
}

impl Wheels {
    /// Reads every RECORD of the tree.
    ///
    /// # Errors
    /// A RECORD that cannot be read.
    pub fn new(loader: &Loader<'_>) -> Result<Self, ObjectError> {
        let mut wheels = Vec::new();
        for (path, node) in loader.view.tree.iter().filter(|(path, _)| path.name() == b"RECORD") {
            if record::root(path).is_none() {
                continue;
            }
            let Some(bytes) = loader.view.objects.bytes(path, node)? else {
                continue;
            };
            let directory = path.parent().unwrap_or_default();
            let name = String::from_utf8_lossy(directory.name()).into_owned();
            let listed = record::hashes(path, &String::from_utf8_lossy(&bytes));
            let files = listed.into_iter().filter_map(|(file, hash)| {
                let file = loader.view.tree.resolve(&file).map_or(file, |found| found.path);
                let object = loader.catalogue.get(&file)?;
                Some((file, hash.map(|hash| hash == record::hash(&object.digest))))
            });
            let name = name.trim_end_matches(".dist-info").to_owned();
            wheels.push(Wheel { name, record: path.clone(), files: files.collect() });
        }
        Ok(Self(wheels))
    }

    /// The wheel that brought a file.
    #[must_use]
    pub fn of(&self, file: &ImagePath) -> Option<&Wheel> {
        self.0.iter().find(|wheel| wheel.files.contains_key(file))
    }

    /// All of them, by the paths of their RECORDs.
    pub fn iter(&self) -> impl Iterator<Item = &Wheel> {
        self.0.iter()
    }
}
