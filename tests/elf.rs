//! ELF facts against `readelf`, and against files that lie.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/skip.rs"]
mod skip;

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgforge::elf;
use imgforge::elf::Facts;
use imgforge::elf::Symbols;
use skip::skipped;

/// Directories with shared libraries on a Debian machine.
const PLACES: [&str; 2] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];

fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|out| out.status.success())
}

fn libraries() -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in PLACES.iter().filter_map(|place| fs::read_dir(place).ok()).flatten() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains(".so") && path.is_file() {
            found.insert(path.canonicalize().unwrap());
        }
    }
    found.into_iter().collect()
}

fn read(path: &Path) -> Option<(Facts, Symbols)> {
    let mut file = fs::File::open(path).unwrap();
    let size = file.metadata().unwrap().len();
    elf::read(&mut file, size).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn readelf(arguments: &[&str], path: &Path) -> String {
    let out = Command::new("readelf").args(arguments).arg(path).output().unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// The texts in brackets on lines of `readelf -d` that have `label`.
fn bracketed(text: &str, label: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.contains(label));
    let inside = |line: &str| Some(line.split_once('[')?.1.rsplit_once(']')?.0.to_owned());
    lines.filter_map(inside).collect()
}

/// Name with version as readelf prints it, for every row of `--dyn-syms` that `wanted` takes by (bind, section).
fn rows(text: &str, wanted: impl Fn(&str, &str, &str, &str) -> bool) -> BTreeSet<String> {
    let row = |line: &str| {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [number, _, _, kind, bind, visibility, section, name, ..] = parts[..] else {
            return None;
        };
        let is_row = number.strip_suffix(':')?.parse::<u32>().is_ok();
        (is_row && wanted(kind, bind, visibility, section)).then(|| name.to_owned())
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn every_system_library_is_understood() {
    let libraries = libraries();
    if libraries.is_empty() {
        return skipped("this machine has no system libraries in the usual places");
    }
    let elves = libraries.iter().filter(|path| read(path).is_some()).count();
    assert!(elves * 10 > libraries.len() * 9, "{elves} of {} are ELF", libraries.len());
}

#[test]
fn facts_agree_with_readelf() {
    if !has("readelf") {
        return skipped("no readelf");
    }
    for path in libraries().iter().step_by(11) {
        let Some((facts, symbols)) = read(path) else {
            continue;
        };
        let dynamic = readelf(&["-dW"], path);
        assert_eq!(facts.needed, bracketed(&dynamic, "(NEEDED)"), "{}", path.display());
        assert_eq!(facts.soname, bracketed(&dynamic, "(SONAME)").pop(), "{}", path.display());
        let runpath = bracketed(&dynamic, "(RUNPATH)").pop();
        assert_eq!(facts.runpath.map(|list| list.join(":")), runpath, "{}", path.display());
        let notes = readelf(&["-nW"], path);
        let build_id = notes.lines().find_map(|line| Some(line.split_once("Build ID: ")?.1.trim()));
        assert_eq!(facts.build_id.as_deref(), build_id, "{}", path.display());

        let table = readelf(&["--dyn-syms", "-W"], path);
        let defined = rows(&table, |kind, bind, visibility, section| {
            section != "UND"
                && ["NOTYPE", "OBJECT", "FUNC", "TLS", "IFUNC", "COMMON"].contains(&kind)
                && ["GLOBAL", "WEAK", "UNIQUE"].contains(&bind)
                && ["DEFAULT", "PROTECTED"].contains(&visibility)
        });
        let ours: BTreeSet<String> = symbols
            .defined
            .iter()
            .map(|symbol| match &symbol.version {
                // The symbol that stands for a version itself: readelf prints it once.
                Some(version) if symbol.name == **version => symbol.name.to_string(),
                Some(version) if symbol.hidden => format!("{}@{version}", symbol.name),
                Some(version) => format!("{}@@{version}", symbol.name),
                None => symbol.name.to_string(),
            })
            .collect();
        // readelf prints the base version's name; the loader never sees it.
        // Where a version of that name stands beside it (`ld --default-symver`), what readelf prints is the version.
        let base = facts.version_defs.split_first().filter(|(base, others)| !others.contains(base));
        let base = base.map(|(base, _)| format!("@{base}"));
        let plain = |name: &String| {
            let stripped = base.as_ref().and_then(|base| name.strip_suffix(base.as_str()));
            stripped.map_or_else(|| name.clone(), |name| name.trim_end_matches('@').to_owned())
        };
        let defined: BTreeSet<String> = defined.iter().map(plain).collect();
        let differ: Vec<_> = ours.symmetric_difference(&defined).collect();
        assert!(differ.is_empty(), "{}: {differ:?}", path.display());

        let wanted = rows(&table, |_, bind, _, section| section == "UND" && bind != "LOCAL");
        for symbol in &symbols.undefined {
            let name = match &symbol.version {
                Some(need) => format!("{}@{}", symbol.name, need.version),
                None => symbol.name.to_string(),
            };
            assert!(wanted.contains(&name), "{}: {name}", path.display());
        }
        assert!(symbols.undefined.len() <= wanted.len());
    }
}

#[test]
fn what_is_no_elf_is_none() {
    for bytes in [&b""[..], b"\x7fEL", b"#!/bin/sh\n", b"version https://git-lfs.github.com/spec/v1"] {
        assert!(elf::parse(bytes).unwrap().is_none());
    }
    assert!(elf::parse(b"\x7fELF").is_err());
}

/// A reader that counts, to prove that a claim of the file does not make us read the file many times over.
struct Counting<R>(R, u64);

impl<R: std::io::Read> std::io::Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1 += count as u64;
        Ok(count)
    }
}

impl<R: std::io::Seek> std::io::Seek for Counting<R> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let Some(path) = libraries().into_iter().find(|path| {
        let small = fs::metadata(path).unwrap().len() < 64 << 10;
        small && read(path).is_some_and(|(facts, _)| !facts.version_needs.is_empty())
    }) else {
        return skipped("no small system library");
    };
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    for cut in (0..whole.len()).step_by(97) {
        refused += usize::from(elf::parse(&whole[..cut]).is_err());
    }
    assert!(refused > 0);
    // A fixed generator: the same bytes are damaged in every run.
    let mut state = 1_u64;
    for _ in 0..4000 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(state >> 33).unwrap() % bytes.len().min(0x2000);
            bytes[place] = [0, 0xff, 0x7f, 0x80][usize::try_from(state >> 8).unwrap() % 4];
        }
        let size = bytes.len() as u64;
        let mut file = Counting(Cursor::new(bytes), 0);
        let _ = elf::read(&mut file, size);
        assert!(file.1 < size * 8 + (1 << 20), "{} bytes read of {size}", file.1);
    }
}

#[test]
fn a_file_that_the_loader_takes_is_taken() {
    let Some(path) = libraries().into_iter().find(|path| read(path).is_some_and(|(f, _)| f.class == 64))
    else {
        return skipped("no system library");
    };
    let mut bytes = fs::read(path).unwrap();
    let good = elf::parse(&bytes).unwrap().unwrap();
    // Section headers are not the loader's business: `e_shoff` out of the file.
    bytes[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(elf::parse(&bytes).unwrap().unwrap(), good);
}

/// What the fuzzer begins from; `far-segment` once ended in an overflow, with a segment at the end of all numbers.
#[test]
fn what_the_fuzzer_found_is_read_to_an_end() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/elf");
    let mut read = 0;
    for seed in fs::read_dir(seeds).unwrap() {
        let bytes = fs::read(seed.unwrap().path()).unwrap();
        for size in [bytes.len() as u64, bytes.len() as u64 * 2 + 64] {
            assert!(!matches!(elf::study(&mut Cursor::new(&bytes), size), Ok(None)));
            read += 1;
        }
    }
    assert!(read >= 6, "{read} seeds");
}
