//! An unpacked tree of this machine, read as if it were the only layer of an image.
//!
//! Links are read and never followed, so nothing outside the tree is looked at; other file systems mounted
//! in it (`/proc` of a running system) are not entered. Extended attributes are not read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use walkdir::WalkDir;

use super::LayerIndex;
use super::learned::Learning;
use super::remembered::Remembered;
use super::remembered::Stamp;
use crate::hint::Hint;
use crate::layer::Changeset;
use crate::layer::Content;
use crate::layer::Entry;
use crate::layer::Meta;
use crate::layer::Node;
use crate::oci::DiffId;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::oci::path::PathError;
use crate::progress::Task;
use crate::store::Store;

/// Why an unpacked tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The root is something else.
    #[error("`{}` is not a directory", path.display())]
    NotADirectory {
        /// The root as the user named it.
        path: PathBuf,
    },
    /// A file, link or directory that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// It, on this machine.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A name that no image can hold.
    #[error("`{}` cannot be in an image", path.display())]
    Name {
        /// It, on this machine.
        path: PathBuf,
        /// Why not.
        #[source]
        source: PathError,
    },
}

impl Hint for DirectoryError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotADirectory { .. } => {
                Some("name the root of an unpacked tree: `dir:PATH`, where `PATH/usr` is".to_owned())
            }
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("run as a user who may read the whole tree".to_owned())
            }
            Self::Unreadable { .. } => Some("check the path".to_owned()),
            Self::Name { .. } => None,
        }
    }
}

/// What is in an unpacked tree. The content of each regular file is `InLayer`, its offset a number of its own
/// and no place in anything; of several hard links, the first in the order of names is the file. Sockets are
/// left out, as every packer does.
///
/// # Errors
/// The root is no directory, or something in it cannot be looked at.
pub fn walk(root: &Path) -> Result<Changeset, DirectoryError> {
    survey(root).map(|(changes, _)| changes)
}

/// As [`walk`], with what tells the state of each regular file, by its offset.
fn survey(root: &Path) -> Result<(Changeset, BTreeMap<u64, Stamp>), DirectoryError> {
    let meta = fs::metadata(root).map_err(|source| unreadable(root, source))?;
    if !meta.is_dir() {
        return Err(DirectoryError::NotADirectory { path: root.to_path_buf() });
    }
    let mut changes = Changeset::default();
    let mut stamps = BTreeMap::new();
    let mut first_names: BTreeMap<(u64, u64), ImagePath> = BTreeMap::new();
    for found in WalkDir::new(root).same_file_system(true).sort_by_file_name() {
        let found = found.map_err(|error| {
            let path = error.path().unwrap_or(root).to_path_buf();
            unreadable(&path, error.into())
        })?;
        let file = found.path();
        let meta = found.metadata();
        let meta = meta.map_err(|error| unreadable(file, error.into()))?;
        let path = image_path(root, file)?;
        let number = changes.upserts.len() as u64;
        let Some(node) = node(file, &meta, number)? else {
            continue;
        };
        let node = match first_names.get(&(meta.dev(), meta.ino())) {
            Some(first) if !meta.is_dir() => Node::Hardlink(first.clone()),
            _ => node,
        };
        if meta.is_file() && meta.nlink() > 1 {
            first_names.entry((meta.dev(), meta.ino())).or_insert_with(|| path.clone());
        }
        if matches!(node, Node::File(_)) {
            stamps.insert(number, Stamp::of(&meta));
        }
        let entry = Entry { meta: looks(&meta), node };
        changes.upserts.insert(path, entry);
    }
    Ok((changes, stamps))
}

