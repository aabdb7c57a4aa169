//! The command line, as clap sees it. Nothing here does anything.

mod abi;
mod cache;
mod closure;
mod cluster;
mod deploy;
mod diff;
mod endpoint;
mod image;
mod index;

use std::path::PathBuf;

pub use abi::Abi;
pub use abi::AbiCommand;
pub use abi::AbiDiff;
pub use cache::Cache;
pub use cache::CacheCommand;
pub use cache::CachePrune;
pub use cache::CacheRepair;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use clap_complete::Shell;
pub use closure::AbiClosure;
pub use cluster::ClusterArgs;
pub use cluster::DeployApply;
pub use cluster::DeployDelete;
pub use cluster::DeployLogs;
pub use cluster::DeployStatus;
pub use deploy::Api;
pub use deploy::Deploy;
pub use deploy::DeployCheck;
pub use deploy::DeployCommand;
pub use deploy::DeployRender;
pub use deploy::PinArgs;
pub use diff::Diff;
pub use endpoint::Bench;
pub use endpoint::BenchCommand;
pub use endpoint::BenchCompare;
pub use endpoint::BenchRun;
pub use endpoint::Objective;
pub use endpoint::Reach;
pub use endpoint::Route;
pub use endpoint::Smoke;
pub use image::Cat;
pub use image::Extract;
pub use image::ImageArgs;
pub use image::Ls;
pub use index::Index;
pub use index::IndexBuild;
pub use index::IndexCommand;
pub use index::IndexShare;

use crate::cli::judge::Judge;

/// The platform of images when none is named.
pub const DEFAULT_PLATFORM: &str = "linux/amd64";

/// Layer surgery for container images.
#[derive(Debug, Parser)]
#[command(name = "imgforge", version, about, long_about = None, propagate_version = true)]
#[command(after_help = "Exit codes: 0 clean, 1 findings at or over the gate, 2 recipe or command line, \
3 network, daemon or disk, 101 a bug in imgforge.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Where blobs and indexes are kept [env: IMGFORGE_CACHE_DIR] [default: $XDG_CACHE_HOME/imgforge]
    #[arg(long, global = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Read HOST[/PATH] from REF instead, in any transport; may be repeated
    #[arg(long, global = true, value_name = "HOST[/PATH]=REF")]
    pub mirror: Vec<String>,
    /// Credentials file, as Docker or Podman writes it [env: REGISTRY_AUTH_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub authfile: Option<PathBuf>,
    /// A PEM file with a certificate authority to trust besides the system's; may be repeated
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_cert: Vec<PathBuf>,
    /// A registry host that may be spoken to without TLS, or a server whose certificate is not looked at; may be repeated
    /// (loopback always may)
    #[arg(long, global = true, value_name = "HOST")]
    pub insecure: Vec<String>,
    /// A repository with indexes of layers (`index push`): layers that were not read yet are looked up there first
    #[arg(long, global = true, env = "IMGFORGE_INDEX_FROM", value_name = "REF")]
    pub index_from: Option<String>,
    /// Docker engine to use [default: unix:///var/run/docker.sock]
    #[arg(long, global = true, env = "DOCKER_HOST", value_name = "URL")]
    pub docker_host: Option<String>,
    /// How the result is printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Whether to use colour
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    pub color: When,
    /// How progress is shown
    #[arg(long, global = true, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
    /// Say less: only results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON document on standard output.
    Json,
    /// SARIF 2.1.0, for code hosts (findings only).
    Sarif,
    /// JUnit XML, for CI servers (findings only).
    Junit,
    /// Markdown for a pull request comment (findings only).
    Markdown,
    /// Markdown for bug reports to those who made the files (findings only).
    Issue,
    /// One page that holds everything (findings only).
    Html,
}

