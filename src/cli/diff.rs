//! `diff`.

use std::io;
use std::io::Write;

use globset::GlobBuilder;
use globset::GlobMatcher;

use crate::build::diff;
use crate::build::origin::Origin;
use crate::cli::args::Diff;
use crate::cli::args::Format;
use crate::cli::exit::Failure;
use crate::cli::exit::Outcome;
use crate::cli::image::open_image;
use crate::cli::session::Session;
use crate::oci::ImagePath;
use crate::report::diff::Compared;
use crate::report::diff::human;
use crate::report::diff::json;

/// Says what differs between two images' trees.
///
/// # Errors
/// When an image cannot be had, or a pattern is none.
pub fn diff(args: &Diff, session: &Session) -> Result<Outcome, Failure> {
    let patterns = args.path.iter().map(|text| glob(text)).collect::<Result<Vec<_>, _>>()?;
    let open = |text: &String| open_image(text, &args.platform, session);
    let (mut before, mut after) = (open(&args.before)?, open(&args.after)?);
    (before.borrows, after.borrows) = (true, true);
    let wanted = |path: &ImagePath| patterns.is_empty() || is_within(path, &patterns);
    let differences = diff::diff(&before, &after, &wanted, &session.world())?;
    let name = |origin: &Origin| (origin.written.clone(), origin.image.manifest.digest().to_string());
    let compared = Compared { before: name(&before), after: name(&after), differences };
    let mut out = io::BufWriter::new(io::stdout().lock());
    match session.format {
        Format::Json => json::write(&mut out, &compared)?,
        _ => human::write(&mut out, &compared)?,
    }
    out.flush()?;
    if session.format == Format::Human && !session.quiet {
        // A standard error that takes nothing changes nothing of what was found.
        drop(writeln!(io::stderr().lock(), "{}", human::last_line(&compared)));
    }
    let differ = args.exit_code && !compared.differences.is_empty();
    Ok(if differ { Outcome::Findings } else { Outcome::Clean })
}

fn glob(text: &str) -> Result<GlobMatcher, Failure> {
    if !text.starts_with('/') {
        return Err(Failure::usage(format!("--path `{text}` is not absolute"), format!("write `/{text}`")));
    }
    // A directory is meant with all that is in it, however it is written.
    let trimmed = if text.len() > 1 { text.trim_end_matches('/') } else { text };
    let built = GlobBuilder::new(trimmed).literal_separator(true).build();
    let built = built.map_err(|error| {
        let hint = "`*` stands for anything but `/`, `**` for anything";
        Failure::usage(format!("--path `{text}`: {error}"), hint)
    })?;
    Ok(built.compile_matcher())
}

/// Whether a pattern names the path or a directory above it.
fn is_within(path: &ImagePath, patterns: &[GlobMatcher]) -> bool {
    let matches = |path: &ImagePath| {
        let name = [b"/", path.as_bytes()].concat();
        patterns
            .iter()
            .any(|pattern| pattern.is_match(std::path::Path::new(&*String::from_utf8_lossy(&name))))
    };
    matches(path) || path.ancestors().iter().any(matches)
}
