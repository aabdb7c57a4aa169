//! Questions about paths.

use crate::oci::ImagePath;

use super::Rootfs;
use super::TreeNode;
use super::error::LookupError;
use super::walk::End;
use super::walk::Way;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// Its real path: nothing above it is a link, and it is none itself.
    pub path: ImagePath,
    /// What is there.
    pub node: &'a TreeNode,
}

impl Rootfs {
    /// Follows all links, in the middle and at the end, inside the image.
    ///
    /// # Errors
    /// A path that leads to nothing, or whose end depends on missing layers.
    pub fn resolve(&self, path: &ImagePath) -> Result<Lookup<'_>, LookupError> {
        let way = Way { last: true, strict: true };
        let end = self.end(path, path, way)?;
        let Some(node) = self.nodes.get(&end) else {
            return Err(LookupError::NotFound { path: path.clone(), missing: end });
        };
        if end.is_root() && self.doubts_about(&end, Some(node)) {
            return Err(LookupError::Unknown { path: path.clone(), at: end });
        }
        Ok(Lookup { path: end, node })
    }

    /// Follows links in all but the last component: where a file of this name would really land.
    ///
    /// Neither the file nor the directories above it need exist: below the first one that does not,
    /// the path is taken as it is written. The root is its own answer.
    ///
    /// # Errors
    /// As [`Rootfs::resolve`], but never [`LookupError::NotFound`].
    pub fn resolve_parent(&self, path: &ImagePath) -> Result<ImagePath, LookupError> {
        let Some(parent) = path.parent() else {
            return Ok(ImagePath::root());
        };
        let way = Way { last: true, strict: true };
        let (mut at, rest) = match self.walk(&parent, way) {
            End::Missing { at, rest } => (at, rest),
            _ => (self.end(path, &parent, way)?, Vec::new()),
        };
        if self.nodes.get(&at).is_some_and(|node| !node.is_directory()) {
            return Err(LookupError::NotDirectory { path: path.clone(), above: at });
        }
        for part in rest.iter().rev().map(Vec::as_slice).chain([path.name()]) {
            at = match part {
                b".." => at.parent().unwrap_or_default(),
                _ => at.join(part).map_err(|_| LookupError::Loop { path: path.clone() })?,
            };
        }
        Ok(at)
    }

    fn end(&self, asked: &ImagePath, walked: &ImagePath, way: Way) -> Result<ImagePath, LookupError> {
        let path = asked.clone();
        match self.walk(walked, way) {
            End::At(at) => Ok(at),
            End::Missing { at, .. } => Err(LookupError::NotFound { path, missing: at }),
            End::NotDirectory { at } => Err(LookupError::NotDirectory { path, above: at }),
            End::Unknown { at, .. } => Err(LookupError::Unknown { path, at }),
            End::Loop => Err(LookupError::Loop { path }),
        }
    }
}
