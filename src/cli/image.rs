//! `ls`, `cat`, `extract`: looking into an image without pulling or unpacking it.

use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;

use crate::build::Subject;
use crate::build::caught::Caught;
use crate::build::origin::Origin;
use crate::build::origin::Tree;
use crate::cli::args::Cat;
use crate::cli::args::Extract;
use crate::cli::args::Format;
use crate::cli::args::Ls;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::mend::mended;
use crate::cli::session::Session;
use crate::edit::place::place_of;
use crate::hint::Hint;
use crate::oci::ImagePath;
use crate::oci::Platform;
use crate::oci::Reference;
use crate::report::listing;
use crate::rootfs::LookupError;
use crate::rootfs::TreeNode;
use crate::store::scratch::Scratch;

fn bad_argument<E: std::error::Error + Hint>(error: &E) -> Failure {
    Failure::Usage { message: error.to_string(), hint: error.hint() }
}

/// Parses an image reference of the command line.
///
/// # Errors
/// When it is none.
pub(super) fn parse_image(text: &str) -> Result<Reference, Failure> {
    // A name is an image's unless something says otherwise; but who has it lying here means that, as a rule.
    if !text.contains(':') && Path::new(text).exists() {
        let message = format!("`{text}` lies here, and images are named without a transport");
        let hint = format!(
            "write `dir:{text}` for an unpacked tree, `oci:{text}` for a layout, or `docker://{text}` for an image"
        );
        return Err(Failure::usage(message, hint));
    }
    text.parse().map_err(|error: crate::oci::reference::ReferenceError| bad_argument(&error))
}

/// Parses a platform of the command line.
///
/// # Errors
/// When it is none.
pub(super) fn parse_platform(text: &str) -> Result<Platform, Failure> {
    text.parse().map_err(|error: crate::oci::platform::PlatformError| bad_argument(&error))
}

/// Parses a path inside an image of the command line.
///
/// # Errors
/// When it is none.
pub(super) fn parse_path(text: &str) -> Result<ImagePath, Failure> {
    ImagePath::absolute(text).map_err(|error| bad_argument(&error))
}

fn open(image: &str, platform: &str, session: &Session) -> Result<Subject, Failure> {
    let platform = parse_platform(platform)?;
    let reference = parse_image(image)?;
    Ok(Subject::resolve(&session.world(), &reference, &platform)?)
}

/// As [`open`], but an image: files of an unpacked tree are at hand already.
pub(super) fn open_image(image: &str, platform: &str, session: &Session) -> Result<Box<Origin>, Failure> {
    match open(image, platform, session)? {
        Subject::Image(origin) => Ok(origin),
        Subject::Directory(_, name) | Subject::Files(_, name) => {
            Err(Failure::usage(format!("`{name}` is unpacked already"), "use cat(1), cp(1) or diff(1)"))
        }
    }
}

