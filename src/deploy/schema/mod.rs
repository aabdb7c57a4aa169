//! What objects may hold, as their definitions say: fields, types, bounds (apiextensions v1, structural schemas).
//!
//! Built in is what the operator of Dynamo takes (its definition of 2026-08-21) and ConfigMaps; a whole
//! definition of a cluster's own takes its place. Rules in CEL are `check::rules`' business.

mod fit;
mod table;

pub use fit::Misfit;
pub use fit::Slip;
pub use table::CrdError;
pub use table::Kind;
pub use table::Schemas;
