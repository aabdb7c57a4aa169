//! Writing an image as one archive file, which appears whole or not at all.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::oci::Descriptor;
use crate::progress::Progress;
use crate::transport::Fate;
use crate::transport::Outgoing;
use crate::transport::Receipt;
use crate::transport::Sink;
use crate::transport::archive::ArchiveName;
use crate::transport::archive::bundle::Bundle;
use crate::transport::blob;
use crate::transport::error::Error;
use crate::transport::layout::failed;
use crate::transport::layout::sink::blobs;
use crate::transport::layout::sink::temporary;

/// An archive file to write; what is there is replaced. On [`LayoutSink`](crate::transport::layout::LayoutSink)
/// stands what some readers do not take.
#[derive(Debug, Clone)]
pub struct ArchiveSink {
    path: PathBuf,
    shown: String,
    name: ArchiveName,
}

impl ArchiveSink {
    /// `oci-archive:FILE[:tag]`; Docker will know the image as `repository:tag`.
    #[must_use]
    pub fn oci(path: &Path, tag: Option<&str>, repository: Option<&str>) -> Self {
        Self::new("oci-archive", path, tag, ArchiveName::of_tag(tag, repository))
    }

    /// `docker-archive:FILE[:name]`. The file is the same combined archive.
    #[must_use]
    pub fn docker(path: &Path, name: Option<&str>) -> Self {
        Self::new("docker-archive", path, name, ArchiveName::of_image(name))
    }

    fn new(transport: &str, path: &Path, tag: Option<&str>, name: ArchiveName) -> Self {
        let suffix = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        Self { path: path.to_owned(), shown: format!("{transport}:{}{suffix}", path.display()), name }
    }

    /// Where the archive really goes: links followed, and never anything but a regular file, for a rename
    /// onto `/dev/stdout` would replace it for everyone.
    fn target(&self) -> Result<PathBuf, Error> {
        let Ok(target) = fs::canonicalize(&self.path) else {
            return if fs::symlink_metadata(&self.path).is_ok() {
                Err(self.irregular())
            } else {
                Ok(self.path.clone())
            };
        };
        if target.is_file() { Ok(target) } else { Err(self.irregular()) }
    }

    fn irregular(&self) -> Error {
        Error::Unsupported {
            place: self.name(),
            problem: format!("`{}` is not a regular file", self.path.display()),
            advice: "name a file that is new or may be replaced".to_owned(),
        }
    }

    fn write(&self, outgoing: &Outgoing<'_>, progress: &dyn Progress) -> Result<(), Error> {
        let target = self.target()?;
        let scratch = temporary(&target);
        let unwritten = failed("write", &self.path);
        let file = fs::File::create(scratch.path()).map_err(&unwritten)?;
        let mut out = io::BufWriter::with_capacity(1 << 18, file);
        let bundle = Bundle { outgoing, name: &self.name, left_out: 0 };
        bundle.write(&mut out, &unwritten, progress)?;
        let file = out.into_inner().map_err(|error| unwritten(error.into_error()))?;
        file.sync_data().map_err(&unwritten)?;
        fs::rename(scratch.path(), &target).map_err(failed("rename", scratch.path()))?;
        scratch.keep();
        Ok(())
    }
}

impl Sink for ArchiveSink {
    fn name(&self) -> String {
        self.shown.clone()
    }

    fn plan(&self, outgoing: &Outgoing<'_>) -> Result<Vec<(Descriptor, Fate)>, Error> {
        Ok(blobs(outgoing).into_iter().map(|d| (d, Fate::Upload)).collect())
    }

    fn publish(&self, outgoing: &Outgoing<'_>, progress: &dyn Progress) -> Result<Receipt, Error> {
        blob::twice_if_damaged(&mut || self.write(outgoing, progress))?;
        Ok(Receipt {
            name: self.name(),
            digest: outgoing.image.manifest.digest(),
            blobs: self.plan(outgoing)?,
        })
    }
}
