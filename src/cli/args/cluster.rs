//! `deploy apply`, `status`, `logs` and `delete`: what speaks to a cluster.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Api;
use super::PinArgs;

/// Which cluster, and where in it.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// File that tells of clusters [default: as kubectl finds it]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context in it [default: the current one]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Namespace [default: that of `[deploy]`, else of the context]
    #[arg(long, short, value_name = "NAME")]
    pub namespace: Option<String>,
}

/// `deploy apply`.
#[derive(Debug, Args)]
pub struct DeployApply {
    /// A recipe with `[deploy]` (ends in .toml), or files with manifests
    #[arg(required = true, value_name = "RECIPE|FILE")]
    pub subjects: Vec<String>,
    /// Set a variable of the recipe; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Which image.
    #[command(flatten)]
    pub pin: PinArgs,
    /// Version of the API to write a recipe for
    #[arg(long, value_enum, default_value_t = Api::V1beta1)]
    pub api: Api,
    /// Where.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Let the cluster check and merge, and keep nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take over fields that others have set
    #[arg(long)]
    pub force_conflicts: bool,
    /// Do not wait until the deployment is ready
    #[arg(long)]
    pub no_wait: bool,
    /// Longest wait, such as 90s, 20m or 1h
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = time)]
    pub timeout: Duration,
}

/// `deploy status`.
#[derive(Debug, Args)]
pub struct DeployStatus {
    /// The deployment's name, or its recipe
    #[arg(value_name = "NAME|RECIPE")]
    pub deployment: String,
    /// Where.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `deploy logs`.
#[derive(Debug, Args)]
pub struct DeployLogs {
    /// The deployment's name, or its recipe
    #[arg(value_name = "NAME|RECIPE")]
    pub deployment: String,
    /// Only pods whose name contains TEXT, such as `prefill`
    #[arg(long, value_name = "TEXT")]
    pub pod: Option<String>,
    /// Only the last N lines of each pod
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    pub tail: Option<i64>,
    /// Go on with what is printed from now on
    #[arg(long, short)]
    pub follow: bool,
    /// Of the containers before these, which ended
    #[arg(long, conflicts_with = "follow")]
    pub previous: bool,
    /// Where.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `deploy delete`.
#[derive(Debug, Args)]
pub struct DeployDelete {
    /// The deployment's name, or its recipe
    #[arg(value_name = "NAME|RECIPE")]
    pub deployment: String,
    /// Where.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Longest wait for each object, such as 90s, 20m or 1h
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time)]
    pub timeout: Duration,
}

/// A number with `s`, `m` or `h`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number with s, m or h, such as `90s`".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let all = number.checked_mul(seconds).filter(|all| *all <= 7 * 24 * 3600);
    all.map(Duration::from_secs).ok_or_else(|| "wait for a week at most".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        for (text, want) in [
            ("90s", Some(90)),
            ("20m", Some(1200)),
            ("1h", Some(3600)),
            ("5", None),
            ("", None),
            ("m", None),
            ("-1s", None),
            ("999999h", None),
            ("5é", None),
        ] {
            assert_eq!(time(text).ok().map(|time| time.as_secs()), want, "{text}");
        }
    }
}
