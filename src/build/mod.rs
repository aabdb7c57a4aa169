//! The pipeline: each stage consumes the value that only the stage before can make.

pub mod assemble;
pub mod blob;
mod borrowed;
pub mod caught;
pub mod config;
pub mod contents;
pub mod diff;
pub mod early;
pub mod error;
pub mod examine;
pub mod fetch;
pub mod gate;
mod listed;
pub mod lock;
pub mod looked;
pub mod manifest;
pub mod matrix;
pub mod new_layer;
pub mod options;
pub mod origin;
mod outlet;
pub mod parents;
pub mod plan;
pub mod publish;
pub mod remembered;
pub mod resolve;
pub mod share;
pub mod subject;
pub mod together;
pub mod whole;

use crate::oci::Reference;
use crate::progress::Progress;
use crate::store::Store;
use crate::transport::places::Places;

pub use assemble::Assembled;
pub use error::Error;
pub use examine::Manner;
pub use fetch::Fetched;
pub use gate::Cleared;
pub use gate::Gate;
pub use gate::Made;
pub use gate::Verdict;
pub use looked::Looked;
pub use options::Overrides;
pub use resolve::Locked;
pub use subject::Seen;
pub use subject::Subject;

/// What a build may use of the machine it runs on. The environment and the clock come in here, as values.
pub struct World<'a> {
    /// Where bytes are kept.
    pub store: &'a Store,
    /// How places are reached.
    pub places: &'a Places,
    /// Who is told how far things are.
    pub progress: &'a dyn Progress,
    /// RFC 3339 time for the result's `created`; `None` keeps the base's.
    pub created: Option<String>,
    /// Where indexes of layers are looked up that were not read here yet.
    pub indexes: Option<Reference>,
    /// How many layers are read at once.
    pub threads: usize,
}
