//! Layers that are known by a table of contents: the one that they carry, or SOCI's beside the image.
//!
//! Sources for SOCI: soci-snapshotter `soci/soci_index.go` (documents and annotations), `docs/soci-index-manifest-v2.md` and
//! `fs/fs.go` (where they are looked for, and in which order). Whatever is wrong with one, there is none.

use std::collections::BTreeMap;
use std::io::Read;

use crate::build::World;
use crate::build::origin::Origin;
use crate::index::LayerIndex;
use crate::index::table;
use crate::oci::Compression;
use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::Layer;
use crate::oci::manifest::Document;
use crate::oci::media_type;
use crate::transport::image::fetch_blob;

/// Of an image's manifest, version 2: the digest of its SOCI index.
const INDEX: &str = "com.amazon.soci.index-digest";
/// Of a zTOC's descriptor: the layer.
const LAYER: &str = "com.amazon.soci.image-layer-digest";
/// What a SOCI index is, version 1 and 2; only the first refers to its image.
const V1: &str = "application/vnd.amazon.soci.index.v1+json";
const V2: &str = "application/vnd.amazon.soci.index.v2+json";
/// Smallest layer that is worth asking for: SOCI itself leaves out those below ten times this.
const LEAST: u64 = 1 << 20;
/// Most bytes of a zTOC, which is read into memory: that of a tar of 16 GB.
const MOST: u64 = 128 << 20;

impl Origin {
    /// What a table of contents says of a layer.
    pub(super) fn listed(&self, world: &World<'_>, layer: &Layer) -> Option<LayerIndex> {
        let table = table::obtain(world.store, layer, &|range| self.open_range(world, layer, range));
        table.map(|table| table.into_index(layer)).or_else(|| self.told_by_soci(world, layer))
    }

    /// Whether tables of contents may spare the reading of a layer.
    #[must_use]
    pub fn has_tables(&self, world: &World<'_>) -> bool {
        let has_one = |layer: &Layer| table::is_promised(layer) || self.ztoc(layer).is_some();
        let spared = |layer: &Layer| self.known(world, layer).is_none() && has_one(layer);
        self.image.layers().iter().any(spared)
    }

    /// What a zTOC beside the image says of a layer.
    fn told_by_soci(&self, world: &World<'_>, layer: &Layer) -> Option<LayerIndex> {
        let blob = self.ztoc(layer)?;
        let title = self.title("fetch", layer);
        let task = world.progress.begin(&title, Some(blob.size));
        fetch_blob(self.source.as_ref(), world.store, blob, task.as_ref()).ok()?;
        let mut bytes = Vec::new();
        world.store.reader(&blob.digest).ok()?.read_to_end(&mut bytes).ok()?;
        table::soci::lend(world.store, layer, &bytes)
    }

    /// The zTOC of a layer. The first question after one asks the image's place; what comes of that is remembered as
    /// long as this value lives.
    fn ztoc(&self, layer: &Layer) -> Option<&Descriptor> {
        let gzip = media_type::layer_compression(&layer.descriptor.media_type) == Some(Compression::Gzip);
        if !gzip || layer.descriptor.size < LEAST {
            return None;
        }
        let ztocs = self.ztocs.get_or_init(|| self.soci_index().unwrap_or_default());
        // What costs as much as the layer spares nothing.
        let most = MOST.min(layer.descriptor.size);
        ztocs.get(&layer.descriptor.digest).filter(|ztoc| ztoc.size < most)
    }

    /// The zTOCs of the image's SOCI index, by layer: of the one that its manifest names, else of one that refers to it.
    fn soci_index(&self) -> Option<BTreeMap<Digest, Descriptor>> {
        let manifest = &self.image.manifest;
        let digest = match manifest.annotations.get(INDEX) {
            Some(text) => text.parse().ok()?,
            None => self.source.referrers(&manifest.digest(), V1).ok()?.first()?.digest,
        };
        let bytes = self.source.document(&digest).ok()?;
        let Document::Manifest(index) = Document::parse(bytes, media_type::OCI_MANIFEST).ok()? else {
            return None;
        };
        if ![V1, V2].contains(&index.config.media_type.as_str()) {
            return None;
        }
        let layer = |ztoc: &Descriptor| ztoc.annotations.get(LAYER)?.parse().ok();
        Some(index.layers.into_iter().filter_map(|ztoc| Some((layer(&ztoc)?, ztoc))).collect())
    }
}
