//! What makes a layer's tar unreadable.

use std::io;

use crate::hint::Hint;
use crate::oci::ImagePath;
use crate::oci::path::PathError;

/// Why a layer could not be decoded. Nothing of it was kept; what `visit` was given stands.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stream under the tar failed: its compression, or where it comes from.
    #[error("cannot read the layer after {at} bytes of its tar")]
    Read {
        /// Bytes of the tar that came before.
        at: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The tar ends inside a header or a file.
    #[error("the tar is cut short at byte {at}, within {within}")]
    Truncated {
        /// Where it ends.
        at: u64,
        /// The entry, or what else was being read.
        within: String,
    },
    /// No tar header where one must be: wrong checksum.
    #[error("there is no tar header at byte {at}: its checksum is wrong")]
    Checksum {
        /// Offset of the block.
        at: u64,
    },
    /// A number or a record in a header that cannot be read.
    #[error("the tar header at byte {at} has an unreadable {field}: `{text}`")]
    Field {
        /// Offset of the header.
        at: u64,
        /// The field, or the name of the PAX record.
        field: String,
        /// What it holds.
        text: String,
    },
    /// An extended header above the bound.
    #[error("the extended header at byte {at} has {size} bytes: more than {limit}")]
    TooLong {
        /// Offset of the header.
        at: u64,
        /// Its length.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// More entries than any image has.
    #[error("the layer has more than {limit} entries")]
    TooMany {
        /// The most that are read.
        limit: usize,
    },
    /// A name that would leave the image.
    #[error("the tar header at byte {at} names no path inside an image")]
    Path {
        /// Offset of the header.
        at: u64,
        /// Why.
        #[source]
        source: PathError,
    },
    /// A whiteout that hides nothing that can exist, or an entry below one.
    #[error("entry `{name}` is no valid whiteout")]
    Whiteout {
        /// The name in the tar.
        name: String,
    },
    /// A sparse file: its bytes are not in the tar as they are in the file.
    #[error("entry `{name}` is a sparse file")]
    Sparse {
        /// The name in the tar.
        name: String,
    },
    /// A kind of entry that no engine unpacks.
    #[error("entry `{name}` is of an unknown type `{}`", char::from(*flag).escape_default())]
    Type {
        /// The name in the tar.
        name: String,
        /// The type flag.
        flag: u8,
    },
    /// An entry below something that is no directory.
    #[error("entry `{path}` is below `{above}`, which is no directory")]
    BelowFile {
        /// The entry.
        path: ImagePath,
        /// What is above it in the same layer.
        above: ImagePath,
    },
    /// Symbolic links of the layer lead in a circle.
    #[error("entry `{path}` is below symbolic links that lead in a circle")]
    Loop {
        /// The entry.
        path: ImagePath,
    },
    /// The root of the image as something else than a directory.
    #[error("the layer replaces the root of the image by something that is no directory")]
    Root,
    /// A hard link to itself.
    #[error("entry `{path}` is a hard link to itself")]
    SelfLink {
        /// The entry.
        path: ImagePath,
    },
    /// The caller's `visit` failed.
    #[error("cannot take in `{path}`")]
    Visit {
        /// The file.
        path: ImagePath,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } | Self::Truncated { .. } => {
                Some("the layer was damaged where it was built or on its way: fetch or build it again".into())
            }
            Self::Sparse { .. } => {
                Some("build the layer again without sparse files (image-spec advises against them)".into())
            }
            Self::Path { source, .. } => source.hint(),
            Self::Visit { .. } => None,
            _ => Some("no engine unpacks such a layer as it was meant: build the image again".into()),
        }
    }
}
