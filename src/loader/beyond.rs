//! What the model knows nothing of: other C libraries, other machines, programs that nothing loads.

use super::Loader;
use crate::elf::Facts;
use crate::oci::ImagePath;

/// Versions of glibc, `N` of `2.N`, whose rules the model knows.
const KNOWN: std::ops::RangeInclusive<u32> = 17..=42;
/// Machines of computers (gABI, "Machine") and their names; code for GPUs is ELF too, and no loader's business.
const COMPUTERS: [(u16, &str); 9] = [
    (3, "x86"),
    (8, "mips"),
    (21, "ppc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86-64"),
    (183, "aarch64"),
    (243, "riscv"),
    (258, "loongarch"),
];
/// Those whose directories and tokens the model knows.
const MODELLED: [u16; 3] = [3, 62, 183];

/// Why what a file needs is not looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beyond {
    /// musl's loader has other rules, and no symbol versions.
    Musl,
    /// The file is for this machine, and the image's loader is not.
    Machine(&'static str),
}

impl Loader<'_> {
    /// Why a file of the tree is outside the model; `None` when it is inside, or no ELF file.
    #[must_use]
    pub fn beyond(&self, path: &ImagePath) -> Option<Beyond> {
        let facts = &self.catalogue.get(path)?.facts;
        let (_, name) = COMPUTERS.iter().find(|(machine, _)| *machine == facts.machine)?;
        if self.system.native != Some((facts.class, facts.machine)) || !MODELLED.contains(&facts.machine) {
            return Some(Beyond::Machine(name));
        }
        (self.system.musl && (self.system.bare || is_musl(facts))).then_some(Beyond::Musl)
    }

    /// Why the image's glibc is outside the model, which takes it for the nearest that it knows.
    #[must_use]
    pub fn unknown_glibc(&self) -> Option<String> {
        match self.system.glibc {
            Some(minor) if KNOWN.contains(&minor) => None,
            Some(minor) => Some(format!("glibc 2.{minor}")),
            None if self.system.bare => None,
            None => Some("glibc of an unknown version".to_owned()),
        }
    }

    /// Whether the file is a program that no dynamic loader has a part in.
    #[must_use]
    pub fn is_static(&self, path: &ImagePath) -> bool {
        let facts = self.catalogue.get(path).map(|object| &object.facts);
        let computer = |facts: &&Facts| COMPUTERS.iter().any(|(machine, _)| *machine == facts.machine);
        let alone = |facts: &Facts| facts.interpreter.is_none() && facts.needed.is_empty();
        facts.filter(computer).is_some_and(|facts| alone(facts) && facts.is_program())
    }
}

fn is_musl(facts: &Facts) -> bool {
    let needs = facts.needed.iter().any(|name| name.starts_with("libc.musl-"));
    needs || facts.interpreter.as_ref().is_some_and(|path| path.contains("ld-musl-"))
}
