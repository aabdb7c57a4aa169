//! Which calls of torch operators in a tree fit what its libraries declare.
//!
//! A call is held against the declarations that lie nearest to it: those of its own package, else of its own
//! `site-packages`. It fits when it fits one of them: two builds of an operator (for two devices, say) may lie
//! side by side of which one is loaded. Nothing is said of PyTorch's own operators.

mod declared;
mod finding;
mod judge;
mod place;

pub(super) use finding::tell;
pub(super) use judge::Fault;
pub(super) use judge::Verdict;
pub(super) use judge::Verdicts;
pub(super) use judge::judge;

/// Namespaces of PyTorch itself: its Python and its libraries are of one build, and much of them is made at run time.
const OWN: [&str; 33] = [
    "aten",
    "prim",
    "prims",
    "higher_order",
    "inductor",
    "_inductor_test",
    "rngprims",
    "debugprims",
    "quantized",
    "_quantized",
    "quantized_decomposed",
    "c10d",
    "_c10d_functional",
    "c10d_functional",
    "_dtensor",
    "profiler",
    "mkldnn",
    "mkl",
    "mkldnn_prepacked",
    "onednn",
    "static_runtime",
    "symm_mem",
    "xnnpack",
    "prepacked",
    "sparse",
    "cuda",
    "fsdp",
    "bucketing",
    "streams",
    "export",
    "_native",
    "onnx",
    "c10d_",
];
