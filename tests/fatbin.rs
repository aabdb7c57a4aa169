//! Device code: containers made here by hand, and the files of real wheels against cuobjdump.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/skip.rs"]
mod skip;
#[path = "support/titled.rs"]
mod titled;
#[path = "settings/truth.rs"]
mod truth;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Cursor;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::ops::Range;

use imgforge::elf;
use imgforge::elf::Fatbins;
use imgforge::elf::HEAD;
use imgforge::elf::Sieve;
use imgforge::elf::Step;
use imgforge::elf::Study;
use proptest::prelude::any;
use proptest::proptest;

use titled::file;
use truth::Truth;

const SPECIFIC: u64 = 0x10_0000;
const FAMILY: u64 = 0x20_0000;
const ELF: u16 = 2;
const PTX: u16 = 1;

/// One entry: kind, architecture, flags, and how long its header is.
fn entry((kind, number, flags, header): (u16, u32, u64, u32)) -> Vec<u8> {
    let mut bytes = vec![0; header as usize];
    bytes[..2].copy_from_slice(&kind.to_le_bytes());
    bytes[4..8].copy_from_slice(&header.to_le_bytes());
    bytes[8..16].copy_from_slice(&24_u64.to_le_bytes());
    bytes[28..32].copy_from_slice(&number.to_le_bytes());
    bytes[40..48].copy_from_slice(&flags.to_le_bytes());
    bytes.extend([0xcc; 24]);
    bytes
}

/// A container as `fatbinary` writes it.
fn container(entries: &[(u16, u32, u64, u32)]) -> Vec<u8> {
    let body: Vec<u8> = entries.iter().copied().flat_map(entry).collect();
    let mut bytes = 0xBA55_ED50_u32.to_le_bytes().to_vec();
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(body);
    bytes
}

fn fatbins(bytes: &[u8]) -> Fatbins {
    study(bytes).traits.fatbins
}

fn told(fatbins: &Fatbins) -> Vec<(String, u32)> {
    fatbins.codes().into_iter().map(|(code, count)| (code.to_string(), count)).collect()
}

#[test]
fn architectures_and_letters_are_told_apart_and_the_linkers_input_left_out() {
    let one = container(&[(ELF, 90, 0x11, 64), (ELF, 90, 0x8011 | SPECIFIC, 64), (PTX, 90, 0x11, 80)]);
    let two = container(&[(ELF, 100, 0x11 | FAMILY, 112), (7, 80, 0, 64), (PTX, 100, SPECIFIC, 64)]);
    let padded = [one.as_slice(), &[0; 12], &two, &one].concat();
    let found = fatbins(&file(&[(".nv_fatbin", &padded), ("__nv_relfatbin", &two), (".data", &one)]));
    let want = [("sm_90", 2), ("sm_90 (PTX)", 2), ("sm_90a", 2), ("sm_100f", 1), ("sm_100a (PTX)", 1)];
    let want: BTreeMap<String, u32> =
        want.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(told(&found).into_iter().collect::<BTreeMap<_, _>>(), want);
    let runs = |name: &str| found.running_on(name.parse().unwrap());
    assert_eq!([runs("sm_90"), runs("sm_103"), runs("sm_86")], [(2, 3), (3, 3), (0, 3)]);
    let linked = fatbins(&file(&[("__nv_relfatbin", &two)]));
    assert_eq!(told(&linked), [("sm_100f".to_owned(), 1), ("sm_100a (PTX)".to_owned(), 1)]);
}

#[test]
fn lies_end_the_reading_and_nothing_else() {
    let good = container(&[(ELF, 90, 0x11, 64)]);
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        [bad, good.clone()].concat()
    };
    let endless = u64::MAX.to_le_bytes();
    for (what, content, want) in [
        ("cut off", good[..60].to_vec(), 0),
        ("an endless container", with(8, &endless), 1),
        ("an endless entry", with(24, &endless), 2),
        ("an entry without header", with(20, &0_u32.to_le_bytes()), 1),
        ("a container without header", with(6, &0_u16.to_le_bytes()), 2),
        ("no container", vec![0x50; 4096], 0),
        ("nothing", Vec::new(), 0),
    ] {
        let count: u32 = told(&fatbins(&file(&[(".nv_fatbin", &content)]))).iter().map(|(_, n)| n).sum();
        assert_eq!(count, want, "{what}");
    }
}

