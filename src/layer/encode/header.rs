//! The headers of one entry: ustar, with PAX records before it for what ustar cannot say.

use std::collections::BTreeMap;

use tar::EntryType;

use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::ImagePath;

use super::error::Error;

/// The biggest number of an eleven-digit octal field: sizes (8 GiB - 1) and times.
const LONG: u64 = 0o777_7777_7777;
/// The biggest number of a seven-digit octal field: owners.
const SHORT: u64 = 0o777_7777;
/// Length of the fields for the name and for the target of a link.
const NAME: usize = 100;

/// The blocks that come before the content of an entry.
///
/// The same entry gives the same blocks everywhere: no user or group names, and PAX records, sorted, only
/// where the value does not fit the header. A header field that a record overrides holds 0, or the first
/// bytes of the name. A name that is no UTF-8 goes into its record byte by byte, as Go's `archive/tar` writes it:
/// the record that POSIX has to announce this (`hdrcharset`) only makes GNU tar complain.
pub(super) fn blocks(path: &ImagePath, meta: &Meta, node: &Node) -> Result<Vec<u8>, Error> {
    let mut records = xattr_records(path, &meta.xattrs)?;
    let name = name(path, node);
    let (kind, link, size) = match node {
        Node::Directory => (EntryType::Directory, &b""[..], 0),
        Node::File(content) => (EntryType::Regular, &b""[..], content.size()),
        Node::Symlink(target) => (EntryType::Symlink, target.as_slice(), 0),
        Node::Hardlink(target) => (EntryType::Link, target.as_bytes(), 0),
        Node::CharDevice(..) => (EntryType::Char, &b""[..], 0),
        Node::BlockDevice(..) => (EntryType::Block, &b""[..], 0),
        Node::Fifo => (EntryType::Fifo, &b""[..], 0),
    };
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(meta.mode & 0o7777);
    header.set_uid(fitting(&mut records, "uid", meta.uid, SHORT));
    header.set_gid(fitting(&mut records, "gid", meta.gid, SHORT));
    header.set_size(fitting(&mut records, "size", size, LONG));
    header.set_mtime(time(&mut records, meta.mtime));
    set_devices(&mut header, node);
    if let Some(fields) = header.as_ustar_mut() {
        fit_name(&mut records, "path", &name, &mut fields.name);
        fit_name(&mut records, "linkpath", link, &mut fields.linkname);
    }
    header.set_cksum();
    let mut blocks = extended(records);
    blocks.extend_from_slice(header.as_bytes());
    Ok(blocks)
}

/// The name in the tar: a directory's ends in a slash, the root's is `./`.
fn name(path: &ImagePath, node: &Node) -> Vec<u8> {
    let mut name = path.as_bytes().to_vec();
    if path.is_root() {
        name.push(b'.');
    }
    if *node == Node::Directory {
        name.push(b'/');
    }
    name
}

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

fn xattr_records(path: &ImagePath, xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Records, Error> {
    xattrs
        .iter()
        .map(|(name, value)| {
            if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
                return Err(Error::XattrName { path: path.clone(), name: name.clone() });
            }
            Ok(([b"SCHILY.xattr.", name.as_slice()].concat(), value.clone()))
        })
        .collect()
}

fn fitting(records: &mut Records, key: &str, value: u64, most: u64) -> u64 {
    if value <= most {
        return value;
    }
    records.insert(key.into(), value.to_string().into_bytes());
    0
}

fn time(records: &mut Records, mtime: i64) -> u64 {
    match u64::try_from(mtime) {
        Ok(time) if time <= LONG => time,
        _ => {
            records.insert(b"mtime".to_vec(), mtime.to_string().into_bytes());
            0
        }
    }
}

fn fit_name(records: &mut Records, key: &str, name: &[u8], field: &mut [u8; NAME]) {
    let shown = name.len().min(NAME);
    field[..shown].copy_from_slice(&name[..shown]);
    if name.len() > NAME {
        records.insert(key.into(), name.to_vec());
    }
}

/// Device numbers. `tar` leaves the fields blank; other writers put zeros, and so do we.
fn set_devices(header: &mut tar::Header, node: &Node) {
    let (major, minor) = match node {
        Node::CharDevice(major, minor) | Node::BlockDevice(major, minor) => (*major, *minor),
        _ => (0, 0),
    };
    if let Some(fields) = header.as_ustar_mut() {
        fields.set_device_major(major);
        fields.set_device_minor(minor);
    }
}

/// The PAX header with its records and padding; nothing when there are none.
fn extended(records: Records) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        push_record(&mut body, &key, &value);
    }
    if body.is_empty() {
        return body;
    }
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(EntryType::XHeader);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(body.len() as u64);
    set_devices(&mut header, &Node::Fifo);
    if let Some(fields) = header.as_ustar_mut() {
        fit_name(&mut Records::new(), "path", b"PaxHeaders/entry", &mut fields.name);
    }
    header.set_cksum();
    let mut blocks = header.as_bytes().to_vec();
    blocks.extend_from_slice(&body);
    blocks.resize(blocks.len().next_multiple_of(512), 0);
    blocks
}

/// Appends `<length> <key>=<value>\n`, where the length counts its own digits.
fn push_record(body: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + digits(length) > length {
        length += 1;
    }
    body.extend_from_slice(length.to_string().as_bytes());
    body.push(b' ');
    body.extend_from_slice(key);
    body.push(b'=');
    body.extend_from_slice(value);
    body.push(b'\n');
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_record_counts_itself() {
        for size in [0, 1, 3, 4, 5, 6, 90, 91, 92, 93, 94, 95, 985, 990, 991, 992, 9_990] {
            let mut body = Vec::new();
            push_record(&mut body, b"uid", &vec![b'1'; size]);
            let length: usize =
                std::str::from_utf8(&body).unwrap().split(' ').next().unwrap().parse().unwrap();
            assert_eq!(length, body.len(), "{size}");
        }
    }

    #[test]
    fn t13_pax_only_where_the_header_is_too_small() {
        let path = ImagePath::from_tar(b"etc/passwd").unwrap();
        let plain = Meta { uid: SHORT, gid: SHORT, mtime: LONG.cast_signed(), ..Meta::root(0o644) };
        assert_eq!(blocks(&path, &plain, &Node::Fifo).unwrap().len(), 512);
        for odd in [
            Meta { uid: SHORT + 1, ..plain.clone() },
            Meta { gid: u64::MAX, ..plain.clone() },
            Meta { mtime: -1, ..plain.clone() },
            Meta { mtime: LONG.cast_signed() + 1, ..plain.clone() },
            Meta { xattrs: [(b"user.a".to_vec(), vec![0])].into(), ..plain },
        ] {
            assert_eq!(blocks(&path, &odd, &Node::Fifo).unwrap().len(), 3 * 512);
        }
        let bad = Meta { xattrs: [(b"user.a=b".to_vec(), vec![])].into(), ..Meta::root(0) };
        assert!(matches!(blocks(&path, &bad, &Node::Fifo), Err(Error::XattrName { .. })));
    }
}
