//! Registries: a client of the OCI distribution specification, with the older ways that registries still have.
//!
//! Asynchronous inside, synchronous outside: [`Registry`] owns a small runtime, and its sources and sinks block.
//! Knows nothing of the environment, of the store's layout, or of what is inside a blob.

mod auth;
mod body;
mod challenge;
mod chunk;
mod client;
mod download;
mod early;
mod endpoint;
mod engine;
pub mod options;
mod pace;
mod piece;
mod pieces;
mod presence;
mod pull;
mod push;
mod reader;
mod redirect;
mod referrers;
mod response;
mod retry;
mod route;
mod session;
mod tls;
mod token;
mod upload;
mod wire;

use std::sync::Arc;

pub use options::RegistryOptions;
pub use pull::RegistrySource;
pub use push::RegistrySink;

use crate::oci::reference::RegistryReference;
use crate::transport::error::Error;
use crate::transport::registry::early::Slot;
use crate::transport::registry::engine::Engine;

/// All registries. Sources and sinks made from one value share connections, tokens and settings.
#[derive(Debug, Clone)]
pub struct Registry {
    engine: Arc<Engine>,
}

impl Registry {
    /// Prepares to speak to registries; speaks to none yet.
    ///
    /// # Errors
    /// When a certificate file of the options cannot be used.
    pub fn new(options: RegistryOptions) -> Result<Self, Error> {
        Ok(Self { engine: Arc::new(Engine::new(options)?) })
    }

    /// The image that `reference` names, to read.
    #[must_use]
    pub fn source(&self, reference: &RegistryReference) -> RegistrySource {
        RegistrySource { engine: self.engine.clone(), reference: reference.clone() }
    }

    /// The name that `reference` is, to publish to. Blobs are mounted from the base's repository where it is in the
    /// same registry.
    #[must_use]
    pub fn sink(&self, reference: &RegistryReference) -> RegistrySink {
        RegistrySink { engine: self.engine.clone(), reference: reference.clone(), early: Slot::default() }
    }
}