#[test]
fn many_containers_take_no_time_and_no_space() {
    let one = container(&[(ELF, 90, 0x11, 64); 200]);
    let many = one.repeat(40);
    let found = fatbins(&file(&[(".nv_fatbin", &many)]));
    assert_eq!(found.modules.len(), 1, "containers of one kind are one");
    assert_eq!((found.modules[0].codes.len(), found.modules[0].count), (64, 40));
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_an_end(bytes: Vec<u8>, offset: u64, size: u64, at in any::<proptest::sample::Index>()) {
        let mut content = container(&[(ELF, 90, 0x11, 64), (PTX, 80, 0, 64)]);
        let at = at.index(content.len());
        content.splice(at..at, bytes);
        let mut whole = file(&[(".nv_fatbin", &content), (".rodata", &content)]);
        fatbins(&whole);
        let header = whole.len() - 3 * 64;
        whole[header + 24..header + 32].copy_from_slice(&offset.to_le_bytes());
        whole[header + 32..header + 40].copy_from_slice(&size.to_le_bytes());
        fatbins(&whole);
    }
}

/// A file without what a sieve lets go: to ask for it is an error.
struct Sieved<'a> {
    file: Cursor<&'a [u8]>,
    holes: Vec<Range<u64>>,
    steps: usize,
}

impl<'a> Sieved<'a> {
    /// `window` bytes are shown to the sieve at once, more when it asks.
    fn new(bytes: &'a [u8], window: usize) -> Self {
        let (mut holes, mut steps, mut at, mut shown) = (Vec::new(), 0, 0, window);
        let mut sieve = Sieve::of(&bytes[..bytes.len().min(HEAD as usize)], bytes.len() as u64).unwrap();
        while at < bytes.len() {
            let here = &bytes[at..bytes.len().min(at + shown)];
            steps += 1;
            match sieve.step(at as u64, here) {
                Step::More if at + here.len() < bytes.len() => {
                    shown *= 2;
                    continue;
                }
                Step::More => at = bytes.len(),
                Step::Keep(count) => at += count,
                Step::Drop(count) => {
                    holes.push(at as u64..at as u64 + count);
                    at += count as usize;
                }
            }
            shown = window;
        }
        Self { file: Cursor::new(bytes), holes, steps }
    }

    fn gone(&self) -> u64 {
        self.holes.iter().map(|hole| hole.end - hole.start).sum()
    }
}

impl Read for Sieved<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self.file.position();
        let next = self.holes.partition_point(|hole| hole.end <= at);
        let room = self.holes.get(next).map_or(u64::MAX, |hole| hole.start.saturating_sub(at));
        if room == 0 && !buffer.is_empty() {
            return Err(io::Error::other("let go"));
        }
        let most = usize::try_from(room).unwrap_or(usize::MAX).min(buffer.len());
        self.file.read(&mut buffer[..most])
    }
}

impl Seek for Sieved<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

fn study(bytes: &[u8]) -> Study {
    elf::study(&mut Cursor::new(bytes), bytes.len() as u64).unwrap().unwrap()
}

/// An entry with so much code behind it.
fn long_entry(number: u32, length: usize) -> Vec<u8> {
    let mut bytes = entry((ELF, number, 0x11, 64));
    bytes[8..16].copy_from_slice(&(length as u64).to_le_bytes());
    bytes.resize(64 + length, 0xcc);
    bytes
}

fn of_entries(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = container(&[]);
    bytes[8..16].copy_from_slice(&(entries.concat().len() as u64).to_le_bytes());
    bytes.extend(entries.concat());
    bytes
}

#[test]
fn a_sieve_lets_go_of_device_code_and_of_what_is_not_mapped() {
    let code = of_entries(&[long_entry(90, 1 << 20), long_entry(80, 100), long_entry(100, 3 << 20)]);
    let text = b"SOME_SETTING\0FABRIC_NAME\0".repeat(10_000);
    let twice = [code.clone(), vec![0; 40], code].concat();
    let mut bytes = file(&[(".rodata", &text), (".nv_fatbin", &twice), (".gnu.tail", &text)]);
    bytes.resize(bytes.len() + (200 << 20), 7);
    let mut left = Sieved::new(&bytes, 256 << 10);
    // Of each code the beginning stays.
    let code = 2 * ((1 << 20) + (3 << 20) - 2 * (16 << 10));
    let tail = left.holes.last().unwrap();
    assert!((200 << 20) - (tail.end - tail.start) < 4096, "what is behind the file, from the next page on");
    assert_eq!(left.gone() - (tail.end - tail.start), code, "the code of two containers");
    let whole = study(&bytes);
    assert_eq!(elf::study(&mut left, bytes.len() as u64).unwrap().unwrap(), whole);
    assert_eq!((whole.traits.fatbins.modules[0].count, whole.traits.texts.variables.len()), (2, 2));
    // A file that says nothing of itself is kept whole.
    assert!(Sieve::of(&bytes[..40], 40).is_none());
    assert!(Sieve::of(&vec![0; 1 << 16], 1 << 30).is_none());
}

