//! What `index.json` lists: which image is meant, and how one is added without touching the others.
//!
//! Entries are kept as raw JSON: what is not understood comes out as it went in.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::oci::Descriptor;
use crate::oci::Digest;
use crate::oci::Manifest;
use crate::oci::manifest::ManifestError;
use crate::oci::media_type;
use crate::oci::media_type::Family;
use crate::transport::error::Error;
use crate::transport::layout::Pick;

/// image-spec `annotations.md`: the tag of an image in a layout.
pub(in crate::transport) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The full name; containerd and Docker read it, and Docker writes it.
pub(in crate::transport) const IMAGE_NAME: &str = "io.containerd.image.name";

/// The contents of an `index.json`.
#[derive(Debug)]
pub(in crate::transport) struct Listing {
    /// Every field but `manifests`, in order.
    fields: Vec<(String, Box<RawValue>)>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    raw: Box<RawValue>,
    /// `None` when it names its bytes in a way that is not known here.
    descriptor: Option<Descriptor>,
}

/// A JSON object in its own order, values unread.
struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl Listing {
    /// A list of nothing.
    pub(in crate::transport) fn empty() -> Self {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).ok();
        let media_type = format!("\"{}\"", media_type::OCI_INDEX);
        let fields = [("schemaVersion", raw("2")), ("mediaType", raw(&media_type))];
        Self {
            fields: fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect(),
            entries: Vec::new(),
        }
    }

    /// Reads an `index.json`.
    ///
    /// # Errors
    /// When it is no JSON object with a list of `manifests`.
    pub(in crate::transport) fn parse(bytes: &[u8], place: &str) -> Result<Self, Error> {
        let json = |source| Error::Document {
            place: place.to_owned(),
            source: ManifestError::Json { digest: Digest::of(bytes), source },
        };
        let Object(mut fields) = serde_json::from_slice(bytes).map_err(json)?;
        let position = fields.iter().position(|(key, _)| key == "manifests");
        let raw: Vec<Box<RawValue>> = match position {
            Some(position) => serde_json::from_str(fields.remove(position).1.get()).map_err(json)?,
            None => Vec::new(),
        };
        let entry = |raw: Box<RawValue>| Entry { descriptor: serde_json::from_str(raw.get()).ok(), raw };
        Ok(Self { fields, entries: raw.into_iter().map(entry).collect() })
    }

    /// The bytes of the list.
    pub(in crate::transport) fn to_bytes(&self) -> Vec<u8> {
        let all: Vec<&Entry> = self.entries.iter().collect();
        self.bytes_with(&all)
    }

    fn bytes_with(&self, entries: &[&Entry]) -> Vec<u8> {
        let entries: Vec<&str> = entries.iter().map(|entry| entry.raw.get()).collect();
        let mut text = String::from("{");
        for (key, value) in &self.fields {
            let key = serde_json::Value::from(key.as_str());
            text.push_str(&format!("{key}:{value},"));
        }
        text.push_str(&format!("\"manifests\":[{}]}}", entries.join(",")));
        text.into_bytes()
    }

    /// The manifests and indexes of the list, in order.
    pub(in crate::transport) fn images(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries
            .iter()
            .filter_map(|entry| entry.descriptor.as_ref())
            .filter(|descriptor| is_image(descriptor))
    }

    /// The document that `pick` leads to and its media type. Several images of one name that differ by
    /// platform are one index.
    ///
    /// # Errors
    /// [`Error::Pick`] when none or several are meant; [`Error::Broken`] when `read` gives other bytes than
    /// the list promises.
    pub(in crate::transport) fn root(
        &self,
        pick: &Pick,
        place: &str,
        read: &dyn Fn(&Descriptor) -> Result<Vec<u8>, Error>,
    ) -> Result<(Vec<u8>, String), Error> {
        let found = self.find(pick, place)?;
        if let [entry] = found.as_slice()
            && let Some(descriptor) = &entry.descriptor
        {
            let bytes = read(descriptor)?;
            let (length, digest) = (bytes.len() as u64, Digest::of(&bytes));
            if (length, digest) != (descriptor.size, descriptor.digest) {
                let problem = format!(
                    "`{digest}` of {length} bytes where `{}` of {} bytes should be",
                    descriptor.digest, descriptor.size
                );
                return Err(Error::Broken { place: place.to_owned(), problem });
            }
            return Ok((bytes, descriptor.media_type.clone()));
        }
        Ok((self.bytes_with(&found), media_type::OCI_INDEX.to_owned()))
    }

    fn find(&self, pick: &Pick, place: &str) -> Result<Vec<&Entry>, Error> {
        let all: Vec<&Entry> = self.entries.iter().filter(|entry| entry.is_image()).collect();
        let (found, wanted): (Vec<&Entry>, _) = match pick {
            Pick::Only => (all.clone(), None),
            Pick::Position(position) => {
                let found = self.entries.get(*position).into_iter().collect();
                (found, Some(format!("@{position}")))
            }
            Pick::Digest(digest) => {
                let same = |entry: &&Entry| entry.descriptor.as_ref().is_some_and(|d| d.digest == *digest);
                let found = all.iter().copied().find(same).into_iter().collect();
                (found, Some(format!("@{digest}")))
            }
            Pick::Name(name) => (named(&all, name), Some(name.clone())),
            Pick::NameOrOnly(name) => match named(&all, name) {
                found if found.is_empty() => (all.clone(), None),
                found => (found, None),
            },
        };
        match found.as_slice() {
            [_] => Ok(found),
            several if several.len() > 1 && one_by_platform(several) => Ok(found),
            several => Err(Error::Pick {
                place: place.to_owned(),
                wanted: wanted.filter(|_| several.is_empty()),
                offered: all.iter().map(|entry| entry.shown()).collect(),
            }),
        }
    }

    /// Lists `manifest` under `names`: in the place of the image that has the tag now, else at the end.
    /// Without a tag it takes the place of the only image without one.
    pub(in crate::transport) fn put(&mut self, manifest: &Manifest, names: &BTreeMap<String, String>) {
        let mut descriptor = manifest.descriptor();
        descriptor.annotations.clone_from(names);
        let Ok(raw) = serde_json::value::to_raw_value(&descriptor) else {
            return;
        };
        let name = names.get(REF_NAME).map(String::as_str);
        let same = |entry: &Entry| entry.is_image() && entry.ref_name() == name;
        let position = self.entries.iter().position(same);
        let count = self.entries.iter().filter(|entry| same(entry)).count();
        let entry = Entry { raw, descriptor: Some(descriptor) };
        match position {
            Some(position) if name.is_some() || count == 1 => {
                self.entries[position] = entry;
                let mut index = 0;
                self.entries.retain(|entry| {
                    index += 1;
                    index - 1 == position || name.is_none() || entry.ref_name() != name
                });
            }
            _ => self.entries.push(entry),
        }
    }
}

