//! One side of `abi diff`: something of this machine, or one file of an image.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;

use crate::build::Subject;
use crate::cli::args::Global;
use crate::cli::exit::Failure;
use crate::cli::image::content;
use crate::cli::image::find;
use crate::cli::image::not_there;
use crate::cli::image::parse_image;
use crate::cli::image::parse_path;
use crate::cli::image::parse_platform;
use crate::cli::session::Session;
use crate::cli::subject::split;

/// What a word of the command line means.
pub(super) enum Side {
    /// A directory of this machine.
    Directory(PathBuf),
    /// A file, wherever it is.
    File(File),
}

/// Finds what `text` names: what is there on this machine goes before `IMAGE//PATH`.
///
/// # Errors
/// When it is neither, or cannot be had.
pub(super) fn side(text: &str, platform: &str, global: &Global) -> Result<Side, Failure> {
    let path = Path::new(text);
    match (path.metadata(), split(text)) {
        (Ok(found), _) if found.is_dir() => Ok(Side::Directory(path.to_path_buf())),
        (Err(_), (image, Some(inside))) => inside_of(image, inside, platform, &Session::open(global)?),
        _ => open(path).map(Side::File),
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|source| Failure::File {
        action: "read",
        path: path.display().to_string(),
        source,
    })
}

fn inside_of(image: &str, inside: &str, platform: &str, session: &Session) -> Result<Side, Failure> {
    let path = parse_path(inside)?;
    let world = session.world();
    match Subject::resolve(&world, &parse_image(image)?, &parse_platform(platform)?)? {
        Subject::Image(origin) => {
            let tree = find(&origin, std::slice::from_ref(&path), session)?;
            content(&origin, &tree, &path, session).map(Side::File)
        }
        subject => {
            let tree = subject.rootfs(&world)?;
            let found = tree.resolve(&path).map_err(|error| not_there(subject.name(), &path, &error))?;
            let root = Path::new(image.strip_prefix("dir:").unwrap_or(image));
            let file = root.join(found.path.to_string().trim_start_matches('/'));
            match fs::metadata(&file).is_ok_and(|found| found.is_dir()) {
                true => Ok(Side::Directory(file)),
                false => open(&file).map(Side::File),
            }
        }
    }
}
