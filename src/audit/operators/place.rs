//! Which files belong together, by where they lie.

use crate::oci::ImagePath;

/// A `site-packages` and the package in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    site: Vec<u8>,
    package: Vec<u8>,
}

/// Top directories that hold unrelated things.
const SHARED: [&[u8]; 10] =
    [b"opt", b"usr", b"home", b"root", b"srv", b"mnt", b"var", b"workspace", b"app", b"tmp"];

/// How near two places are, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Distance {
    Package,
    Site,
    Tree,
}

impl Place {
    pub(super) fn of(path: &ImagePath) -> Self {
        let parts: Vec<&[u8]> =
            path.as_bytes().split(|b| *b == b'/').filter(|part| !part.is_empty()).collect();
        let is_site = |part: &&[u8]| matches!(*part, b"site-packages" | b"dist-packages");
        let site = parts.iter().rposition(is_site).map_or(0, |at| at + 1);
        let shared = site == 0 && parts.first().is_some_and(|first| SHARED.contains(first));
        let end = (site + 1 + usize::from(shared)).min(parts.len().saturating_sub(1));
        let package = parts.get(site..end).unwrap_or_default().join(&b'/');
        Self { site: parts[..site].join(&b'/'), package }
    }

    pub(super) fn distance(&self, other: &Self) -> Distance {
        match (self.site == other.site, self.package == other.package) {
            (true, true) => Distance::Package,
            (true, false) => Distance::Site,
            _ => Distance::Tree,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_apart() {
        let place = |path: &str| Place::of(&ImagePath::absolute(path).unwrap());
        let moe = place("/opt/venv/lib/python3.12/site-packages/sgl_kernel/moe.py");
        for (path, want) in [
            ("/opt/venv/lib/python3.12/site-packages/sgl_kernel/sm90/ops.so", Distance::Package),
            ("/opt/venv/lib/python3.12/site-packages/vllm/_C.so", Distance::Site),
            ("/usr/lib/python3/dist-packages/sgl_kernel/ops.so", Distance::Tree),
            ("/sgl_kernel/ops.so", Distance::Tree),
        ] {
            assert_eq!(moe.distance(&place(path)), want, "{path}");
        }
        for (one, other, want) in [
            ("/sgl_kernel/moe.py", "/sgl_kernel/sm90/ops.so", Distance::Package),
            ("/sgl_kernel/moe.py", "/deep_gemm/ops.so", Distance::Site),
            ("/workspace/vllm/vllm/a.py", "/workspace/vllm/vllm/_C.so", Distance::Package),
            ("/opt/a/x.py", "/opt/b/y.so", Distance::Site),
            ("/x.py", "/y.so", Distance::Package),
        ] {
            assert_eq!(place(one).distance(&place(other)), want, "{one} {other}");
        }
    }
}
