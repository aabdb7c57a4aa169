//! Assembled → receipts: each place in turn, the name last.

use crate::build::Assembled;
use crate::build::Error;
use crate::build::Locked;
use crate::build::World;
use crate::transport::Outgoing;
use crate::transport::Receipt;
use crate::transport::Sink;

/// Publishes the image to every place.
///
/// # Errors
/// The first place that refuses; places before it have the image, places after it do not.
pub fn publish(
    assembled: &Assembled,
    locked: &Locked,
    sinks: &[Box<dyn Sink>],
    world: &World<'_>,
) -> Result<Vec<Receipt>, Error> {
    let donors = assembled.whole.iter().filter_map(|layer| {
        let donor = locked.donors.get(&layer.from)?;
        Some((layer.descriptor.digest, donor.source.as_ref()))
    });
    let outgoing = Outgoing {
        image: &assembled.image,
        store: world.store,
        origin: locked.base.source.as_ref(),
        base_layers: assembled.base_layers,
        others: donors.collect(),
    };
    sinks.iter().map(|sink| Ok(sink.publish(&outgoing, world.progress)?)).collect()
}
