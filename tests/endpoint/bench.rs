//! What is measured is what the server did.

use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use crate::model::well;
use crate::program::command;
use crate::program::run;
use crate::script::json as document;
use crate::script::say;
use crate::script::serve;
use crate::script::wait;

fn bench(words: &[&str]) -> Value {
    let ended = run(&[&["bench", "--format", "json", "--progress", "none"], words].concat());
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    ended.json()
}

fn quantile(spread: &Value, q: f64) -> f64 {
    let all = spread["quantiles"].as_array().unwrap();
    all.iter().find(|one| one["q"] == q).unwrap()["ms"].as_f64().unwrap()
}

/// The machine may be slow, never fast: bounds are tight below and wide above.
fn about(value: f64, want: f64) -> bool {
    value >= want * 0.99 && value < want * 1.5 + 60.0
}

#[test]
fn a_closed_load_measures_what_the_script_says() {
    let url = serve(|ask| well(ask, &["a", "b", "c", "d"], 60, 20));
    let run = bench(&[&url, "--requests", "12", "--concurrency", "3", "--warmup", "2", "--slo", "ttft=2s"]);
    assert_eq!((&run["requests"]["ok"], &run["requests"]["failed"]), (&json!(12), &json!(0)));
    let latency = &run["latency"];
    assert!(about(quantile(&latency["ttft"], 0.5), 60.0), "{}", latency["ttft"]);
    assert!(about(quantile(&latency["itl"], 0.5), 20.0), "{}", latency["itl"]);
    assert_eq!(latency["itl"]["count"], 36);
    assert!(about(quantile(&latency["tpot"], 0.5), 20.0), "{}", latency["tpot"]);
    assert!(about(quantile(&latency["e2e"], 0.5), 120.0), "{}", latency["e2e"]);
    // By the server's count: four words each, seven tokens of prompt.
    assert_eq!((&run["tokens"]["output"], &run["tokens"]["prompt"]), (&json!(48), &json!(84)));
    let (seconds, rate) = (run["seconds"].as_f64().unwrap(), &run["tokens"]["output_rate"]["per_second"]);
    assert!((rate.as_f64().unwrap() - 48.0 / seconds).abs() < 1e-6, "{run}");
    assert_eq!(run["goodput"]["share"], 1.0);
    let slices = run["series"]["slices"].as_array().unwrap();
    assert_eq!(slices.iter().map(|slice| slice["ok"].as_u64().unwrap()).sum::<u64>(), 12);
}

/// One request in a hundred stalls; a client that waits for it before it asks again would see one slow answer.
#[test]
fn a_stall_is_seen_by_all_who_were_meant_to_ask_meanwhile() {
    let begun = Instant::now();
    let url = serve(move |ask| {
        // The whole server stands still between 0.5 s and 1.5 s.
        let now = begun.elapsed();
        let (from, to) = (Duration::from_millis(500), Duration::from_millis(1500));
        let left = if now > from && now < to { to - now } else { Duration::ZERO };
        [vec![crate::script::Act::Wait(left)], well(ask, &["a"], 0, 0)].concat()
    });
    let words = [&url, "--rate", "60", "--duration", "2s", "--model", "tiny", "--most", "1"];
    let run = bench(&words);
    // A second of two: some half of all were meant to be sent during the stall or wait behind those that were.
    let p90 = quantile(&run["latency"]["e2e"], 0.9);
    assert!(p90 > 500.0, "{run:#}");
    let late = quantile(&run["latency"]["late"], 0.9);
    assert!(late > 400.0, "the wait for a place counts: {late}");
    let ok = run["requests"]["ok"].as_u64().unwrap();
    assert!((80..170).contains(&ok), "{ok} of a Poisson process of mean 120");
}

#[test]
fn an_open_load_keeps_its_rate_whatever_the_answers() {
    let url = serve(|ask| well(ask, &["a", "b"], 150, 0));
    let begun = Instant::now();
    let run = bench(&[&url, "--rate", "100", "--requests", "100", "--model", "tiny"]);
    // One at a time this would take 15 s.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(run["requests"]["ok"], 100);
    assert_eq!(run["load"]["rate"], 100.0);
}

