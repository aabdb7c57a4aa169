//! ELF facts and small files of a tree, wherever its bytes are.

use std::sync::Arc;

use super::Object;
use crate::elf::Symbols;
use crate::elf::Traits;
use crate::oci::ImagePath;
use crate::python::Script;
use crate::rootfs::TreeNode;

/// Answers about the contents of the files of a tree.
pub trait Objects: Sync {
    /// The ELF facts of a regular file; `None` when it is none, or not one that can be understood.
    fn object(&self, path: &ImagePath, node: &TreeNode) -> Option<Arc<Object>>;

    /// The symbols of an ELF file; empty when it is none.
    ///
    /// # Errors
    /// The bytes cannot be had.
    fn symbols(&self, path: &ImagePath, node: &TreeNode) -> Result<Arc<Symbols>, ObjectError>;

    /// What of an ELF file goes beyond the loader; nothing when it is none.
    ///
    /// # Errors
    /// The bytes cannot be had.
    fn traits(&self, path: &ImagePath, node: &TreeNode) -> Result<Arc<Traits>, ObjectError>;

    /// The facts of a Python file; `None` when it is none, or has nothing to say.
    fn script(&self, path: &ImagePath, node: &TreeNode) -> Option<Arc<Script>>;

    /// The content of a small file, such as `/etc/ld.so.cache`; `None` when it is not a regular file or is large.
    ///
    /// # Errors
    /// The bytes cannot be had.
    fn bytes(&self, path: &ImagePath, node: &TreeNode) -> Result<Option<Vec<u8>>, ObjectError>;
}

/// Contents of a file of the tree cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}` of the image")]
pub struct ObjectError {
    /// The file.
    pub path: ImagePath,
    /// Why not.
    #[source]
    pub source: std::io::Error,
}

impl crate::hint::Hint for ObjectError {
    fn hint(&self) -> Option<String> {
        Some("run again; if that does not help: `imgforge cache repair`".to_owned())
    }
}