/// Counts what is read.
struct Counted<'a>(Cursor<&'a [u8]>, u64);

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1 += count as u64;
        Ok(count)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn sections_over_each_other_are_not_read_over_and_over() {
    let text = vec![b'x'; 1 << 20];
    let empty: [(&str, &[u8]); 200] = [(".rodata", &[]); 200];
    let mut bytes = file(&[&[(".rodata", text.as_slice())], empty.as_slice()].concat());
    let (headers, size) = (bytes.len() - 202 * 64, bytes.len() as u64);
    for number in 1..=201 {
        let at = headers + number * 64;
        bytes[at + 24..at + 32].copy_from_slice(&0_u64.to_le_bytes());
        bytes[at + 32..at + 40].copy_from_slice(&size.to_le_bytes());
    }
    let mut counted = Counted(Cursor::new(&bytes), 0);
    elf::study(&mut counted, size).unwrap().unwrap();
    assert!(counted.1 < 3 * size, "{} of {size} bytes", counted.1);
}

/// The same of real files: those in the directory that `IMGFORGE_LIBRARIES` names.
#[test]
#[ignore = "needs a directory of large libraries: say which by IMGFORGE_LIBRARIES"]
fn a_sieve_keeps_what_a_study_of_real_files_reads() {
    let directory = std::env::var("IMGFORGE_LIBRARIES").unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let mut left = Sieved::new(&bytes, 256 << 10);
        let told = elf::study(&mut left, bytes.len() as u64);
        assert!(told.unwrap().unwrap() == study(&bytes), "{}", path.display());
        eprintln!("{}: {} of {} bytes let go", path.display(), left.gone(), bytes.len());
    }
}

#[test]
fn what_only_looks_like_code_costs_no_step_of_its_own() {
    let flood = 0xBA55_ED50_u32.to_le_bytes().repeat(1 << 20);
    let empty = of_entries(&[]).repeat(100_000);
    for data in [flood, empty] {
        let bytes = file(&[(".rodata", &data), (".nv_fatbin", &of_entries(&[long_entry(90, 1 << 20)]))]);
        let left = Sieved::new(&bytes, 64 << 10);
        assert!(left.steps < 200 && left.gone() > 1_000_000, "{} steps", left.steps);
    }
}

proptest! {
    #[test]
    fn a_sieve_keeps_what_a_study_reads(
        parts in proptest::collection::vec((0..4_u8, 1..200_000_usize, any::<u64>()), 1..12),
        step in 16..70_000_usize,
    ) {
        let parts = parts.into_iter().flat_map(|(kind, length, lie)| match kind {
            0 => of_entries(&[long_entry(90, length), long_entry(75, length / 3)]),
            1 => vec![0; length],
            2 => [&0xBA55_ED50_u32.to_le_bytes()[..], &lie.to_le_bytes(), &[1; 16]].concat(),
            _ => {
                let mut bad = of_entries(&[long_entry(90, length), long_entry(75, length)]);
                bad[24..32].copy_from_slice(&lie.to_le_bytes());
                bad
            }
        });
        let code: Vec<u8> = parts.collect();
        let bytes = file(&[(".nv_fatbin", &code), (".rodata", &code), (".data", b"SOME_SETTING\0")]);
        // Lies can lead the walk into what was let go; then that is known.
        match elf::study(&mut Sieved::new(&bytes, step), bytes.len() as u64) {
            Err(error) => proptest::prop_assert!(matches!(error, elf::Error::Read(_))),
            Ok(told) => proptest::prop_assert!(told.unwrap() == study(&bytes)),
        }
    }
}

/// cuobjdump writes machine code of a family without its letter.
fn as_listed(fatbins: &Fatbins) -> BTreeMap<String, u32> {
    let mut listed = BTreeMap::new();
    for (name, count) in told(fatbins) {
        let name = if name.ends_with('f') { name.trim_end_matches('f').to_owned() } else { name };
        *listed.entry(name).or_default() += count;
    }
    listed
}

#[test]
fn real_files_have_what_cuobjdump_lists() {
    let Some(truth) = Truth::get() else { return };
    assert!(truth.fatbins.len() >= 3, "{} files with device code", truth.fatbins.len());
    for (name, listed) in &truth.fatbins {
        let bytes = fs::read(truth.directory.join(name)).unwrap();
        assert_eq!(as_listed(&fatbins(&bytes)), *listed, "{name}");
    }
}