impl Entry {
    fn is_image(&self) -> bool {
        self.descriptor.as_ref().is_some_and(is_image)
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.descriptor.as_ref()?.annotations.get(key).map(String::as_str)
    }

    fn ref_name(&self) -> Option<&str> {
        self.annotation(REF_NAME)
    }

    /// What a person would type to mean this one.
    fn shown(&self) -> String {
        match (self.ref_name(), &self.descriptor) {
            (Some(name), _) => name.to_owned(),
            (None, Some(descriptor)) => format!("@{}", descriptor.digest),
            (None, None) => String::new(),
        }
    }
}

fn is_image(descriptor: &Descriptor) -> bool {
    descriptor.media_type.is_empty() || Family::of_document(&descriptor.media_type).is_some()
}

/// The images of this name: the whole name first, then the full name, then the tag at its end.
fn named<'a>(all: &[&'a Entry], name: &str) -> Vec<&'a Entry> {
    let tag_of = |text: &str| text.rsplit_once(':').map(|(_, tag)| tag.to_owned());
    let by = |fits: &dyn Fn(&Entry) -> bool| -> Vec<&'a Entry> {
        all.iter().copied().filter(|entry| fits(entry)).collect()
    };
    let whole = by(&|entry| entry.ref_name() == Some(name));
    if !whole.is_empty() {
        return whole;
    }
    let full = by(&|entry| entry.annotation(IMAGE_NAME) == Some(name));
    if !full.is_empty() {
        return full;
    }
    by(&|entry| entry.ref_name().and_then(tag_of).as_deref() == Some(name))
}

/// Whether the entries are one image for several platforms: one name, and a platform each.
fn one_by_platform(entries: &[&Entry]) -> bool {
    let first = entries.first().and_then(|entry| entry.ref_name());
    entries.iter().all(|entry| {
        let platform = entry.descriptor.as_ref().and_then(|d| d.platform.as_ref());
        platform.is_some() && entry.ref_name() == first
    })
}
