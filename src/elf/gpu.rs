//! GPU architectures, and which device code runs on which of them.
//!
//! The rules are those of the CUDA programming guide ("Compute capabilities", "Architecture-specific and
//! family-specific features").

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// What kind of device code it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CodeKind {
    /// Machine code (a cubin).
    Elf,
    /// PTX, which the driver compiles for the GPU it finds.
    Ptx,
}

/// What the letter after the number restricts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Features {
    /// No letter.
    Common,
    /// `f`: features of one family.
    Family,
    /// `a`: features of one architecture.
    Specific,
}

/// An architecture as nvcc writes it: `sm_90`, `sm_90a`, `sm_100f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gpu {
    /// Compute capability times ten: 90 for 9.0.
    pub number: u32,
    /// The letter.
    pub features: Features,
}

/// Device code for one architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Code {
    /// What it was compiled for.
    pub gpu: Gpu,
    /// Machine code or PTX.
    pub kind: CodeKind,
}

impl Code {
    /// Whether it runs on a GPU of this architecture. The letter of `target` says nothing: an H100 is an
    /// `sm_90` that runs code for `sm_90a` too.
    #[must_use]
    pub const fn runs_on(self, target: Gpu) -> bool {
        let (own, there) = (self.gpu.number, target.number);
        let family = own / 10 == there / 10 && own <= there;
        match (self.gpu.features, self.kind) {
            (Features::Specific, _) => own == there,
            (Features::Family, _) | (Features::Common, CodeKind::Elf) => family,
            (Features::Common, CodeKind::Ptx) => own <= there,
        }
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.features {
            Features::Common => "",
            Features::Family => "f",
            Features::Specific => "a",
        };
        write!(f, "sm_{}{letter}", self.number)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            CodeKind::Elf => self.gpu.fmt(f),
            CodeKind::Ptx => write!(f, "{} (PTX)", self.gpu),
        }
    }
}

/// Not `sm_` with two or three digits and at most one letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an architecture as nvcc writes it")]
pub struct NotGpu;

impl FromStr for Gpu {
    type Err = NotGpu;

    fn from_str(text: &str) -> Result<Self, NotGpu> {
        let rest = text.strip_prefix("sm_").ok_or(NotGpu)?;
        let digits = rest.trim_end_matches(['a', 'f']);
        let features = match &rest[digits.len()..] {
            "" => Features::Common,
            "f" => Features::Family,
            "a" => Features::Specific,
            _ => return Err(NotGpu),
        };
        let plain = (2..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| plain).ok_or(NotGpu)?;
        Ok(Self { number, features })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the programming guide, by hand.
    #[test]
    fn what_runs_where() {
        use CodeKind::Elf;
        use CodeKind::Ptx;
        for (kind, code, target, want) in [
            (Elf, "sm_90", "sm_90", true),
            (Elf, "sm_80", "sm_86", true),
            (Elf, "sm_86", "sm_80", false),
            (Elf, "sm_80", "sm_90", false),
            (Elf, "sm_90a", "sm_90", true),
            (Elf, "sm_90", "sm_90a", true),
            (Elf, "sm_100a", "sm_103", false),
            (Elf, "sm_100f", "sm_103", true),
            (Elf, "sm_100f", "sm_120", false),
            (Elf, "sm_100", "sm_120", false),
            (Ptx, "sm_80", "sm_90", true),
            (Ptx, "sm_90", "sm_80", false),
            (Ptx, "sm_90a", "sm_100", false),
            (Ptx, "sm_100f", "sm_103", true),
            (Ptx, "sm_100f", "sm_120", false),
        ] {
            let code = Code { gpu: code.parse().unwrap(), kind };
            assert_eq!(code.runs_on(target.parse().unwrap()), want, "{code} on {target}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for name in ["sm_75", "sm_90a", "sm_100f"] {
            assert_eq!(name.parse::<Gpu>().unwrap().to_string(), name);
        }
        for name in ["sm_9", "sm_90b", "sm_90af", "sm_1000", "compute_90", "sm_", "sm_9x"] {
            assert_eq!(name.parse::<Gpu>(), Err(NotGpu), "{name}");
        }
    }
}
