//! Whether needed files define the versions wanted of them (glibc `elf/dl-version.c`).

use super::World;

/// A version that a file wants of another that does not define it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingVersion {
    /// Who wants it: an index into [`World::objects`].
    pub by: usize,
    /// Who should have it.
    pub of: usize,
    /// The version.
    pub version: String,
}

impl World {
    /// Versions that `object` wants and does not get: each stops the load. A file without any versions
    /// only makes ld.so warn, and a version wanted weakly may be absent.
    #[must_use]
    pub fn missing_versions(&self, object: usize) -> Vec<MissingVersion> {
        let Some(mapped) = self.objects.get(object) else {
            return Vec::new();
        };
        let mut missing = Vec::new();
        for need in mapped.object.facts.version_needs.iter().filter(|need| !need.weak) {
            let Some(of) = self.named(&need.file) else {
                continue;
            };
            let defs = &self.objects[of].object.facts.version_defs;
            if !defs.is_empty() && !defs.contains(&need.version) {
                missing.push(MissingVersion { by: object, of, version: need.version.clone() });
            }
        }
        missing.sort();
        missing.dedup();
        missing
    }

    /// Files that `object` wants versions of and that nothing was asked for under: ld.so aborts. A tool has
    /// renamed the file in `DT_NEEDED` and not in `.gnu.version_r`, or the other way round.
    #[must_use]
    pub fn unasked_versions(&self, object: usize) -> Vec<String> {
        let Some(mapped) = self.objects.get(object) else {
            return Vec::new();
        };
        let missing = |name: &str| self.missing.iter().any(|missing| missing.name == name);
        let asked = |name: &str| self.asked.contains_key(name) || missing(name);
        let needs = mapped.object.facts.version_needs.iter();
        let mut files: Vec<String> =
            needs.filter(|need| !asked(&need.file)).map(|need| need.file.clone()).collect();
        files.dedup();
        files
    }

    /// The object that was asked for by `name`, or has it as SONAME.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<usize> {
        self.asked.get(name).or_else(|| self.sonames.get(name)).copied()
    }
}
