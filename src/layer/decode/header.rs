//! One header block: ustar (POSIX.1-2017, `pax`), GNU, star and V7.

use super::error::Error;
use super::tape::BLOCK;

/// The fields of a header, before any extended header has its say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) flag: u8,
    pub(super) major: u32,
    pub(super) minor: u32,
}

/// Reads the header in `block`, which lies at `at`.
pub(super) fn parse(block: &[u8; BLOCK], at: u64) -> Result<Header, Error> {
    if !checksum_fits(block) {
        return Err(Error::Checksum { at });
    }
    let unsigned = |field: &'static str, bytes: &[u8]| {
        let value = number(bytes).ok_or_else(|| unreadable(at, field, bytes))?;
        u64::try_from(value).map_err(|_| unreadable(at, field, bytes))
    };
    let half = |field: &'static str, bytes: &[u8]| {
        u32::try_from(unsigned(field, bytes)?).map_err(|_| unreadable(at, field, bytes))
    };
    let flag = block[156];
    // Only devices use these fields, and some writers leave rubbish in those of other entries.
    let is_device = matches!(flag, b'3' | b'4');
    Ok(Header {
        name: name(block),
        link: text(&block[157..257]).to_vec(),
        mode: (unsigned("mode", &block[100..108])? & 0o7777) as u32,
        uid: unsigned("owner", &block[108..116])?,
        gid: unsigned("group", &block[116..124])?,
        size: unsigned("size", &block[124..136])?,
        mtime: number(&block[136..148]).ok_or_else(|| unreadable(at, "time", &block[136..148]))?,
        flag,
        major: if is_device { half("device", &block[329..337])? } else { 0 },
        minor: if is_device { half("device", &block[337..345])? } else { 0 },
    })
}

/// An error for a field of the header at `at`.
pub(super) fn unreadable(at: u64, field: &str, bytes: &[u8]) -> Error {
    Error::Field { at, field: field.to_owned(), text: bytes.escape_ascii().to_string() }
}

/// The name with its prefix. GNU headers keep times where ustar has the prefix; star keeps them in its last 24 bytes.
fn name(block: &[u8; BLOCK]) -> Vec<u8> {
    let name = text(&block[..100]);
    let is_ustar = &block[257..263] == b"ustar\0";
    let is_star = &block[508..512] == b"tar\0";
    let prefix = match (is_ustar, is_star) {
        (true, true) => text(&block[345..476]),
        (true, false) => text(&block[345..500]),
        (false, _) => b"",
    };
    if prefix.is_empty() {
        return name.to_vec();
    }
    [prefix, b"/", name].concat()
}

/// What comes before the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number in octal or in GNU's base 256; blank is 0, as some writers leave owners blank.
fn number(field: &[u8]) -> Option<i64> {
    match field.first()? {
        first if first & 0x80 != 0 => base_256(field),
        _ => {
            let digits = text(field).trim_ascii();
            if digits.is_empty() {
                return Some(0);
            }
            // `from_str_radix` would take a sign.
            if !digits.iter().all(|byte| matches!(byte, b'0'..=b'7')) {
                return None;
            }
            i64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
        }
    }
}

/// Two's complement, big endian, of which the first bit only says that it is one.
fn base_256(field: &[u8]) -> Option<i64> {
    let negative = field[0] & 0x40 != 0;
    let mut value: i128 = if negative { -1 } else { 0 };
    for (index, byte) in field.iter().enumerate() {
        let bits = match (index, negative) {
            (0, true) => byte | 0x80,
            (0, false) => byte & 0x7f,
            _ => *byte,
        };
        value = value.checked_mul(256)? | i128::from(bits);
        i64::try_from(value).ok()?;
    }
    i64::try_from(value).ok()
}

/// The sum of all bytes with the sum's own field as blanks; old writers took bytes as signed.
fn checksum_fits(block: &[u8; BLOCK]) -> bool {
    let Some(stored) = number(&block[148..156]) else {
        return false;
    };
    let counted = |index: usize, byte: u8| if (148..156).contains(&index) { b' ' } else { byte };
    let bytes = || block.iter().enumerate().map(|(index, byte)| counted(index, *byte));
    let unsigned: i64 = bytes().map(i64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    stored == unsigned || stored == signed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (field, want) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b" 644 \0\0", Some(0o644)),
            (b"        ", Some(0)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"\x80\0\0\0\0\0\0\x02\0\0\0\x01", Some((2 << 32) + 1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"\x80\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"0000648\0", None),
            (b"-000001\0", None),
            (b"+000001\0", None),
            (b"12x\0", None),
        ] {
            assert_eq!(number(field), want, "{}", field.escape_ascii());
        }
    }

    #[test]
    fn a_changed_block_is_no_header() {
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        header.set_cksum();
        let mut block = *header.as_bytes();
        assert!(parse(&block, 0).is_ok());
        block[0] = b'x';
        assert!(matches!(parse(&block, 512), Err(Error::Checksum { at: 512 })));
    }
}
