//! `/etc/ld.so.cache`, format `glibc-ld.so.cache1.1` (glibc `sysdeps/generic/dl-cache.h`).

use std::collections::BTreeMap;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// Bytes before the entries, and of one entry.
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// `DL_CACHE_HWCAP_EXTENSION`: the entry is in a `glibc-hwcaps` directory.
const EXTENSION: u64 = 1 << 62;

/// Name to paths, in the order in which ld.so would take them.
pub type Cache = BTreeMap<String, Vec<String>>;

/// Reads the entries for libraries of `machine`; those of CPU levels not in `levels` (best first) are left
/// out. A cache of another format, or damaged, has no entries: ld.so ignores it too.
#[must_use]
pub fn parse(bytes: &[u8], machine: u16, levels: &[&str]) -> Cache {
    let mut ranked: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    let start = bytes.windows(MAGIC.len()).position(|window| window == MAGIC);
    let cache = &bytes[start.unwrap_or(bytes.len())..];
    let count = int(cache, 20).unwrap_or(0) as usize;
    let entries = cache.get(HEADER..).unwrap_or_default().chunks_exact(ENTRY).take(count);
    for entry in entries {
        let fits = kind(machine).is_none_or(|kind| int(entry, 0) == Some(kind));
        let text = |at| int(entry, at).and_then(|offset| string(cache, offset as usize));
        let (Some(name), Some(path), true) = (text(4), text(8), fits) else {
            continue;
        };
        let hwcap = u64::from(int(entry, 16).unwrap_or(0)) | u64::from(int(entry, 20).unwrap_or(0)) << 32;
        if let Some(rank) = rank(hwcap, &path, levels) {
            ranked.entry(name).or_default().push((rank, path));
        }
    }
    let order = |mut paths: Vec<(usize, String)>| {
        paths.sort_by_key(|(rank, _)| *rank);
        paths.into_iter().map(|(_, path)| path).collect()
    };
    ranked.into_iter().map(|(name, paths)| (name, order(paths))).collect()
}

/// The flags of a libc6 library of this machine; `None`: any will do.
const fn kind(machine: u16) -> Option<u32> {
    match machine {
        3 => Some(0x0003),
        62 => Some(0x0303),
        183 => Some(0x0a03),
        _ => None,
    }
}

fn rank(hwcap: u64, path: &str, levels: &[&str]) -> Option<usize> {
    if hwcap & EXTENSION == 0 {
        return (hwcap == 0).then_some(levels.len());
    }
    let level = path.split_once("/glibc-hwcaps/")?.1.split('/').next()?;
    levels.iter().position(|known| *known == level)
}

fn int(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn string(cache: &[u8], at: usize) -> Option<String> {
    let rest = cache.get(at..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(u32, u64, &str, &str)]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend((entries.len() as u32).to_le_bytes());
        bytes.resize(HEADER, 0);
        let mut strings = Vec::new();
        let base = HEADER + ENTRY * entries.len();
        for (flags, hwcap, name, path) in entries {
            bytes.extend(flags.to_le_bytes());
            for text in [name, path] {
                bytes.extend(((base + strings.len()) as u32).to_le_bytes());
                strings.extend(text.as_bytes());
                strings.push(0);
            }
            bytes.extend(0_u32.to_le_bytes());
            bytes.extend(hwcap.to_le_bytes());
        }
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn entries_by_machine_and_cpu_level() {
        let bytes = cache(&[
            (0x0303, 0, "liba.so", "/lib/liba.so"),
            (0x0303, EXTENSION, "liba.so", "/lib/glibc-hwcaps/x86-64-v3/liba.so"),
            (0x0303, EXTENSION, "liba.so", "/lib/glibc-hwcaps/x86-64-v4/liba.so"),
            (0x0303, 4, "liba.so", "/lib/tls/liba.so"),
            (0x0003, 0, "liba.so", "/lib32/liba.so"),
        ]);
        let levels = ["x86-64-v3", "x86-64-v2"];
        assert_eq!(
            parse(&bytes, 62, &levels)["liba.so"],
            ["/lib/glibc-hwcaps/x86-64-v3/liba.so", "/lib/liba.so"]
        );
        assert_eq!(parse(&bytes, 3, &levels)["liba.so"], ["/lib32/liba.so"]);
    }

    #[test]
    fn damage_is_no_entry_and_no_panic() {
        let bytes = cache(&[(0x0303, 0, "liba.so", "/lib/liba.so")]);
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut], 62, &[]).is_empty(), "{cut}");
        }
    }
}
