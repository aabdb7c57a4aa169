//! Findings for machines: `imgforge.report/1`. Fields may be added; none changes its meaning within a version.
//!
//! The structs are this document and nothing else, so that a change inside the tool cannot change it.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::finding::Finding;
use crate::finding::Severity;
use crate::report::Report;
use crate::report::fingerprint;

/// The document's version.
pub const SCHEMA: &str = "imgforge.report/1";

/// What an audit or a build found.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// The version of this document: `imgforge.report/1`.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The program that wrote it.
    tool: Tool,
    /// The image, tree or recipe it is about, as the user named it.
    subject: &'a str,
    /// The images that were read, the one under test first.
    images: Vec<Image<'a>>,
    /// What was found, worst first.
    findings: Vec<Item<'a>>,
    /// How many findings there are of each kind.
    counts: BTreeMap<&'static str, usize>,
    /// The ELF files that findings are about, by path.
    files: BTreeMap<&'a str, File<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Which image, exactly.
#[derive(Serialize, JsonSchema)]
struct Image<'a> {
    /// `image`, `tree`, `base`, or `donor NAME`.
    role: &'a str,
    /// As the user wrote it.
    reference: &'a str,
    /// Digest of its manifest; none for an unpacked tree.
    digest: Option<&'a str>,
    /// Such as `linux/amd64`.
    platform: &'a str,
}

/// Which file, exactly.
#[derive(Serialize, JsonSchema)]
struct File<'a> {
    /// Digest of its bytes.
    digest: &'a str,
    /// Length in bytes.
    size: u64,
    /// The GNU build-id.
    build_id: Option<&'a str>,
    /// `DT_SONAME`.
    soname: Option<&'a str>,
}

/// One thing that a check saw.
#[derive(Serialize, JsonSchema)]
pub(super) struct Item<'a> {
    /// The id of the check: `imgforge explain` takes it.
    check: &'a str,
    /// How bad it is.
    severity: Level,
    /// Path in the image; empty when it is about the image as a whole.
    path: &'a str,
    /// Line in that file, for text.
    #[schemars(range(min = 1))]
    line: Option<usize>,
    /// The symbol, op, class, library or variable it is about.
    symbol: Option<&'a str>,
    /// One sentence.
    message: &'a str,
    /// Facts that back it, by name.
    evidence: &'a BTreeMap<String, String>,
    /// Whether the build brings it, or it was there before.
    introduced: bool,
    /// The recipe line that brought it.
    recipe: Option<Spot<'a>>,
    /// What to do about it.
    help: Option<&'a str>,
    /// The reason for which the recipe allows it.
    allowed: Option<&'a str>,
    /// Stays the same from run to run while check, path and symbol do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

/// A place in a recipe; line and column count from 1.
#[derive(Serialize, JsonSchema)]
struct Spot<'a> {
    file: &'a str,
    line: usize,
    column: usize,
}

/// `error`: would not load or run. `warning`: may load and then misbehave. `note`: worth knowing.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warning,
    Note,
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Note => Self::Note,
        }
    }
}

/// One finding as the document has it.
pub(super) fn item(finding: &Finding, fingerprint: Option<String>) -> Item<'_> {
    let recipe = finding.recipe.as_ref();
    Item {
        check: &finding.check,
        severity: finding.severity.into(),
        path: &finding.path,
        line: finding.line,
        symbol: finding.symbol.as_deref(),
        message: &finding.message,
        evidence: &finding.evidence,
        introduced: finding.introduced,
        recipe: recipe.map(|spot| Spot { file: &spot.file, line: spot.line, column: spot.column }),
        help: finding.help.as_deref(),
        allowed: finding.allowed.as_deref(),
        fingerprint,
    }
}

fn document(report: &Report) -> Document<'_> {
    let counts = report.counts();
    let fingerprints = fingerprint::all(&report.findings).into_iter();
    let images = report.background.images.iter().map(|image| Image {
        role: &image.role,
        reference: &image.reference,
        digest: image.digest.as_deref(),
        platform: &image.platform,
    });
    let files = report.background.files.iter().map(|(path, file)| {
        let (build_id, soname) = (file.build_id.as_deref(), file.soname.as_deref());
        (path.as_str(), File { digest: &file.digest, size: file.size, build_id, soname })
    });
    Document {
        schema: SCHEMA,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        subject: &report.subject,
        images: images.collect(),
        findings: report
            .findings
            .iter()
            .zip(fingerprints)
            .map(|(one, print)| item(one, Some(print)))
            .collect(),
        counts: BTreeMap::from([
            ("error", counts.errors),
            ("warning", counts.warnings),
            ("note", counts.notes),
            ("before", counts.before),
            ("allowed", counts.allowed),
        ]),
        files: files.collect(),
    }
}

/// The report as a JSON value.
///
/// # Errors
/// Never in practice: the document has only texts, numbers and truth values.
pub fn value(report: &Report) -> serde_json::Result<Value> {
    serde_json::to_value(document(report))
}

/// Writes the report as one JSON document.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(report))?;
    writeln!(out)
}

/// The JSON Schema of the document. Readers must take fields that it does not name.
#[must_use]
pub fn schema() -> Value {
    schema_of::<Document<'_>>("imgforge report")
}

/// The JSON Schema of `T` as it is written, with every part in place.
pub(super) fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    schema["title"] = Value::from(title);
    schema
}
