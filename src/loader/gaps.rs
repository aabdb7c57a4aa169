//! What could come from libraries that are not there.

use super::Missing;
use super::World;
use super::platform;
use crate::elf::Undefined;

impl World {
    /// Whether a library that is missing could give `symbol` to `object`: one that `object` needs itself, or
    /// one that the host or the platform brings to anything `object` needs. A library that only others need is
    /// no excuse: files are linked against what defines their symbols.
    #[must_use]
    pub fn could_be_in_missing(&self, object: usize, symbol: &Undefined) -> bool {
        let below = self.closure(object);
        self.missing.iter().filter(|missing| below.contains(&missing.by)).any(|missing| {
            match &symbol.version {
                Some(need) => need.file == missing.name,
                None if missing.host => is_driver_name(&missing.name, &symbol.name),
                None if missing.outside && platform::is_platform(&missing.name) => {
                    self.is_plain_of_platform(object, missing, symbol)
                }
                None => missing.by == object || self.is_front(missing.by, object),
            }
        })
    }

    /// Whether something is missing, in whatever is loaded, that could give `name` without a version.
    #[must_use]
    pub fn has_gap_for(&self, name: &str) -> bool {
        self.missing.iter().any(|missing| {
            let platform = missing.outside && platform::is_platform(&missing.name);
            match () {
                () if missing.host => is_driver_name(&missing.name, name),
                () if platform => {
                    !platform::is_versioned(&missing.name) && platform::could_define(&missing.name, name)
                }
                () => true,
            }
        })
    }

    /// References to the platform's versioned libraries have versions, in files that have any of that library.
    fn is_plain_of_platform(&self, object: usize, missing: &Missing, symbol: &Undefined) -> bool {
        let needs = &self.objects[object].object.facts.version_needs;
        let versioned = platform::is_versioned(&missing.name) && !needs.is_empty();
        !versioned && !symbol.name.starts_with("_ZN") && platform::could_define(&missing.name, &symbol.name)
    }

    /// Whether `object` needs `front` itself, a library that only leads to others (as libtorch.so does).
    fn is_front(&self, front: usize, object: usize) -> bool {
        let needed = &self.objects[object].needed;
        let size = self.objects[front].object.size;
        needed.contains(&Some(front)) && size < FRONT
    }
}

/// Up to this size a library can be one that has nothing but its needs.
const FRONT: u64 = 64 << 10;

/// The driver's libraries are plain C, and their names say whose they are; of others nothing is known.
fn is_driver_name(library: &str, symbol: &str) -> bool {
    match library {
        "libcuda.so.1" | "libcudadebugger.so.1" => symbol.starts_with("cu"),
        "libnvidia-ml.so.1" => symbol.starts_with("nvml"),
        _ => !symbol.starts_with("_Z"),
    }
}
