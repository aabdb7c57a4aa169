//! C++ names.

pub(super) use crate::abi::demangle;
pub(super) use crate::abi::is_own_cpp;
