//! A new layer that goes up while it is made, where the place does not have it already.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde_json::Value;

use crate::build::Locked;
use crate::build::World;
use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::Image;
use crate::recipe::lockfile::Lockfile;
use crate::store::Draft;
use crate::transport::Early;
use crate::transport::Sink;
use crate::transport::image::load_image;

/// Places that may take the layer early. What was not published by the time this is dropped is given up.
#[derive(Default)]
pub struct Earlies<'a> {
    sinks: &'a [Box<dyn Sink>],
    /// The manifest that must come of it, where that is known.
    result: Option<Digest>,
    open: Option<Box<dyn Early>>,
}

impl<'a> Earlies<'a> {
    /// The places that the result goes to; `lock` says what must come of it.
    #[must_use]
    pub fn new(sinks: &'a [Box<dyn Sink>], lock: Option<&Lockfile>) -> Self {
        let result = lock.and_then(|lock| Some(lock.result.as_ref()?.manifest));
        Self { sinks, result, open: None }
    }

    /// Begins, at the first place that takes a layer early and does not have it. A place has it whose repository has the
    /// manifest that must come of the build; where that is not known, one in which an image of the same `provenance`
    /// stands under the name.
    pub(super) fn begin(
        &mut self,
        locked: &Locked,
        provenance: &BTreeMap<String, String>,
        world: &World<'_>,
    ) {
        let has_it = |sink: &dyn Sink| match (sink.standing(self.result.as_ref()), self.result) {
            (Some(standing), Some(_)) => standing.root().is_ok(),
            (Some(standing), None) => {
                let image = load_image(standing.as_ref(), &locked.base.image.config.platform(), world.store);
                image.is_ok_and(|image| says(&image, provenance))
            }
            (None, _) => true,
        };
        let mut sinks = self.sinks.iter().filter(|sink| !has_it(sink.as_ref()));
        self.open = sinks.find_map(|sink| sink.early(world.progress));
    }

    /// What was sent is not the layer.
    pub(super) fn give_up(&mut self) {
        self.open = None;
    }

    /// Says what the layer is.
    pub(super) fn is(&mut self, layer: &Descriptor) {
        self.open.iter_mut().for_each(|early| early.is(layer));
    }
}

/// Whether an image says all this of itself: in annotations, or in labels, as Docker's manifests have none.
fn says(image: &Image, provenance: &BTreeMap<String, String>) -> bool {
    let labels = image.config.value().get("config").and_then(|config| config.get("Labels"));
    let label = |name: &str| labels.and_then(|labels| labels.get(name)).and_then(Value::as_str);
    let said = |name: &str| image.manifest.annotations.get(name).map(String::as_str).or(label(name));
    provenance.iter().all(|(name, value)| said(name) == Some(value))
}

/// A draft whose bytes go to a place, too.
pub(super) struct Twofold<'a> {
    pub(super) draft: Draft,
    early: Option<&'a mut dyn Early>,
}

impl<'a> Twofold<'a> {
    pub(super) fn new(draft: Draft, earlies: &'a mut Earlies<'_>) -> Self {
        Self { draft, early: earlies.open.as_mut().map(|early| early.as_mut() as &mut dyn Early) }
    }
}

impl Write for Twofold<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.draft.write(bytes)?;
        if let Some(early) = &mut self.early {
            early.write_all(&bytes[..count])?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}
