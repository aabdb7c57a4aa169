//! Every view of a report, on a small report that has everything, read back by parsers that are not ours.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cli;
mod html;
mod issue;
mod json;
mod junit;
mod markdown;
mod matrix;
mod sample;
mod sarif;
