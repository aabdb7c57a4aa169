//! Libraries that every glibc system has, and that no wheel brings.
//!
//! A tree without a libc of its own (an unpacked wheel, a `site-packages` directory) is a part of some system
//! that is not there to be asked. What wheels may take from it is agreed: PEP 600 and the policies of auditwheel.

/// Libraries whose every symbol has a version: a reference to them that was linked says so.
const VERSIONED: [&str; 15] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libanl.so.1",
    "libatomic.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libmvec.so.1",
    "libnsl.so.1",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
];

/// Libraries of plain names.
const PLAIN: [&str; 11] = [
    "libGL.so.1",
    "libICE.so.6",
    "libSM.so.6",
    "libX11.so.6",
    "libXext.so.6",
    "libXrender.so.1",
    "libexpat.so.1",
    "libglib-2.0.so.0",
    "libgobject-2.0.so.0",
    "libgthread-2.0.so.0",
    "libz.so.1",
];

/// Whether the library belongs to the platform of every manylinux wheel.
pub(super) fn is_platform(name: &str) -> bool {
    is_versioned(name) || PLAIN.contains(&name)
}

/// Whether a name without a version can be one of the library's, by how its names begin.
pub(super) fn could_define(library: &str, symbol: &str) -> bool {
    let begins: &[&str] = match library {
        "libGL.so.1" => &["gl"],
        "libICE.so.6" => &["Ice"],
        "libSM.so.6" => &["Sm"],
        "libX11.so.6" | "libXext.so.6" => &["X", "_X"],
        "libXrender.so.1" => &["XRender"],
        "libexpat.so.1" => &["XML_"],
        "libglib-2.0.so.0" | "libgobject-2.0.so.0" | "libgthread-2.0.so.0" => &["g_", "glib_"],
        "libz.so.1" => {
            &["adler", "compress", "crc", "deflate", "get_crc", "gz", "inflate", "uncompress", "z"]
        }
        // Fortran's names end so; no name in plain C of these libraries does.
        _ if symbol.ends_with('_') && !symbol.starts_with("_Z") => &[],
        _ => &[""],
    };
    begins.iter().any(|begin| symbol.starts_with(begin))
}

/// Whether a file linked against the library names a version with each of its symbols.
pub(super) fn is_versioned(name: &str) -> bool {
    VERSIONED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_plain_name_can_be() {
        for (library, symbol, want) in [
            ("libz.so.1", "gzopen", true),
            ("libz.so.1", "H5get_libversion", false),
            ("libGL.so.1", "glClear", true),
            ("libm.so.6", "pow", true),
            ("libm.so.6", "scipy_dgelsd_64_", false),
            ("libstdc++.so.6", "_ZNSs7replaceEmmPKcRKS_", true),
        ] {
            assert_eq!(could_define(library, symbol), want, "{library} {symbol}");
        }
    }

    #[test]
    fn what_every_system_has_and_what_it_has_not() {
        for (name, platform, versioned) in [
            ("libc.so.6", true, true),
            ("libz.so.1", true, false),
            ("libcudart.so.12", false, false),
            ("libz-eb09ad1d.so.1.2.3", false, false),
        ] {
            assert_eq!((is_platform(name), is_versioned(name)), (platform, versioned), "{name}");
        }
    }
}
