//! A layer as Python's `tarfile` reads it: another reader than ours.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

const READER: &str = r#"
import gzip, hashlib, io, json, sys, tarfile
raw = sys.stdin.buffer.read()
raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
out = []
tar = tarfile.open(fileobj=io.BytesIO(raw))
for m in tar:
    data = tar.extractfile(m).read() if m.isreg() else b""
    out.append(dict(raw=m.name.encode("utf-8", "surrogateescape").hex(), name=m.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), type=m.type.decode(), mode=m.mode, uid=m.uid, gid=m.gid,
        mtime=m.mtime, size=m.size, link=m.linkname, text=data[:200].decode("latin-1"),
        sha256=hashlib.sha256(data).hexdigest(),
        pax={k: v.encode("utf-8", "surrogateescape").hex() for k, v in m.pax_headers.items()}))
json.dump(dict(entries=out, length=len(raw), trailer=raw[-1024:] == bytes(1024)), sys.stdout)
"#;

/// The entries of a layer in their order, and its tar's length.
pub(crate) struct Listing {
    pub(crate) entries: Vec<Value>,
    pub(crate) length: u64,
    pub(crate) trailer: bool,
}

impl Listing {
    /// Reads a blob, gzip or plain.
    pub(crate) fn of(blob: &[u8]) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", READER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is needed");
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(blob).unwrap();
        drop(pipe);
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "tarfile cannot read the layer");
        let value: Value = serde_json::from_slice(&done.stdout).unwrap();
        Self {
            entries: value["entries"].as_array().unwrap().clone(),
            length: value["length"].as_u64().unwrap(),
            trailer: value["trailer"].as_bool().unwrap(),
        }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect()
    }

    /// The entry of this name, without a slash before it.
    #[track_caller]
    pub(crate) fn entry(&self, name: &str) -> &Value {
        let found = self.entries.iter().find(|entry| entry["name"] == name);
        found.unwrap_or_else(|| panic!("no `{name}` in {:?}", self.names()))
    }

    /// `(mode, uid, gid)` of an entry.
    #[track_caller]
    pub(crate) fn looks(&self, name: &str) -> (u64, u64, u64) {
        let number = |key: &str| self.entry(name)[key].as_u64().unwrap();
        (number("mode"), number("uid"), number("gid"))
    }

    /// The extended records of an entry as bytes.
    #[track_caller]
    pub(crate) fn records(&self, name: &str) -> BTreeMap<String, String> {
        let records = self.entry(name)["pax"].as_object().unwrap();
        records.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
    }
}
