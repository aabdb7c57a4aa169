//! Small tars, written with the `tar` crate and not with what is tested.

use imgforge::layer::Changeset;
use imgforge::layer::decode;
use imgforge::layer::encode;
use imgforge::oci::ImagePath;

/// A path from a test's literal.
pub(crate) fn path(text: &str) -> ImagePath {
    ImagePath::from_tar(text.as_bytes()).unwrap()
}

/// The changeset of a tar that must be good.
pub(crate) fn decoded(tar: &[u8]) -> Changeset {
    decode::decode(&mut &*tar, &mut |_, _, _| Ok(())).unwrap()
}

/// The error of a tar that must be bad.
pub(crate) fn failure(tar: &[u8]) -> decode::Error {
    decode::decode(&mut &*tar, &mut |_, _, _| Ok(())).unwrap_err()
}

/// The tar of a changeset whose contents are all in memory.
pub(crate) fn encoded(changes: &Changeset) -> Vec<u8> {
    let mut tar = Vec::new();
    encode::encode(changes, &mut |path, _| panic!("asked for `{path}`"), &mut tar).unwrap();
    tar
}

/// A tar under construction.
#[derive(Clone)]
pub(crate) struct Tar {
    blocks: Vec<u8>,
}

impl Tar {
    pub(crate) fn new() -> Self {
        Self { blocks: Vec::new() }
    }

    /// Any entry. The name is put in byte by byte: the `tar` crate would refuse the wicked ones.
    pub(crate) fn entry(mut self, kind: u8, name: &[u8], link: &[u8], content: &[u8]) -> Self {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[156] = kind;
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        let fields = header.as_ustar_mut().unwrap();
        fields.name[..name.len()].copy_from_slice(name);
        fields.linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        self.blocks.extend_from_slice(header.as_bytes());
        self.blocks.extend_from_slice(content);
        self.blocks.resize(self.blocks.len().next_multiple_of(512), 0);
        self
    }

    /// Any header with its checksum put right, and no content.
    pub(crate) fn header(mut self, mut header: tar::Header) -> Self {
        header.set_cksum();
        self.blocks.extend_from_slice(header.as_bytes());
        self
    }

    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(b'0', name.as_bytes(), b"", content)
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.entry(b'5', name.as_bytes(), b"", b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name.as_bytes(), target.as_bytes(), b"")
    }

    pub(crate) fn hardlink(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name.as_bytes(), target.as_bytes(), b"")
    }

    pub(crate) fn gnu_long_name(self, name: &str) -> Self {
        self.entry(b'L', b"././@LongLink", b"", &[name.as_bytes(), b"\0"].concat())
    }

    /// Records for the next entry.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.extended(b'x', records)
    }

    /// Records of a header of type `kind`.
    pub(crate) fn extended(self, kind: u8, records: &[(&str, &[u8])]) -> Self {
        let mut body = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let length = (1..).map(|digits| rest + digits).find(|all| all.to_string().len() + rest == *all);
            body.extend_from_slice(format!("{} {key}=", length.unwrap()).as_bytes());
            body.extend_from_slice(value);
            body.push(b'\n');
        }
        self.entry(kind, b"PaxHeaders", b"", &body)
    }

    /// The tar with its trailer.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.blocks.extend([0; 1024]);
        self.blocks
    }
}
