//! The program as a whole, run on images made for each behaviour, and on the mini fixtures.
//! Tests named `tNN_…` hold the program to a fault that bit a tool of this field.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]
#![expect(clippy::print_stdout, reason = "a check that cannot run says so")]

mod arriving;
mod cache;
mod gate;
mod integrity;
mod job;
mod judge;
mod layer;
mod lock;
mod matrix;
mod metadata;
mod parts;
mod paths;
mod places;
mod rig;
mod same;
mod shell;
mod slow;
mod tables;
mod together;
mod wheel;
mod whole;
