//! Extended headers: PAX records (POSIX.1-2017, `pax`, "Extended Header") and GNU long names.

use std::collections::BTreeMap;

use super::error::Error;
use super::header::Header;
use super::header::text;
use super::header::unreadable;

/// What extended headers say about the next entry.
#[derive(Debug, Default)]
pub(super) struct Extended {
    /// Whether there is one at all.
    pub(super) any: bool,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
}

const XATTR: &[u8] = b"SCHILY.xattr.";

/// Marks that overlayfs keeps on the files of its own layers: they mean something else, or harm, inside an image.
const OVERLAY: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

impl Extended {
    /// Takes a GNU long name (`L`).
    pub(super) fn name(&mut self, bytes: &[u8]) {
        self.any = true;
        self.long_name = Some(text(bytes).to_vec());
    }

    /// Takes a GNU long link target (`K`).
    pub(super) fn link(&mut self, bytes: &[u8]) {
        self.any = true;
        self.long_link = Some(text(bytes).to_vec());
    }

    /// Takes the records of a PAX header (`x`) at `at`. A later record of the same name wins.
    pub(super) fn records(&mut self, mut bytes: &[u8], at: u64) -> Result<(), Error> {
        self.any = true;
        while !bytes.is_empty() {
            let (key, value, rest) =
                record(bytes).ok_or_else(|| unreadable(at, "PAX record", &bytes[..bytes.len().min(80)]))?;
            let is_name = matches!(key, b"path" | b"linkpath");
            if is_name && value.contains(&0) {
                return Err(unreadable(at, &String::from_utf8_lossy(key), value));
            }
            self.records.insert(key.to_vec(), value.to_vec());
            bytes = rest;
        }
        Ok(())
    }

    /// Puts what the extended headers say into `header`, and gives the extended attributes.
    ///
    /// GNU names beat PAX names, as in Go's `archive/tar`, which Docker and containerd unpack with:
    /// what is audited must be what they unpack. An empty value leaves the header's own.
    pub(super) fn apply(self, header: &mut Header, at: u64) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Error> {
        let mut xattrs = BTreeMap::new();
        for (key, value) in self.records {
            if let Some(name) = key.strip_prefix(XATTR) {
                if !is_overlays(name) {
                    xattrs.insert(name.to_vec(), value);
                }
                continue;
            }
            if key.starts_with(b"GNU.sparse.") {
                return Err(Error::Sparse { name: String::from_utf8_lossy(&header.name).into_owned() });
            }
            if value.is_empty() {
                continue;
            }
            let wrong = || unreadable(at, &String::from_utf8_lossy(&key), &value);
            match key.as_slice() {
                b"path" => header.name = value,
                b"linkpath" => header.link = value,
                b"size" => header.size = decimal(&value).ok_or_else(wrong)?,
                b"uid" => header.uid = decimal(&value).ok_or_else(wrong)?,
                b"gid" => header.gid = decimal(&value).ok_or_else(wrong)?,
                b"mtime" => header.mtime = seconds(&value).ok_or_else(wrong)?,
                _ => {}
            }
        }
        if let Some(name) = self.long_name {
            header.name = name;
        }
        if let Some(link) = self.long_link {
            header.link = link;
        }
        Ok(xattrs)
    }
}

/// Whether an extended attribute is overlayfs' own.
pub(super) fn is_overlays(name: &[u8]) -> bool {
    OVERLAY.iter().any(|mark| name.starts_with(mark))
}

/// Splits `<length> <key>=<value>\n` off: the key, the value, and what follows.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..blank])?).ok()?;
    if length > bytes.len() {
        return None;
    }
    let (this, rest) = bytes.split_at(length);
    let body = this.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    if equals == 0 {
        return None;
    }
    Some((&body[..equals], &body[equals + 1..], rest))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whole seconds of a time with an optional fraction, rounded down as file systems do.
fn seconds(value: &[u8]) -> Option<i64> {
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    let mut parts = digits.splitn(2, |byte| *byte == b'.');
    let whole = i64::try_from(decimal(parts.next()?)?).ok()?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let beyond = fraction.iter().any(|digit| *digit != b'0');
    Some(if negative { -whole - i64::from(beyond) } else { whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_down() {
        for (text, want) in [
            ("1700000000", Some(1_700_000_000)),
            ("1700000000.999", Some(1_700_000_000)),
            ("12.", Some(12)),
            ("-1.5", Some(-2)),
            ("-1.000", Some(-1)),
            ("-0.5", Some(-1)),
            ("", None),
            (".5", None),
            ("1e9", None),
            ("1.x", None),
            ("--1", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn records_are_cut_by_their_length_alone() {
        let bytes = b"30 SCHILY.xattr.user.a=x\n=y z\n8 uid=7\n";
        let (key, value, rest) = record(bytes).unwrap();
        assert_eq!((key, value), (&b"SCHILY.xattr.user.a"[..], &b"x\n=y z"[..]));
        assert_eq!(record(rest), Some((&b"uid"[..], &b"7"[..], &b""[..])));
        for bad in [
            &b"8 uid=7"[..],
            b"9 uid=7\n",
            b"7 uid=7\n",
            b"x uid=7\n",
            b"5 uid\n",
            b"5 =ab\n",
            b"+8 uid=7\n",
            b"1 a=\n",
        ] {
            assert_eq!(record(bad), None, "{}", bad.escape_ascii());
        }
    }
}