/// A choice that the terminal can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// As the terminal and NO_COLOR, CLICOLOR_FORCE say.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// Bars on a terminal, lines elsewhere.
    Auto,
    /// Bars.
    Bars,
    /// A line when something begins and ends.
    Plain,
    /// Nothing.
    None,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build images from recipes
    Build(Build),
    /// Show every decision of a build and what it would move; moves no layer
    Plan(Plan),
    /// Resolve a recipe and pin every input and result in RECIPE's lock file
    Lock(RecipeArgs),
    /// Check without building: a recipe's result, or an image or unpacked tree as it is
    Audit(Audit),
    /// Render, check and apply the manifests that run an image on a cluster
    Deploy(Deploy),
    /// Compare builds of C and C++ libraries
    Abi(Abi),
    /// List files of an image
    Ls(Ls),
    /// Print a file of an image
    Cat(Cat),
    /// Copy files out of an image
    Extract(Extract),
    /// Say what differs between the trees of two images
    Diff(Diff),
    /// Make indexes of layers ahead, and share them
    Index(Index),
    /// Show, prune or repair the cache
    Cache(Cache),
    /// Ask a served model by every route: does it answer
    Smoke(Smoke),
    /// Measure how fast a served model answers under a load
    Bench(Box<Bench>),
    /// Explain a check
    Explain(Explain),
    /// Print the JSON Schema of recipes, or of a document that imgforge writes
    Schema {
        /// The document.
        #[arg(long, value_enum, default_value_t = SchemaOf::Recipe)]
        of: SchemaOf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write all pages into DIR
    Man {
        /// Directory to write the pages of all commands into.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// Documents that have a JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Recipes.
    Recipe,
    /// What `audit --format json` prints.
    Report,
    /// What `audit --bases … --format json` prints.
    Matrix,
    /// What `smoke --format json` prints.
    Smoke,
    /// What `bench --format json` prints.
    Bench,
    /// What `cache show --format json` prints.
    Cache,
    /// What `cache prune --format json` prints.
    CachePrune,
    /// What `cache repair --format json` prints.
    CacheRepair,
    /// What `diff --format json` prints.
    Diff,
}

/// A recipe and what its variables are.
#[derive(Debug, Args)]
pub struct RecipeArgs {
    /// Recipe files
    #[arg(required = true, value_name = "RECIPE")]
    pub recipes: Vec<PathBuf>,
    /// Set a variable of the recipe; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,
}

/// `build`.
#[derive(Debug, Args)]
pub struct Build {
    /// The recipes.
    #[command(flatten)]
    pub recipe: RecipeArgs,
    /// Where the result goes: docker://, oci:, oci-archive:, docker-archive:, docker-daemon:; may be repeated;
    /// `{name}` stands for the recipe's name [default: oci:NAME.oci]
    #[arg(long, short, value_name = "REF")]
    pub output: Vec<String>,
    /// Name of the image, for --push and --load; may be repeated
    #[arg(long, short, value_name = "NAME")]
    pub tag: Vec<String>,
    /// Push to the registry that --tag names
    #[arg(long, requires = "tag")]
    pub push: bool,
    /// Load into the Docker engine, under --tag or the recipe's name
    #[arg(long)]
    pub load: bool,
    /// Refuse to build if anything differs from the lock file
    #[arg(long)]
    pub locked: bool,
    /// The gate.
    #[command(flatten)]
    pub gate: GateArgs,
    /// Write the digest of the result to FILE, a line a recipe
    #[arg(long, value_name = "FILE")]
    pub digest_file: Option<PathBuf>,
    /// Write what was built, from what, and where it went to FILE, as JSON
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<PathBuf>,
}

/// How strict the gate is.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// Refuse when the build introduces a finding of at least this level
    #[arg(long, value_enum, default_value_t = GateLevel::Error)]
    pub gate: GateLevel,
    /// Write the findings to FILE besides; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_file)]
    pub report: Vec<(Format, PathBuf)>,
    /// What findings are held against.
    #[command(flatten)]
    pub judge: Judge,
}

/// `FORMAT=FILE`.
fn report_file(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text.split_once('=').ok_or("write FORMAT=FILE, such as json=report.json")?;
    if file.is_empty() {
        return Err("name a file after the `=`".to_owned());
    }
    let format = Format::from_str(format, false).map_err(|_| {
        let names = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = names.map(|value| format!("`{}`", value.get_name())).collect();
        format!("the formats are {}", names.join(", "))
    })?;
    Ok((format, PathBuf::from(file)))
}

/// Levels of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GateLevel {
    /// Let everything pass.
    Off,
    /// Refuse errors.
    Error,
    /// Refuse warnings too.
    Warning,
    /// Refuse anything.
    Note,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The recipes.
    #[command(flatten)]
    pub recipe: RecipeArgs,
    /// Where the result would go; may be repeated
    #[arg(long, short, value_name = "REF")]
    pub output: Vec<String>,
}

/// `audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// A recipe file (ends in .toml), an image in any transport, IMAGE//PATH for one file of it with all it needs,
    /// dir:PATH for an unpacked tree, or ELF files of this machine (alone, or together as one tree)
    #[arg(required = true, value_name = "SUBJECT")]
    pub subjects: Vec<String>,
    /// What the subject came of: an image, tree or file; only what it does not have counts
    #[arg(long, value_name = "SUBJECT", conflicts_with = "bases")]
    pub against: Option<String>,
    /// Try the recipe on each of these images instead of its base, and print the matrix of files and bases
    #[arg(long, value_name = "IMAGE", num_args = 1..)]
    pub bases: Vec<String>,
    /// Set a variable of the recipe; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Set a variable of the environment that the image or tree runs in; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Platform of the image
    #[arg(long, default_value = DEFAULT_PLATFORM)]
    pub platform: String,
    /// The gate.
    #[command(flatten)]
    pub gate: GateArgs,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Id of a check; none lists all
    pub check: Option<String>,
}
