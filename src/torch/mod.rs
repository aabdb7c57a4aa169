//! Operator schemas of PyTorch, as text: where one begins and ends, and what it declares.
//!
//! Knows nothing of ELF files or of Python: bytes and texts go in (`aten/src/ATen/core/function_schema.h` and
//! `torch/csrc/jit/frontend/function_schema_parser.cpp` of PyTorch are the grammar).

/// Schema texts in read-only data, such as `fused_add(Tensor a, int b=1) -> Tensor`, in the order they stand.
#[must_use]
pub fn scan(_data: &[u8]) -> Vec<String> {
    Vec::new()
}
