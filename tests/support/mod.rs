//! What several tests need.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod gnu_tar;
pub mod python;
pub mod tar_of;
