//! Edits: functions from a tree to a changeset.

pub mod patch;
