//! `cache`.

use std::time::Duration;

use clap::Args;
use clap::Subcommand;

/// `cache`.
#[derive(Debug, Args)]
pub struct Cache {
    /// What to do with it; `show` when nothing is said.
    #[command(subcommand)]
    pub command: Option<CacheCommand>,
}

/// The commands below `cache`.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Say what lies in the cache, by kind, and when it was last used (the default)
    Show,
    /// Remove what was not used for the longest time, until the bounds hold
    Prune(CachePrune),
    /// Verify every file of the cache, and remove what is damaged or left over
    Repair(CacheRepair),
}

/// `cache prune`.
#[derive(Debug, Args)]
#[command(
    after_help = "Builds that run are waited for. What goes is fetched or made again when a build needs it."
)]
pub struct CachePrune {
    /// Keep at most so many bytes (500M, 10G, 8GiB)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub size: Option<u64>,
    /// Keep only what was used within this time (12h, 30d, 8w)
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub age: Option<Duration>,
    /// Say what would go, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for others.
    #[command(flatten)]
    pub patience: Patience,
}

/// `cache repair`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 0: all was sound, or is now that what was not is gone.")]
pub struct CacheRepair {
    /// How long to wait for others.
    #[command(flatten)]
    pub patience: Patience,
}

/// How long to wait for others.
#[derive(Debug, Args)]
pub struct Patience {
    /// Wait at most so long for other commands that use the cache (30s, 10m)
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = age)]
    pub wait: Duration,
}

/// A number and its unit.
fn number(text: &str) -> Option<(f64, &str)> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some((number, unit))
}

/// So many bytes.
fn size(text: &str) -> Result<u64, String> {
    let bad = || "write a number of bytes, or one with `k`, `M`, `G` or `T`, such as 10G".to_owned();
    let (number, unit) = number(text).ok_or_else(bad)?;
    let (base, unit) = match unit.strip_suffix("iB") {
        Some(unit) => (1024.0_f64, unit),
        None => (1000.0_f64, unit.strip_suffix('B').unwrap_or(unit)),
    };
    let power = ["", "K", "M", "G", "T"].iter().position(|known| known.eq_ignore_ascii_case(unit));
    let bytes = number * base.powi(i32::try_from(power.ok_or_else(bad)?).map_err(|_| bad())?);
    // As precise as anybody can mean it: a float holds whole numbers up to 9 PB.
    if bytes < 9e15 { Ok(bytes as u64) } else { Err(bad()) }
}

/// A time with its unit.
fn age(text: &str) -> Result<Duration, String> {
    let bad = || "write a number with `s`, `m`, `h`, `d` or `w`, such as 30d".to_owned();
    let (number, unit) = number(text).ok_or_else(bad)?;
    let scale = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return Err(bad()),
    };
    Duration::try_from_secs_f64(number * scale).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, want) in [
            ("0", Some(0)),
            ("1500", Some(1500)),
            ("10G", Some(10_000_000_000)),
            ("1.5k", Some(1500)),
            ("2MB", Some(2_000_000)),
            ("8GiB", Some(8 << 30)),
            ("7B", Some(7)),
            ("", None),
            ("G", None),
            ("-1G", None),
            ("1e300T", None),
            ("10X", None),
            ("10 G", None),
        ] {
            assert_eq!(size(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn ages_have_units() {
        let day = 24 * 3600;
        for (text, want) in [
            ("30d", Some(30 * day)),
            ("2w", Some(14 * day)),
            ("90m", Some(5400)),
            ("0s", Some(0)),
            ("30", None),
            ("-1d", None),
            ("1y", None),
        ] {
            assert_eq!(age(text).ok().map(|age| age.as_secs()), want, "{text}");
        }
    }
}
