//! One donor on many bases, in every view.

use imgforge::finding::Finding;
use imgforge::finding::Severity;
use imgforge::report::matrix;
use imgforge::report::matrix::Cell;
use imgforge::report::matrix::Matrix;
use imgforge::report::matrix::Row;
use serde_json::Value;
use serde_json::json;

use crate::html::check;
use crate::html::select;
use crate::markdown;
use crate::sample;

fn matrix() -> Matrix {
    let finding = |check, severity| Finding::new(check, severity, "/l/a.so", "wants `V_2`, found nowhere");
    let (error, note) =
        (finding("symbol-version-missing", Severity::Error), finding("copies", Severity::Note));
    let none = Cell::default;
    Matrix {
        subject: "recipe|<x>.toml".to_owned(),
        bases: vec!["debian:11".to_owned(), "debian:12".to_owned(), sample::HOSTILE.to_owned()],
        rows: vec![
            Row {
                path: "/l/a.so".to_owned(),
                cells: vec![Cell::new(vec![note.clone(), error]), none(), Cell::new(vec![note])],
            },
            Row { path: sample::HOSTILE.to_owned(), cells: vec![none(), none(), none()] },
        ],
    }
}

#[test]
fn a_terminal_shows_it_like_this() {
    let mut matrix = matrix();
    matrix.bases[2] = "ubuntu".to_owned();
    matrix.rows[1].path = "/l/b.so".to_owned();
    let want = "\
recipe|<x>.toml on 3 bases
  [1] debian:11
  [2] debian:12
  [3] ubuntu

                   [1]         [2]         [3]
/l/a.so  error 2     ok          note 1
/l/b.so  ok          ok          ok
files with errors  1           0           0

fewest errors: debian:12
";
    let text = sample::text(|out| matrix::human::write(out, &matrix));
    let lines = |text: &str| -> Vec<Vec<String>> {
        text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    };
    assert_eq!(lines(&text), lines(want));
    // Every column starts under its number.
    let starts: Vec<usize> = text
        .lines()
        .filter(|line| line.starts_with("/l/"))
        .map(|line| line[8..].len() - line[8..].trim_start().len())
        .collect();
    assert_eq!(starts[0], starts[1]);
}

#[test]
fn machines_read_it_by_its_schema() {
    let text = sample::text(|out| matrix::json::write(out, &matrix()));
    let document: Value = serde_json::from_str(&text).unwrap();
    let schema = jsonschema::validator_for(&matrix::json::schema()).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(document["schema"], "imgforge.matrix/1");
    assert_eq!(document["best"], "debian:12");
    let worst: Vec<&Value> =
        document["rows"][0]["cells"].as_array().unwrap().iter().map(|cell| &cell["worst"]).collect();
    assert_eq!(worst, [&json!("error"), &Value::Null, &json!("note")]);
    assert_eq!(document["rows"][0]["cells"][0]["findings"][0]["check"], "symbol-version-missing");
    assert!(!schema.is_valid(&json!({"schema": "imgforge.matrix/1"})));
}

#[test]
fn the_heat_map_is_a_table_that_leads_to_the_findings() {
    let page = check(&sample::text(|out| matrix::html::write(out, &matrix())));
    let classes: Vec<&str> = select(&page, ".heat tbody tr:first-child td")
        .iter()
        .map(|cell| cell.value().attr("class").unwrap())
        .collect();
    assert_eq!(classes, ["error", "none", "note"]);
    assert_eq!(select(&page, ".heat td a").len(), 2);
    assert_eq!(
        select(&page, "h3[id='c0-0'] ~ ul")[0].text().filter(|text| text.contains("wants")).count(),
        2
    );
}

#[test]
fn a_comment_has_a_table_and_what_is_behind_its_errors() {
    let text = sample::text(|out| matrix::markdown::write(out, &matrix()));
    markdown::check(&text);
    assert!(text.contains("| `/l/a.so` | ❌ error 2 | ✅ ok | ℹ️ note 1 |\n"), "{text}");
    assert!(
        text.contains("- `/l/a.so` on `debian:11`: `symbol-version-missing` wants `V_2`, found nowhere\n")
    );
    let mut large = matrix();
    large.rows = vec![large.rows[0].clone(); 5000];
    let text = sample::text(|out| matrix::markdown::write(out, &large));
    assert!(text.chars().count() < 65_536 && text.contains("lines are left out"));
    markdown::check(&text);
}
