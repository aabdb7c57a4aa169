//! Two runs: a real difference is told, none is made up.

use std::path::Path;

use crate::model::well;
use crate::program::run;
use crate::script::serve;

/// Measures a server whose first word comes after so many milliseconds, into a file.
fn measure(place: &Path, name: &str, first: u64) -> String {
    let url = serve(move |ask| well(ask, &["a", "b"], first, 0));
    let ended = run(&["bench", &url, "--requests", "100", "--concurrency", "4", "--format", "json"]);
    let file = place.join(name).display().to_string();
    std::fs::write(&file, ended.stdout).unwrap();
    file
}

#[test]
fn twice_the_time_is_worse_and_the_way_back_better() {
    let place = tempfile::tempdir().unwrap();
    let (fast, slow) = (measure(place.path(), "fast", 40), measure(place.path(), "slow", 120));
    let ended = run(&["bench", "compare", &fast, &slow]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let row = |what: &str| ended.stdout.lines().find(|line| line.starts_with(what)).unwrap().to_owned();
    assert!(row("time to first token p50").ends_with("worse"), "{}", ended.stdout);
    assert!(row("requests/s").ends_with("worse"), "{}", ended.stdout);
    let back = run(&["bench", "compare", &slow, &fast, "--format", "json"]);
    assert_eq!(back.code, Some(0));
    let rows = &back.json()["differences"];
    let first =
        rows.as_array().unwrap().iter().find(|row| row["what"] == "time to first token p50 (ms)").unwrap();
    assert_eq!(first["meaning"], "better");
    assert!(first["percent"].as_f64().unwrap() < -30.0, "{first}");
    let same = run(&["bench", "compare", &fast, &fast]);
    assert_eq!((same.code, same.stdout.contains("worse")), (Some(0), false));
    let tolerant = run(&["bench", "compare", &fast, &slow, "--tolerance", "10000"]);
    assert_eq!(tolerant.code, Some(0));
}

#[test]
fn other_settings_are_told_and_other_files_refused() {
    let place = tempfile::tempdir().unwrap();
    let url = serve(|ask| well(ask, &["a"], 0, 0));
    let file = |name: &str, requests: &str| {
        let ended = run(&["bench", &url, "--requests", requests, "--format", "json"]);
        let file = place.path().join(name).display().to_string();
        std::fs::write(&file, ended.stdout).unwrap();
        file
    };
    let (five, six) = (file("a", "5"), file("b", "6"));
    let ended = run(&["bench", "compare", &five, &six]);
    assert!(ended.stdout.contains("note: the runs differ in requests: 5, then 6"), "{ended:?}");
    assert!(ended.stdout.contains("too few values"), "{ended:?}");
    for (text, problem) in [
        ("{}", "its schema is `none`"),
        ("[", "no JSON"),
        ("{\"schema\": \"imgforge.bench/1\"}", "missing field"),
    ] {
        let bad = place.path().join("bad").display().to_string();
        std::fs::write(&bad, text).unwrap();
        let ended = run(&["bench", "compare", &five, &bad]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains(problem), "{ended:?}");
    }
}
