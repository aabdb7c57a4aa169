//! What objects may hold, as their definitions say: fields, types, bounds (apiextensions v1, structural schemas).
//!
//! Built in is what the operator of Dynamo takes (its definition of 2026-08-21) and ConfigMaps; a whole
//! definition of a cluster's own takes its place, with its rules in CEL. Those of the one that is built in are
//! `check::rules`' business.

mod expression;
mod fit;
mod quantity;
mod rule;
mod table;

pub use fit::Misfit;
pub use fit::Slip;
pub use rule::Ruling;
pub use table::CrdError;
pub use table::Kind;
pub use table::Schemas;
