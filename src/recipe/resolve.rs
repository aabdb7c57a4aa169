//! From what was written to what is meant: names, paths and numbers, and whether the parts fit together.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Component;
use std::path::PathBuf;

use toml::Spanned;

use crate::finding::RecipeSpot;
use crate::oci::Digest;
use crate::oci::ImagePath;
use crate::oci::Platform;
use crate::oci::Reference;
use crate::recipe::ImageSource;
use crate::recipe::Recipe;
use crate::recipe::deploy::read;
use crate::recipe::error;
use crate::recipe::error::Problem;
use crate::recipe::fault::Fault;
use crate::recipe::overlap;
use crate::recipe::raw::RawImage;
use crate::recipe::raw::RawRecipe;
use crate::recipe::settings;
use crate::recipe::steps;

/// What the text itself does not say.
pub(super) struct Context<'a> {
    pub(super) file: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) text: &'a str,
    pub(super) digest: Digest,
    pub(super) vars: BTreeMap<String, String>,
    pub(super) step_spans: Vec<Range<usize>>,
}

/// Reads one value after the other and keeps what is wrong with each.
pub(super) struct Reader<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) problems: Vec<Problem>,
}

/// Makes the recipe, or says everything that is wrong in it.
pub(super) fn resolve(raw: RawRecipe, context: Context<'_>) -> Result<Recipe, Vec<Problem>> {
    let mut reader = Reader { context: &context, problems: Vec::new() };
    reader.filled(&raw.name, "the name");
    let base = reader.image(&raw.base, &Platform::linux_amd64());
    let platform = base.as_ref().map_or_else(Platform::linux_amd64, |base| base.platform.clone());
    let mut sources = BTreeMap::new();
    for (name, image) in &raw.sources {
        sources.extend(reader.image(image, &platform).map(|image| (name.get_ref().clone(), image)));
    }
    steps::donors(&mut reader, &raw);
    let steps = steps::all(&mut reader, &raw.step);
    let config = settings::config(&mut reader, &raw.config);
    let audit = settings::audit(&mut reader, &raw.audit, &raw.config);
    let deploy = raw.deploy.as_ref().map(|deploy| read::deploy(&mut reader, deploy, &raw.name));
    reader.problems.extend(overlap::check(&raw.step));
    let problems = reader.problems;
    match base {
        Some(base) if problems.is_empty() => Ok(Recipe {
            file: context.file,
            name: raw.name.into_inner(),
            digest: context.digest,
            vars: context.vars,
            base,
            sources,
            steps,
            config,
            audit,
            deploy,
        }),
        _ => Err(problems),
    }
}

impl Reader<'_> {
    /// Keeps a problem.
    pub(super) fn fail(&mut self, fault: impl Into<Fault>, span: Range<usize>) {
        self.problems.push(Problem::at(fault, span));
    }

    /// The place of a span.
    pub(super) fn spot(&self, span: &Range<usize>) -> RecipeSpot {
        error::spot(&self.context.file.display().to_string(), self.context.text, span.start)
    }

    /// A value or a problem.
    pub(super) fn keep<T, E: Into<Fault>>(&mut self, result: Result<T, E>, span: Range<usize>) -> Option<T> {
        result.map_err(|fault| self.fail(fault, span)).ok()
    }

    /// A text that says something.
    pub(super) fn filled(&mut self, text: &Spanned<String>, what: &'static str) {
        if text.get_ref().trim().is_empty() {
            self.fail(Fault::Empty(what), text.span());
        }
    }

    /// An absolute path in an image.
    pub(super) fn directory(&mut self, text: &Spanned<String>) -> Option<ImagePath> {
        self.keep(ImagePath::absolute(text.get_ref()), text.span())
    }

    /// An absolute path in an image that is not its root.
    pub(super) fn path(&mut self, text: &Spanned<String>) -> Option<ImagePath> {
        let path = self.directory(text)?;
        if path.is_root() {
            self.fail(Fault::RootPath, text.span());
            return None;
        }
        Some(path)
    }

    /// A file of this machine that is there.
    pub(super) fn host_file(&mut self, text: &Spanned<String>) -> Option<PathBuf> {
        let path = self.context.directory.join(text.get_ref());
        if path.is_file() {
            return Some(tidy(path));
        }
        self.fail(Fault::MissingFile(path), text.span());
        None
    }

    /// A glob, as written.
    pub(super) fn glob(&mut self, text: &Spanned<String>) -> Option<String> {
        let pattern = text.get_ref();
        if pattern.is_empty() {
            self.fail(Fault::Empty("the pattern"), text.span());
            return None;
        }
        if let Err(error) = globset::Glob::new(pattern) {
            let fault = Fault::Glob { pattern: pattern.clone(), reason: error.kind().to_string() };
            self.fail(fault, text.span());
            return None;
        }
        Some(pattern.clone())
    }

    /// `"0755"`.
    pub(super) fn mode(&mut self, text: Option<&Spanned<String>>) -> Option<u32> {
        let text = text?;
        let digits = text.get_ref();
        let octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
        match u32::from_str_radix(digits, 8) {
            Ok(mode) if octal => Some(mode),
            _ => {
                self.fail(Fault::Mode(digits.clone()), text.span());
                None
            }
        }
    }

    /// `"uid:gid"`.
    pub(super) fn owner(&mut self, text: Option<&Spanned<String>>) -> Option<(u64, u64)> {
        let text = text?;
        let number = |digits: &str| match digits.bytes().all(|b| b.is_ascii_digit()) {
            true => digits.parse::<u32>().ok().map(u64::from),
            false => None,
        };
        let pair = text.get_ref().split_once(':');
        let pair = pair.and_then(|(uid, gid)| Some((number(uid)?, number(gid)?)));
        if pair.is_none() {
            self.fail(Fault::Owner(text.get_ref().clone()), text.span());
        }
        pair
    }

    fn image(&mut self, raw: &RawImage, default: &Platform) -> Option<ImageSource> {
        let reference = self.keep(raw.image.get_ref().parse(), raw.image.span());
        let platform = match &raw.platform {
            None => Some(default.clone()),
            Some(text) => self.keep(text.get_ref().parse(), text.span()),
        };
        Some(ImageSource {
            reference: self.on_this_machine(reference?),
            written: raw.image.get_ref().clone(),
            platform: platform?,
            spot: self.spot(&raw.image.span()),
        })
    }

    /// Joins the paths of layouts, archives and trees to the recipe's directory.
    fn on_this_machine(&self, reference: Reference) -> Reference {
        let join = |path: PathBuf| self.context.directory.join(path);
        match reference {
            Reference::Layout(path, tag) => Reference::Layout(join(path), tag),
            Reference::OciArchive(path, tag) => Reference::OciArchive(join(path), tag),
            Reference::DockerArchive(path, tag) => Reference::DockerArchive(join(path), tag),
            Reference::Directory(path) => Reference::Directory(join(path)),
            other @ (Reference::Registry(_) | Reference::Daemon(_)) => other,
        }
    }
}

/// The path without `name/..`, when that is the same file: a link in it can make a difference.
fn tidy(path: PathBuf) -> PathBuf {
    let mut short = PathBuf::new();
    for component in path.components() {
        match (component, short.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => drop(short.pop()),
            _ => short.push(component),
        }
    }
    match (short.canonicalize(), path.canonicalize()) {
        (Ok(one), Ok(other)) if one == other => short,
        _ => path,
    }
}
