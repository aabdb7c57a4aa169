//! A place on this machine whose reads are counted.

use std::io;
use std::io::Read;
use std::ops::Range;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::transport::Source;
use crate::transport::error::Error;
use crate::transport::traffic::Traffic;

/// Is what it wraps, and counts what is read of it.
pub(super) struct Metered<S> {
    source: S,
    traffic: Traffic,
}

impl<S> Metered<S> {
    pub(super) fn new(source: S, traffic: &Traffic) -> Self {
        Self { source, traffic: traffic.clone() }
    }

    fn reader(&self, reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        Box::new(Counting { reader, traffic: self.traffic.clone() })
    }
}

impl<S: Source> Source for Metered<S> {
    fn name(&self) -> String {
        self.source.name()
    }

    fn root(&self) -> Result<(Vec<u8>, String), Error> {
        let root = self.source.root()?;
        self.traffic.add_read(root.0.len());
        Ok(root)
    }

    fn open(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
        self.source.open(descriptor, offset).map(|reader| self.reader(reader))
    }

    fn open_range(&self, descriptor: &Descriptor, range: Range<u64>) -> Result<Box<dyn Read + Send>, Error> {
        self.source.open_range(descriptor, range).map(|reader| self.reader(reader))
    }

    fn document(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let document = self.source.document(digest)?;
        self.traffic.add_read(document.len());
        Ok(document)
    }

    fn referrers(&self, subject: &Digest, artifact_type: &str) -> Result<Vec<Descriptor>, Error> {
        self.source.referrers(subject, artifact_type)
    }

    fn mount_point(&self) -> Option<(String, String)> {
        self.source.mount_point()
    }
}

struct Counting {
    reader: Box<dyn Read + Send>,
    traffic: Traffic,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.traffic.add_read(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place;

    impl Source for Place {
        fn name(&self) -> String {
            "place".to_owned()
        }

        fn root(&self) -> Result<(Vec<u8>, String), Error> {
            Ok((b"root".to_vec(), String::new()))
        }

        fn open(&self, _: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
            Ok(Box::new(&b"0123456789"[offset as usize..]))
        }
    }

    #[test]
    fn what_is_read_is_counted_and_nothing_more() {
        let traffic = Traffic::default();
        let place = Metered::new(Place, &traffic);
        let blob = Descriptor::of("x/y", b"0123456789");
        place.root().unwrap();
        assert_eq!(traffic.read_locally(), 4);
        let mut bytes = Vec::new();
        place.open_range(&blob, 2..5).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(traffic.read_locally(), 4 + 3);
        place.open(&blob, 4).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!((traffic.read_locally(), traffic.received()), (4 + 3 + 6, 0));
    }
}
