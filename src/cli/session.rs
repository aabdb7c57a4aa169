//! What a command may use: read from flags, environment and clock here, and nowhere else.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::build::World;
use crate::cli::args::Format;
use crate::cli::args::Global;
use crate::cli::args::When;
use crate::cli::exit::Failure;
use crate::cli::image::parse_image;
use crate::cli::progress;
use crate::oci::Reference;
use crate::progress::Progress;
use crate::report::human;
use crate::report::human::Style;
use crate::store::Store;
use crate::transport::credentials::CredentialPlaces;
use crate::transport::mirror::Mirror;
use crate::transport::places::Places;
use crate::transport::registry::RegistryOptions;

/// The tool's surroundings, as values.
pub struct Session {
    store: Store,
    places: Places,
    progress: Box<dyn Progress>,
    created: Option<String>,
    indexes: Option<Reference>,
    /// How results are printed.
    pub format: Format,
    /// How text is coloured.
    pub style: Style,
    /// Whether to say less.
    pub quiet: bool,
}

/// An environment variable; empty counts as not set.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// An environment variable that names a file or directory.
fn path(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

/// The credentials file that the user named, by flag or by environment.
fn authfile(global: &Global) -> Option<PathBuf> {
    global.authfile.clone().or_else(|| path("REGISTRY_AUTH_FILE"))
}

/// Whether to colour what goes to the given stream.
#[must_use]
pub fn color(when: When, terminal: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if variable("NO_COLOR").is_some() => false,
        When::Auto if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        When::Auto => terminal && variable("TERM").is_none_or(|term| term != "dumb"),
    }
}

impl Session {
    /// Reads flags, environment and clock.
    ///
    /// # Errors
    /// When a flag cannot be understood or the store cannot be opened.
    pub fn open(global: &Global) -> Result<Self, Failure> {
        let root = cache_root(global)?;
        let store = Store::open_telling(&root, &mut || {
            let text = format!("waiting: `imgforge cache` is at work on `{}`", root.display());
            // Who cannot be told waits all the same.
            drop(writeln!(std::io::stderr().lock(), "{text}"));
        })?;
        let mirrors = global.mirror.iter().map(|text| {
            let hint = "write HOST[/PATH]=REF, such as `nvcr.io=oci:mirror`";
            text.parse::<Mirror>()
                .map_err(|error| Failure::usage(format!("--mirror `{text}`: {error}"), hint))
        });
        if let Some(file) = authfile(global).filter(|file| !file.is_file()) {
            return Err(Failure::usage(
                format!("--authfile `{}` is not a file", file.display()),
                "name the file that `docker login` or `podman login` wrote",
            ));
        }
        let registry = RegistryOptions {
            credentials: credentials(global),
            ca_certificates: global.ca_cert.clone(),
            cert_dirs: cert_dirs(),
            insecure: global.insecure.clone(),
            ..RegistryOptions::default()
        };
        let places = Places::new(registry, mirrors.collect::<Result<_, _>>()?, global.docker_host.clone())?;
        Ok(Self {
            store,
            places,
            progress: progress::choose(global.progress, global.quiet),
            created: created()?,
            indexes: global.index_from.as_deref().map(parse_image).transpose()?,
            format: global.format,
            style: Style {
                color: color(global.color, std::io::stdout().is_terminal()),
                show_before: false,
                most: Some(human::MOST),
            },
            quiet: global.quiet,
        })
    }

    /// What the library may use of this machine.
    #[must_use]
    pub fn world(&self) -> World<'_> {
        World {
            store: &self.store,
            places: &self.places,
            progress: self.progress.as_ref(),
            created: self.created.clone(),
            indexes: self.indexes.clone(),
            threads: threads(),
        }
    }
}

/// The directory of the store.
///
/// # Errors
/// When nothing names one and there is no home directory.
pub fn cache_root(global: &Global) -> Result<PathBuf, Failure> {
    global.cache_dir.clone().or_else(|| path("IMGFORGE_CACHE_DIR")).map_or_else(default_cache, Ok)
}

fn default_cache() -> Result<PathBuf, Failure> {
    let base = etcetera::choose_base_strategy();
    let base =
        base.map_err(|_| Failure::usage("there is no home directory to keep a cache in", "set --cache-dir"))?;
    Ok(base.cache_dir().join("imgforge"))
}

/// Credential files in the order of containers-auth.json(5), with Docker's own where it keeps them.
fn credentials(global: &Global) -> CredentialPlaces {
    let home = variable("HOME").map(PathBuf::from);
    let under = |root: Option<PathBuf>, tail: &str| root.map(|root| root.join(tail));
    let config = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| under(home.clone(), ".config"));
    let files = [
        authfile(global),
        under(variable("DOCKER_CONFIG").map(PathBuf::from), "config.json"),
        under(variable("XDG_RUNTIME_DIR").map(PathBuf::from), "containers/auth.json"),
        under(config, "containers/auth.json"),
        under(home, ".docker/config.json"),
    ];
    CredentialPlaces { files: files.into_iter().flatten().collect(), ..CredentialPlaces::default() }
}

fn cert_dirs() -> Vec<PathBuf> {
    let own = variable("HOME").map(|home| PathBuf::from(home).join(".config/containers/certs.d"));
    let system = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    own.into_iter().chain(system).collect()
}

/// `SOURCE_DATE_EPOCH` as RFC 3339. Without it the result keeps the base's time: the clock is never asked.
fn created() -> Result<Option<String>, Failure> {
    let Some(text) = variable("SOURCE_DATE_EPOCH") else {
        return Ok(None);
    };
    let bad =
        || Failure::usage(format!("SOURCE_DATE_EPOCH `{text}` is no number of seconds"), "use `date +%s`");
    let seconds: i64 = text.parse().map_err(|_| bad())?;
    let time = jiff::Timestamp::from_second(seconds).map_err(|_| bad())?;
    Ok(Some(time.to_string()))
}

/// The `NAME=VALUE`s of the option `flag` as a map.
///
/// # Errors
/// When there is no `=` or no name, or a name comes twice.
pub fn variables(flag: &str, values: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for text in values {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            let message = format!("{flag} `{text}` is not NAME=VALUE");
            return Err(Failure::usage(message, format!("write {flag} NAME=VALUE")));
        };
        if all.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format!("{flag} sets `{name}` twice"), "keep one of them"));
        }
    }
    Ok(all)
}

/// How many layers are read at once. Each has threads of its own for receiving, decoding and looking, and memory for each
/// of those, so more than there are cores gain nothing.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, NonZero::get).clamp(2, 4)
}
