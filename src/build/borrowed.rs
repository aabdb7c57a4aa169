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
    /// What is known of a layer by who may be believed.
    pub(super) fn known(&self, world: &World<'_>, layer: &Layer) -> Option<LayerIndex> {
        let believed = self.borrows || !index::is_foreign(world.store, &layer.descriptor.digest);
        believed.then(|| index::known(world.store, layer)).flatten()
    }

    /// As [`Origin::index`], and never a stranger's word: a layer whose index came from elsewhere is read here.
    ///
    /// # Errors
    /// As [`Origin::index`].
    pub(super) fn own_index(&self, world: &World<'_>, number: usize) -> Result<LayerIndex, Error> {
        let layer = self.layer(number);
        Self::disown(world, &layer);
        self.learn(world, &layer, &|_| false)
    }

    fn disown(world: &World<'_>, layer: &Layer) {
        if index::is_foreign(world.store, &layer.descriptor.digest) {
            index::forget(world.store, &layer.descriptor.digest);
        }
    }

    /// Looks a layer's index up where indexes are shared; without one, or with a bad one, the layer is read.
    pub(super) fn borrow_index(&self, world: &World<'_>, layer: &Layer) -> Option<LayerIndex> {
        if !self.borrows {
            Self::disown(world, layer);
            return None;
        }
        drop(share::pull(layer, world.indexes.as_ref()?, world));
        self.known(world, layer)
    }

    /// Reads a layer whose index came from elsewhere and did not lead to its files. Whatever was decided by it has to be
    /// decided anew.
    pub(super) fn misled(&self, world: &World<'_>, number: usize) -> Error {
        let layer = self.layer(number).descriptor.digest;
        let source = Damage::Index(layer).error(io::ErrorKind::InvalidData);
        let read = self.own_index(world, number);
        read.err().unwrap_or_else(|| Error::index(&self.written, index::Error::Read { layer, source }))
    }
}
