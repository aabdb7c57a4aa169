//! What a word of the command line means that names something to audit.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use crate::build::Subject;
use crate::build::World;
use crate::cli::exit::Failure;
use crate::cli::image::parse_image;
use crate::elf;
use crate::oci::ImagePath;
use crate::oci::Platform;

/// Something with a tree, and the one file of it that was asked for.
type Found = (Subject, Option<ImagePath>);

/// What the words name: one image or tree, one file of an image, or files of this machine.
///
/// # Errors
/// Words that do not go together, and what cannot be had.
pub(super) fn find(texts: &[String], platform: &Platform, world: &World<'_>) -> Result<Found, Failure> {
    if let [one] = texts
        && !is_file(one)
    {
        let (image, inside) = split(one);
        let inside = inside.map(ImagePath::absolute).transpose();
        let inside = inside.map_err(|error| Failure::usage(error.to_string(), "write IMAGE//PATH"))?;
        let subject = Subject::resolve(world, &parse_image(image)?, platform)?.borrowing();
        return Ok((subject, inside));
    }
    let mut files = BTreeMap::new();
    for text in texts {
        if !is_file(text) {
            let hint = "several subjects are files of this machine, seen as one tree; images go one by one";
            return Err(Failure::usage(format!("`{text}` is not a file"), hint));
        }
        if !is_elf(text)? {
            let hint =
                "a recipe ends in `.toml`, an archive has its transport before it, as in `oci-archive:`";
            return Err(Failure::usage(format!("`{text}` is not an ELF file"), hint));
        }
        let file = PathBuf::from(text);
        let path =
            name_of(&file).ok_or_else(|| Failure::usage(format!("`{text}` has no name"), "name a file"))?;
        if files.insert(path, file).is_some() {
            let hint = "compare two builds of a library: `--against OLD`";
            return Err(Failure::usage(format!("two files are called like `{text}`"), hint));
        }
    }
    Ok((Subject::Files(files, texts.join(" ")), None))
}

/// What `--against` names. A file takes the place of the subject's file with the same stem, else keeps its name.
///
/// # Errors
/// As [`find`].
pub(super) fn against(
    subject: &Subject,
    text: &str,
    platform: &Platform,
    world: &World<'_>,
) -> Result<Subject, Failure> {
    let (old, _) = find(&[text.to_owned()], platform, world)?;
    let (Subject::Files(files, _), Subject::Files(olds, name)) = (subject, old) else {
        return Ok(find(&[text.to_owned()], platform, world)?.0);
    };
    let stem = |path: &ImagePath| elf::stem(&String::from_utf8_lossy(path.name())).into_owned();
    let place = |path: ImagePath| {
        let same = files.keys().find(|new| stem(new) == stem(&path));
        same.cloned().unwrap_or(path)
    };
    let olds = olds.into_iter().map(|(path, file)| (place(path), file)).collect();
    Ok(Subject::Files(olds, name))
}

fn is_file(text: &str) -> bool {
    Path::new(text).is_file()
}

/// Whether the file says that it is ELF.
fn is_elf(text: &str) -> Result<bool, Failure> {
    let failed = |source| Failure::File { action: "read", path: text.to_owned(), source };
    let mut start = Vec::new();
    File::open(text).map_err(failed)?.take(4).read_to_end(&mut start).map_err(failed)?;
    Ok(start == b"\x7fELF")
}

/// `/NAME` of a file.
fn name_of(file: &Path) -> Option<ImagePath> {
    ImagePath::absolute(&format!("/{}", file.file_name()?.to_str()?)).ok()
}

/// `IMAGE//PATH` as image and `/PATH`; the slashes of `docker://` do not count.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    let start = text.find("://").map_or(0, |at| at + "://".len());
    match text[start..].find("//") {
        Some(at) => (&text[..start + at], Some(&text[start + at + 1..])),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_an_image_stands_behind_two_slashes() {
        for (text, want) in [
            ("debian:12", ("debian:12", None)),
            ("debian:12//usr/lib/x.so", ("debian:12", Some("/usr/lib/x.so"))),
            ("docker://r.io/a//x", ("docker://r.io/a", Some("/x"))),
            ("docker://r.io/a", ("docker://r.io/a", None)),
            ("oci:d/e:t//x", ("oci:d/e:t", Some("/x"))),
            ("dir:/srv//x", ("dir:/srv", Some("/x"))),
        ] {
            assert_eq!(split(text), want, "{text}");
        }
    }
}
