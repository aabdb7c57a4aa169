//! Which interpreter a file of a Python installation is loaded into.

use super::Loader;
use super::ObjectError;
use super::place;
use crate::oci::ImagePath;

/// The interpreter that loads a file, and the directory that packages are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// The interpreter's file, all links followed; `None`: it is not in the image.
    pub executable: Option<ImagePath>,
    /// `site-packages` or `dist-packages`.
    pub site: ImagePath,
    /// `3.N`, from the directory's name, else from the interpreter's.
    pub minor: Option<u32>,
}

impl Python {
    /// The interpreter for a file below `site-packages`, `dist-packages` or `lib-dynload`; `None` for others.
    pub(super) fn of(loader: &Loader<'_>, subject: &ImagePath) -> Result<Option<Self>, ObjectError> {
        let ours =
            |path: &ImagePath| matches!(path.name(), b"site-packages" | b"dist-packages" | b"lib-dynload");
        let Some(site) = subject.ancestors().into_iter().rfind(ours) else {
            return Ok(None);
        };
        // <prefix>/lib/python3.12/site-packages; Debian's shared place is <prefix>/lib/python3/dist-packages.
        let named = site.parent().unwrap_or_default();
        let prefix = named.parent().and_then(|lib| lib.parent()).unwrap_or_default();
        let name = String::from_utf8_lossy(named.name()).into_owned();
        let name = if name.starts_with("python3") { name } else { "python3".to_owned() };
        let mut places = vec![format!("{}/bin", place::text(&prefix).trim_end_matches('/'))];
        places.extend(home(loader, &prefix)?);
        places.extend(["/usr/local/bin".to_owned(), "/usr/bin".to_owned()]);
        let path = loader.view.env.get("PATH").into_iter().flat_map(|path| path.split(':'));
        places.extend(path.map(str::to_owned));
        let executable = interpreter(loader, &places, &name);
        let from_file = executable.as_ref().and_then(|path| minor(&String::from_utf8_lossy(path.name())));
        Ok(Some(Self { minor: minor(&name).or(from_file), executable, site }))
    }
}

/// The directory of the interpreter that a virtual environment was made of.
fn home(loader: &Loader<'_>, prefix: &ImagePath) -> Result<Option<String>, ObjectError> {
    let tree = loader.view.tree;
    let file = format!("{}/pyvenv.cfg", place::text(prefix));
    let Some((path, node)) = place::file(tree, &file) else {
        return Ok(None);
    };
    let bytes = loader.view.objects.bytes(&path, node)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "home").then(|| value.trim().to_owned())
    });
    Ok(value)
}

fn interpreter(loader: &Loader<'_>, places: &[String], name: &str) -> Option<ImagePath> {
    let found = |name: &str| {
        let mut files =
            places.iter().filter_map(|place| place::file(loader.view.tree, &format!("{place}/{name}")));
        files.find(|(path, _)| loader.catalogue.is_program(path)).map(|(path, _)| path)
    };
    // A name with a version is looked for everywhere before one without is taken.
    found(name).or_else(|| found("python3"))
}

/// `N` of `python3.N`.
fn minor(name: &str) -> Option<u32> {
    let digits: String = name.strip_prefix("python3.")?.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
