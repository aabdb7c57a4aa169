//! What the tests share: options without long waits, names, and bytes.

use std::io::Read;
use std::time::Duration;

use imgforge::oci::Descriptor;
use imgforge::oci::reference::RegistryReference;
use imgforge::transport::Source;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;

pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Options with which a test that fails, fails soon.
pub(crate) fn options() -> RegistryOptions {
    RegistryOptions {
        retries: 3,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(20),
        idle: Duration::from_secs(5),
        ..RegistryOptions::default()
    }
}

pub(crate) fn registry() -> Registry {
    Registry::new(options()).unwrap()
}

/// `host/repository[:tag][@digest]`.
pub(crate) fn reference(host: &str, rest: &str) -> RegistryReference {
    format!("{host}/{rest}").parse().unwrap()
}

/// Bytes in which a piece at the wrong place is noticed.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    next.take(length).collect()
}

pub(crate) fn layer(bytes: &[u8]) -> Descriptor {
    Descriptor::of(LAYER, bytes)
}

/// Reads a blob from `offset` to its end.
pub(crate) fn read(source: &dyn Source, descriptor: &Descriptor, offset: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut reader = source.open(descriptor, offset).map_err(|error| chain(&error))?;
    reader.read_to_end(&mut bytes).map_err(|error| chain(&error))?;
    Ok(bytes)
}

/// An error with all its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        text.push_str(": ");
        text.push_str(&current.to_string());
        cause = current.source();
    }
    text
}