/// Lists a directory or a file.
///
/// # Errors
/// When the image cannot be had or has no such path.
pub fn ls(args: &Ls, session: &Session) -> Result<Outcome, Failure> {
    let wanted = parse_path(&args.path)?;
    let mut subject = open(&args.image.image, &args.image.platform, session)?.borrowing();
    if let Subject::Image(origin) = &mut subject {
        origin.tables = true;
    }
    let tree = subject.rootfs(&session.world())?;
    let found = tree.resolve(&wanted).map_err(|error| not_there(subject.name(), &wanted, &error))?;
    let entries: Vec<(&ImagePath, &TreeNode)> = if !found.node.is_directory() {
        vec![(&found.path, found.node)]
    } else if args.recursive {
        tree.under(&found.path).collect()
    } else {
        tree.children(&found.path).collect()
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    if session.format == Format::Json {
        listing::write_json(&mut out, &entries)?;
    } else {
        listing::write(&mut out, &entries)?;
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

pub(super) fn not_there(image: &str, path: &ImagePath, error: &LookupError) -> Failure {
    let directory = match error {
        LookupError::NotFound { missing, .. } => missing.parent(),
        _ => path.parent(),
    };
    let directory = directory.unwrap_or_default();
    let why = match error {
        LookupError::NotFound { missing, .. } if missing == path => String::new(),
        LookupError::NotFound { missing, .. } => format!(": there is no `{missing}`"),
        other => format!(": {other}"),
    };
    Failure::usage(
        format!("`{image}` has no `{path}`{why}"),
        format!("see what is there: `imgforge ls {image} {directory}`"),
    )
}

/// Finds files from the top layer down, reading no layer below the one that decides.
pub(super) fn find(origin: &Origin, paths: &[ImagePath], session: &Session) -> Result<Tree, Failure> {
    let known = |tree: &crate::rootfs::Rootfs| {
        Ok(paths.iter().all(|path| !matches!(tree.resolve(path), Err(LookupError::Unknown { .. }))))
    };
    let caught = Caught::paths(paths.to_vec());
    Ok(origin.search(&session.world(), &caught, &mut |tree| known(tree))?)
}

/// Opens a file of the image. What is given out is verified: by its own digest, by that of its part of the layer or of
/// the whole, and the cache's copy by its name.
pub(super) fn content(
    origin: &Origin,
    tree: &Tree,
    path: &ImagePath,
    session: &Session,
) -> Result<fs::File, Failure> {
    let found = tree.rootfs.resolve(path).map_err(|error| not_there(&origin.written, path, &error))?;
    let Some(place) = place_of(found.node) else {
        let message = format!("`{}` of `{}` is not a regular file", found.path, origin.written);
        return Err(Failure::usage(message, format!("list it: `imgforge ls {} {path}`", origin.written)));
    };
    let world = session.world();
    mended(&mut || {
        let digest = crate::build::contents::copy_one(origin, tree, place, &world)?;
        Ok(world.store.verified(&digest)?)
    })
}

/// Prints a file.
///
/// # Errors
/// When the image cannot be had or has no such file.
pub fn cat(args: &Cat, session: &Session) -> Result<Outcome, Failure> {
    let path = parse_path(&args.path)?;
    let origin = open_image(&args.image.image, &args.image.platform, session)?;
    let tree = find(&origin, std::slice::from_ref(&path), session)?;
    let mut file = content(&origin, &tree, &path, session)?;
    io::copy(&mut file, &mut io::stdout().lock())?;
    Ok(Outcome::Clean)
}

/// Copies files out.
///
/// # Errors
/// When one is not there, or would replace a file without `--force`.
pub fn extract(args: &Extract, session: &Session) -> Result<Outcome, Failure> {
    let paths = args.paths.iter().map(|text| parse_path(text));
    let paths = paths.collect::<Result<Vec<_>, _>>()?;
    let origin = open_image(&args.image.image, &args.image.platform, session)?;
    let tree = find(&origin, &paths, session)?;
    for path in &paths {
        let mut file = content(&origin, &tree, path, session)?;
        let target = args.directory.join(String::from_utf8_lossy(path.name()).as_ref());
        write_out(&mut file, &target, args.force)?;
        writeln!(io::stdout().lock(), "{}", target.display())?;
    }
    Ok(Outcome::Clean)
}

fn write_out(source: &mut dyn Read, target: &Path, force: bool) -> Result<(), Failure> {
    let failed = |action, source| Failure::File { action, path: target.display().to_string(), source };
    if !force && target.symlink_metadata().is_ok() {
        let message = format!("`{}` is there already", target.display());
        return Err(Failure::usage(message, "add --force to replace it"));
    }
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(|error| failed("make the directory of", error))?;
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let scratch = Scratch::new(target.with_file_name(format!(".{name}.{}", std::process::id())));
    let mut out = fs::File::create(scratch.path()).map_err(|error| failed("write", error))?;
    io::copy(source, &mut out).map_err(|error| failed("write", error))?;
    fs::rename(scratch.path(), target).map_err(|error| failed("write", error))?;
    scratch.keep();
    Ok(())
}