/// Reads the whole tree: as [`walk`], with the facts of its ELF files. There is no tar, so the result's
/// `diff_id` is that of nothing and its `uncompressed_size` 0. `task` advances by bytes of files. Files that are as
/// they were when the tree was read before are not opened.
///
/// # Errors
/// As [`walk`], and a file that cannot be read, or whose symbols cannot be kept in the store.
pub fn read(store: &Store, root: &Path, task: &dyn Task) -> Result<LayerIndex, DirectoryError> {
    let mut remembered = Remembered::load(store, root).map_err(|source| unreadable(root, source))?;
    let (changes, stamps) = survey(root)?;
    let mut pass = Learning::new(store);
    let mut opened = false;
    for (path, entry) in &changes.upserts {
        let Node::File(Content::InLayer { offset, size }) = entry.node else {
            continue;
        };
        let known = stamps.get(&offset).and_then(|stamp| remembered.take(store, path, stamp));
        if let Some(known) = known {
            pass.know(offset, known);
        } else {
            opened = true;
            let file = root.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
            let bytes = fs::File::open(&file);
            let visited = bytes.and_then(|mut bytes| pass.visit(path, entry, &mut bytes));
            visited.map_err(|source| unreadable(&file, source))?;
        }
        task.advance(size);
    }
    if opened {
        keep(store, remembered, &changes, &stamps, &pass).map_err(|source| unreadable(root, source))?;
    }
    Ok(pass.index(changes, DiffId(Digest::of(b"")), 0))
}

/// Keeps what was learned of files that can be known again.
fn keep(
    store: &Store,
    remembered: Remembered,
    changes: &Changeset,
    stamps: &BTreeMap<u64, Stamp>,
    pass: &Learning<'_>,
) -> io::Result<()> {
    let files = changes.upserts.iter().filter_map(|(path, entry)| {
        let Node::File(Content::InLayer { offset, .. }) = entry.node else { return None };
        let stamp = stamps.get(&offset).filter(|stamp| remembered.is_settled(stamp))?;
        Some((path, (stamp, pass.found(offset)?)))
    });
    let files = files.collect();
    remembered.save(store, &files)
}

/// Reads files of this machine as a tree of their own: each stands at its place below `/`.
///
/// # Errors
/// A file that cannot be read, or whose symbols cannot be kept in the store.
pub fn files(
    store: &Store,
    files: &BTreeMap<ImagePath, PathBuf>,
    task: &dyn Task,
) -> Result<LayerIndex, DirectoryError> {
    let mut pass = Learning::new(store);
    let mut changes = Changeset::default();
    for (number, (path, file)) in files.iter().enumerate() {
        let failed = |source| unreadable(file, source);
        let meta = fs::metadata(file).map_err(failed)?;
        let node = Node::File(Content::InLayer { offset: number as u64, size: meta.len() });
        let entry = Entry { meta: looks(&meta), node };
        let opened = fs::File::open(file);
        opened.and_then(|mut bytes| pass.visit(path, &entry, &mut bytes)).map_err(failed)?;
        task.advance(meta.len());
        changes.upserts.insert(path.clone(), entry);
    }
    Ok(pass.index(changes, DiffId(Digest::of(b"")), 0))
}

fn unreadable(path: &Path, source: io::Error) -> DirectoryError {
    DirectoryError::Unreadable { path: path.to_path_buf(), source }
}

fn image_path(root: &Path, file: &Path) -> Result<ImagePath, DirectoryError> {
    let relative = file.strip_prefix(root).unwrap_or(file);
    ImagePath::from_tar(relative.as_os_str().as_bytes())
        .map_err(|source| DirectoryError::Name { path: file.to_path_buf(), source })
}

fn looks(meta: &fs::Metadata) -> Meta {
    Meta {
        mode: meta.mode() & 0o7777,
        uid: u64::from(meta.uid()),
        gid: u64::from(meta.gid()),
        mtime: meta.mtime(),
        xattrs: BTreeMap::new(),
    }
}

/// What stands at a path; `None` for a socket.
fn node(file: &Path, meta: &fs::Metadata, number: u64) -> Result<Option<Node>, DirectoryError> {
    let kind = meta.file_type();
    Ok(Some(if kind.is_dir() {
        Node::Directory
    } else if kind.is_symlink() {
        let target = fs::read_link(file).map_err(|source| unreadable(file, source))?;
        Node::Symlink(target.into_os_string().into_vec())
    } else if kind.is_fifo() {
        Node::Fifo
    } else if kind.is_char_device() {
        let (major, minor) = device(meta.rdev());
        Node::CharDevice(major, minor)
    } else if kind.is_block_device() {
        let (major, minor) = device(meta.rdev());
        Node::BlockDevice(major, minor)
    } else if kind.is_file() {
        Node::File(Content::InLayer { offset: number, size: meta.len() })
    } else {
        return Ok(None);
    }))
}