#[test]
fn errors_are_counted_by_kind() {
    let url = serve(|ask| match ask.number % 4 {
        0 => document(429, &json!({"detail": "slow down"})),
        1 => document(500, &json!({"detail": "worker died"})),
        2 => vec![crate::model::stream(), say(crate::model::event(ask, "x", None))],
        _ => well(ask, &["a"], 0, 0),
    });
    let ended = run(&["bench", &url, "--requests", "20", "--model", "tiny", "--format", "json"]);
    assert_eq!(ended.code, Some(1));
    let run = ended.json();
    let errors: Vec<(&str, u64)> = run["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["kind"].as_str().unwrap(), error["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(errors, [("cut", 5), ("status-429", 5), ("status-500", 5)]);
    assert_eq!(run["errors"][1]["example"], "429 Too Many Requests: slow down");
    assert_eq!(run["requests"]["ok"], 5);
    assert_eq!(run["latency"]["e2e"]["count"], 5, "failures have no latency");
}

#[test]
fn without_counts_nothing_is_guessed() {
    let url = serve(|ask| well(ask, &["two words", " and more"], 0, 0));
    let words = ["bench", &url, "--requests", "3", "--no-usage", "--progress", "none"];
    let shown = run(&words).stdout;
    assert!(shown.contains("tokens    not counted by the server"), "{shown}");
    let run = bench(&[&url, "--requests", "3", "--no-usage"]);
    assert_eq!((&run["tokens"]["output_rate"], &run["tokens"]["uncounted"]), (&Value::Null, &json!(3)));
    assert_eq!((&run["latency"]["tpot"], &run["tokens"]["events"]), (&Value::Null, &json!(6)));
}

#[test]
fn whole_answers_are_timed_to_their_end() {
    let url = serve(|ask| [vec![wait(40)], well(ask, &["a", "b"], 0, 0)].concat());
    let run = bench(&[&url, "--requests", "5", "--no-stream", "--route", "completions"]);
    assert_eq!(run["load"]["route"], "/v1/completions");
    assert_eq!((&run["latency"]["ttft"], &run["tokens"]["output"]), (&Value::Null, &json!(10)));
    assert!(about(quantile(&run["latency"]["e2e"], 0.5), 40.0));
}

#[test]
fn one_seed_asks_the_same_and_another_does_not() {
    let prompts = |seed: &str| {
        let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = heard.clone();
        let url = serve(move |ask| {
            log.lock().unwrap().push(ask.body["messages"][0]["content"].to_string());
            well(ask, &["a"], 0, 0)
        });
        bench(&[&url, "--requests", "5", "--seed", seed, "--model", "tiny", "--prompt-words", "9"]);
        heard.lock().unwrap().clone()
    };
    let first = prompts("5");
    assert_eq!(first.len(), 5);
    assert_eq!(first, prompts("5"));
    assert_ne!(first, prompts("6"));
}

#[test]
fn an_interrupted_run_tells_what_it_has() {
    let url = serve(|ask| well(ask, &["a"], 20, 0));
    let words =
        ["bench", &url, "--duration", "5m", "--model", "tiny", "--format", "json", "--progress", "none"];
    let child = command(&words).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(run["interrupted"], true);
    assert!(run["requests"]["ok"].as_u64().unwrap() > 3, "{run}");
}

#[test]
fn what_cannot_be_reached_ends_with_three() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let ended = run(&["bench", &url]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("refused: connection refused"), "{ended:?}");
    let ended = run(&["bench", &url, "--model", "m", "--requests", "3"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.contains("failed    3 × refused"), "{ended:?}");
}

#[test]
fn the_page_holds_everything_and_the_document_is_valid() {
    let url = serve(|ask| well(ask, &["a", "b", "c"], 5, 2));
    let place = tempfile::tempdir().unwrap();
    let page = place.path().join("bench.html");
    let report = format!("html={}", page.display());
    let run_ = bench(&[&url, "--requests", "40", "--concurrency", "2", "--report", &report]);
    let schema = run(&["schema", "--of", "bench"]).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&run_), "{:?}", validator.iter_errors(&run_).collect::<Vec<_>>());
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("<polyline") && html.matches("<svg").count() == 3, "{html}");
    let foreign = ["http://www", "https://", "src=", "@import", " style=", "url("];
    assert!(foreign.iter().all(|text| !html.contains(text)), "nothing of the page is elsewhere");
    let document = scraper::Html::parse_document(&html);
    assert_eq!(document.errors, Vec::<std::borrow::Cow<'_, str>>::new());
}
