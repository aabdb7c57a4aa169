//! What can go wrong between here and a place that holds images.

use std::path::PathBuf;

use crate::hint::Hint;
use crate::oci::manifest::ManifestError;
use crate::store;

/// The world failed: no retry of the same call is expected to help, retries are already spent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The place answers, and does not have it.
    #[error("`{what}` is not at `{place}`")]
    NotFound {
        /// The image, tag or blob.
        what: String,
        /// The place.
        place: String,
    },
    /// The credentials do not suffice, or there are none.
    #[error("`{place}` denies access: {message}")]
    Denied {
        /// The place.
        place: String,
        /// What the place said; never a secret.
        message: String,
    },
    /// Nobody answers, or the connection broke more often than it is retried.
    #[error("cannot reach `{place}`")]
    Unreachable {
        /// The place.
        place: String,
        /// The last failure.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The place answered with a refusal.
    #[error("`{place}` answered {status}: {message}")]
    Refused {
        /// The place.
        place: String,
        /// HTTP status or the engine's code.
        status: u16,
        /// What it said, shortened.
        message: String,
    },
    /// What the place sent breaks its own promise (digest, size, content range).
    #[error("`{place}` sent something else than it promised: {problem}")]
    Broken {
        /// The place.
        place: String,
        /// What does not fit, with both values.
        problem: String,
    },
    /// A part of a blob was asked for that the blob does not have.
    #[error("`{what}` has {size} bytes: there are no bytes {start} to {end}")]
    Range {
        /// The blob.
        what: String,
        /// The first byte.
        start: u64,
        /// The byte after the last.
        end: u64,
        /// How many there are.
        size: u64,
    },
    /// No image of the index fits the platform asked for.
    #[error("`{name}` has no image for `{wanted}`: it has {offered}")]
    Platform {
        /// The index.
        name: String,
        /// The platform asked for.
        wanted: String,
        /// The platforms there are.
        offered: String,
    },
    /// Several images are there and none was named, or none has the name.
    #[error("{}", pick_text(place, wanted.as_deref(), offered))]
    Pick {
        /// The layout or archive.
        place: String,
        /// The name asked for, if any.
        wanted: Option<String>,
        /// The names there are, in the order they are listed; unnamed images by digest.
        offered: Vec<String>,
    },
    /// It works as promised, but not for this image.
    #[error("`{place}` cannot take this image: {problem}")]
    Unsupported {
        /// The place.
        place: String,
        /// What it lacks.
        problem: String,
        /// What to do about it.
        advice: String,
    },
    /// A file or directory on this machine.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried: `read`, `write`, `rename`.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A manifest or index that cannot be used.
    #[error("`{place}` holds an image document that cannot be used")]
    Document {
        /// The image.
        place: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// A configuration that cannot be used.
    #[error("`{place}` holds an image configuration that cannot be used")]
    Config {
        /// The image.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store refused the bytes or could not keep them.
    #[error("cannot take in `{what}` from `{place}`")]
    Store {
        /// The blob.
        what: String,
        /// The place.
        place: String,
        /// Why.
        #[source]
        source: store::Error,
    },
}

fn pick_text(place: &str, wanted: Option<&str>, offered: &[String]) -> String {
    let list = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        if names.is_empty() { "no image at all".to_owned() } else { names.join(", ") }
    };
    match wanted {
        Some(wanted) => format!("`{place}` has no image `{wanted}`: it has {}", list(offered)),
        None if offered.is_empty() => format!("`{place}` holds no image"),
        None => format!("`{place}` holds several images: {}", list(offered)),
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Denied { place, .. } => Some(format!("log in first: `docker login {place}`")),
            Self::Platform { .. } => Some(
                "ask for one that the image has: `platform` in a recipe, `--platform` for an image"
                    .to_owned(),
            ),
            Self::Pick { place, offered, .. } => {
                let first = offered.first()?;
                Some(format!("name one of them, such as `{place}:{first}`"))
            }
            Self::Unsupported { advice, .. } => Some(advice.clone()),
            Self::Range { .. } => {
                Some("what names the bytes (an index, a lock) is of another blob".to_owned())
            }
            Self::Document { source, .. } => source.hint(),
            Self::Store { source, .. } => source.hint(),
            Self::NotFound { .. } => Some("check the name and the tag".to_owned()),
            Self::Broken { place, .. } if place.contains("-archive:") => {
                Some("see that the file is an archive of this kind, and whole".to_owned())
            }
            Self::Broken { .. } => {
                Some("try again; if it stays so, the place or a proxy before it is damaged".into())
            }
            Self::Unreachable { place, .. } if place.contains("://") => Some(
                "see that the engine runs and that you may use its socket; `--docker-host` names another"
                    .to_owned(),
            ),
            Self::Unreachable { place, .. } => Some(format!(
                "see that `{place}` is up and that this machine may reach it; `--mirror {place}=REF` reads from elsewhere"
            )),
            _ => None,
        }
    }
}
