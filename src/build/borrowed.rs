//! Layers whose indexes came from elsewhere: who may believe them, and what is done when they mislead.

use std::io;

use crate::build::Error;
use crate::build::World;
use crate::build::origin::Origin;
use crate::build::share;
use crate::index;
use crate::index::LayerIndex;
use crate::oci::Layer;
use crate::store::Damage;

impl Origin {
    /// What is known of a layer: what this machine has read of it, else, for those who borrow, what others say.
    pub(super) fn known(&self, world: &World<'_>, layer: &Layer) -> Option<LayerIndex> {
        let lent = || self.borrows.then(|| index::lent(world.store, layer)).flatten();
        index::known(world.store, layer).or_else(lent)
    }

    /// Looks a layer's index up where indexes are shared; without one, or with a bad one, the layer is read.
    pub(super) fn borrow_index(&self, world: &World<'_>, layer: &Layer) -> Option<LayerIndex> {
        let repository = world.indexes.as_ref().filter(|_| self.borrows)?;
        drop(share::pull(layer, repository, world));
        self.known(world, layer)
    }

    /// Reads a layer whose index came from elsewhere and did not lead to its files. Whatever was decided by it has to be
    /// decided anew.
    pub(super) fn misled(&self, world: &World<'_>, number: usize) -> Error {
        let layer = self.layer(number);
        let digest = layer.descriptor.digest;
        let source = Damage::Index(digest).error(io::ErrorKind::InvalidData);
        let read = self.learn(world, &layer, &|_| false);
        read.err()
            .unwrap_or_else(|| Error::index(&self.written, index::Error::Read { layer: digest, source }))
    }
}