/// Major and minor of a device number, as makedev(3) of glibc puts them together.
const fn device(number: u64) -> (u32, u32) {
    let major = ((number >> 8) & 0xfff) | ((number >> 32) & 0xffff_f000);
    let minor = (number & 0xff) | ((number >> 12) & 0xffff_ff00);
    (major as u32, minor as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn path(text: &str) -> ImagePath {
        ImagePath::absolute(text).unwrap()
    }

    #[test]
    fn a_tree_is_read_as_it_stands_and_nothing_outside_it() {
        let place = tempfile::tempdir().unwrap();
        let (root, outside) = (place.path().join("root"), place.path().join("outside"));
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("secret"), "x").unwrap();
        fs::write(root.join("a/one"), "12345").unwrap();
        fs::hard_link(root.join("a/one"), root.join("a/two")).unwrap();
        fs::write(root.join("a/empty"), "").unwrap();
        std::os::unix::fs::symlink("../../outside", root.join("a/b/out")).unwrap();
        fs::write(root.join("pyvenv.cfg"), "home = /usr/bin").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();

        let store = Store::open(&place.path().join("store")).unwrap();
        let index = read(&store, &root, &Silent).unwrap();
        let names: Vec<String> = index.changeset.upserts.keys().map(ToString::to_string).collect();
        let want = ["/", "/a", "/a/b", "/a/b/out", "/a/empty", "/a/one", "/a/two", "/pyvenv.cfg"];
        assert_eq!(names, want);
        let node = |text: &str| index.changeset.upserts[&path(text)].node.clone();
        assert_eq!(node("/a/two"), Node::Hardlink(path("/a/one")));
        assert_eq!(node("/a/b/out"), Node::Symlink(b"../../outside".to_vec()));
        assert_ne!(node("/a/empty"), node("/a/one"));
        assert_eq!(index.kept[&path("/pyvenv.cfg")], b"home = /usr/bin");
    }

    #[test]
    fn files_that_stay_as_they_are_are_not_opened_again() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir_all(&root).unwrap();
        let store = Store::open(&place.path().join("store")).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let write = |name: &str, text: &str| {
            let file = root.join(name);
            fs::write(&file, text).unwrap();
            fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        };
        let read = || read(&store, &root, &Silent).unwrap();
        let first_line = |index: &LayerIndex, name: &str| {
            String::from_utf8(index.kept.get(&path(name)).cloned().unwrap_or_default()).unwrap()
        };
        write("pyvenv.cfg", "one");
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert_eq!(first_line(&read(), "/pyvenv.cfg"), "one");
        // A note that says otherwise shows whether the file itself was asked.
        let name = Digest::of(fs::canonicalize(&root).unwrap().as_os_str().as_bytes());
        let mut known = super::super::note::load_tree(&store, &name).unwrap();
        for (_, learned) in known.values_mut() {
            *learned = super::super::learned::Learned::Text(b"remembered".to_vec());
        }
        let known = known.iter().map(|(path, (stamp, learned))| (path, (stamp, learned))).collect();
        super::super::note::save_tree(&store, &name, &known).unwrap();
        assert_eq!(first_line(&read(), "/pyvenv.cfg"), "remembered");
        // As long as before, and with the same time of modification: the time of change tells.
        write("pyvenv.cfg", "two");
        assert_eq!(first_line(&read(), "/pyvenv.cfg"), "two");
        write("pyvenv.cfg", "new");
        assert_eq!(first_line(&read(), "/pyvenv.cfg"), "new", "changed just now: not believed");
    }

    #[test]
    fn a_root_that_is_none_is_told_by_name() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(walk(&file), Err(DirectoryError::NotADirectory { path }) if path == file));
        let gone = place.path().join("gone");
        assert!(matches!(walk(&gone), Err(DirectoryError::Unreadable { path, .. }) if path == gone));
    }

    #[test]
    fn device_numbers_come_apart_as_they_were_put_together() {
        for (number, want) in [(0x0103, (1, 3)), (0x0801, (8, 1)), (0x0010_0000, (0, 256))] {
            assert_eq!(device(number), want);
        }
    }
}
