//! Contents of a directory of this machine, each file read once however many trees have it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use imgforge::elf;
use imgforge::elf::Symbols;
use imgforge::index::Object;
use imgforge::loader::ObjectError;
use imgforge::loader::Objects;
use imgforge::oci::Digest;
use imgforge::oci::ImagePath;
use imgforge::python::Script;
use imgforge::rootfs::TreeNode;

type Inode = (u64, u64);

/// Facts stay; symbols go when they are many.
#[derive(Default)]
pub(crate) struct Known {
    facts: BTreeMap<Inode, Option<Arc<Object>>>,
    symbols: BTreeMap<Inode, Arc<Symbols>>,
    count: usize,
}

/// Most definitions that are kept in memory.
const MOST: usize = 3_000_000;

pub(crate) struct Files {
    pub(crate) root: PathBuf,
    pub(crate) known: Arc<Mutex<Known>>,
}

impl Files {
    fn host(&self, path: &ImagePath) -> PathBuf {
        self.root.join(path.to_string().trim_start_matches('/'))
    }

    fn inode(path: &Path) -> Option<Inode> {
        let meta = fs::symlink_metadata(path).ok()?;
        Some((meta.dev(), meta.ino()))
    }

    fn read(&self, path: &ImagePath) -> Option<(Arc<Object>, Arc<Symbols>)> {
        let host = self.host(path);
        let mut file = fs::File::open(&host).ok()?;
        let size = file.metadata().ok()?.len();
        let (facts, symbols) = elf::read(&mut file, size).ok().flatten()?;
        let digest = Digest::of(host.to_str()?.as_bytes());
        Some((Arc::new(Object { digest, size, facts }), Arc::new(symbols)))
    }

    fn learn(&self, path: &ImagePath) -> Option<Inode> {
        let inode = Self::inode(&self.host(path))?;
        if self.known.lock().unwrap().facts.contains_key(&inode) {
            return Some(inode);
        }
        let read = self.read(path);
        let mut known = self.known.lock().unwrap();
        known.facts.insert(inode, read.map(|(object, _)| object));
        Some(inode)
    }
}

impl Objects for Files {
    fn object(&self, path: &ImagePath, _: &TreeNode) -> Option<Arc<Object>> {
        let inode = self.learn(path)?;
        self.known.lock().unwrap().facts.get(&inode)?.clone()
    }

    fn symbols(&self, path: &ImagePath, _: &TreeNode) -> Result<Arc<Symbols>, ObjectError> {
        let inode = Self::inode(&self.host(path)).unwrap();
        if let Some(symbols) = self.known.lock().unwrap().symbols.get(&inode) {
            return Ok(Arc::clone(symbols));
        }
        let symbols = self.read(path).map(|(_, symbols)| symbols).unwrap_or_default();
        let mut known = self.known.lock().unwrap();
        known.count += symbols.defined.len();
        if known.count > MOST {
            known.symbols.clear();
            known.count = symbols.defined.len();
        }
        known.symbols.insert(inode, Arc::clone(&symbols));
        Ok(symbols)
    }

    fn traits(&self, _: &ImagePath, _: &TreeNode) -> Result<Arc<elf::Traits>, ObjectError> {
        Ok(Arc::default())
    }

    fn script(&self, _: &ImagePath, _: &TreeNode) -> Option<Arc<Script>> {
        None
    }

    fn bytes(&self, path: &ImagePath, _: &TreeNode) -> Result<Option<Vec<u8>>, ObjectError> {
        Ok(fs::read(self.host(path)).ok())
    }
}
