//! `deploy`.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;

use super::DEFAULT_PLATFORM;
use super::DeployApply;
use super::DeployDelete;
use super::DeployLogs;
use super::DeployStatus;
use super::GateArgs;

/// `deploy`.
#[derive(Debug, Args)]
pub struct Deploy {
    /// What to do.
    #[command(subcommand)]
    pub command: DeployCommand,
}

impl Deploy {
    /// Whether it prints findings.
    #[must_use]
    pub const fn finds(&self) -> bool {
        matches!(self.command, DeployCommand::Check(_))
    }
}

/// The commands about deployments.
#[derive(Debug, Subcommand)]
pub enum DeployCommand {
    /// Print the manifests that a recipe's `[deploy]` asks for
    Render(DeployRender),
    /// Hold manifests against their schema, each other and the image; asks a cluster only with `--live`
    Check(DeployCheck),
    /// Apply the manifests of a recipe, or of files, and wait until the deployment is ready
    Apply(DeployApply),
    /// Show how a deployment, its components and its pods are doing
    Status(DeployStatus),
    /// Print what the containers of a deployment print
    Logs(DeployLogs),
    /// Take a deployment away and wait until it is gone
    Delete(DeployDelete),
}

/// What says which image is run; the lock file beside the recipe when nothing else does.
#[derive(Debug, Args)]
pub struct PinArgs {
    /// Digest of the image's manifest
    #[arg(long, value_name = "SHA256", group = "pin")]
    pub digest: Option<String>,
    /// What `build --metadata-file` wrote: the image that was built then
    #[arg(long, value_name = "FILE", group = "pin")]
    pub receipt: Option<PathBuf>,
    /// Run whatever has this tag, instead of one image that cannot change
    #[arg(long, value_name = "TAG", group = "pin")]
    pub tag: Option<String>,
}

/// Versions of the operator's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Api {
    /// For operators that know it: the one that is stored.
    V1beta1,
    /// For older operators; deprecated.
    V1alpha1,
}

/// `deploy render`.
#[derive(Debug, Args)]
pub struct DeployRender {
    /// A recipe with `[deploy]`
    #[arg(value_name = "RECIPE")]
    pub recipe: PathBuf,
    /// Set a variable of the recipe; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Which image.
    #[command(flatten)]
    pub pin: PinArgs,
    /// Version of the API to write for
    #[arg(long, value_enum, default_value_t = Api::V1beta1)]
    pub api: Api,
    /// Write to FILE, or a file for each object into the directory DIR [default: standard output]; YAML, or JSON
    /// with `--format json`
    #[arg(long, short, value_name = "FILE|DIR")]
    pub output: Option<PathBuf>,
}

/// `deploy check`.
#[derive(Debug, Args)]
pub struct DeployCheck {
    /// Files with manifests, checked together; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// The image that they run: its environment, and what in it reads variables
    #[arg(long, value_name = "IMAGE", conflicts_with = "recipe")]
    pub image: Option<String>,
    /// The recipe of the image: what its `[config]` sets
    #[arg(long, value_name = "RECIPE")]
    pub recipe: Option<PathBuf>,
    /// Platform of the image
    #[arg(long, default_value = DEFAULT_PLATFORM)]
    pub platform: String,
    /// A CustomResourceDefinition in place of the built-in one, as `kubectl get crd NAME -o yaml` prints it; may be repeated
    #[arg(long, value_name = "FILE")]
    pub crd: Vec<PathBuf>,
    /// Ask the cluster for its own definitions
    #[arg(long)]
    pub live: bool,
    /// File that tells of clusters, to ask one of them [default: as kubectl finds it]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context in it, to ask that cluster [default: the current one]
    #[arg(long, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// The gate.
    #[command(flatten)]
    pub gate: GateArgs,
}
