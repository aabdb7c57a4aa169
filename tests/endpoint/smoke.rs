//! Each failure has its own verdict.

use std::net::TcpListener;

use serde_json::Value;
use serde_json::json;

use crate::model::event;
use crate::model::stream;
use crate::model::well;
use crate::program::command;
use crate::program::run;
use crate::script::Act;
use crate::script::Ask;
use crate::script::head;
use crate::script::json as document;
use crate::script::say;
use crate::script::serve;
use crate::script::wait;

/// What a server does with a question.
type Script = Box<dyn Fn(&Ask) -> Vec<Act> + Send + Sync>;

/// The failures of a smoke test of this server, as `step kind`, and how the program ended.
fn verdicts(url: &str, more: &[&str]) -> (Vec<String>, Option<i32>, String) {
    let ended = run(&[&["smoke", url, "--format", "json", "--timeout", "400ms"], more].concat());
    let report = ended.json();
    let failed = report["steps"].as_array().unwrap().iter().filter(|step| step["verdict"] == "failed");
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let failed: Vec<String> =
        failed.map(|step| format!("{} {}", word(&step["name"]), word(&step["kind"]))).collect();
    (failed, ended.code, ended.stdout)
}

/// A server that is well but for its streams of chats.
fn but_for_chat_streams(acts: impl Fn(&Ask) -> Vec<Act> + Send + Sync + 'static) -> String {
    serve(move |ask| match ask.path.contains("chat") && ask.body["stream"] == Value::Bool(true) {
        true => acts(ask),
        false => well(ask, &["a", "b"], 0, 0),
    })
}

#[test]
fn a_server_that_is_well_passes() {
    let url = serve(|ask| well(ask, &["Paris", " grüße", " 🦀"], 5, 1));
    let ended = run(&["smoke", &url]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.lines().filter(|line| line.starts_with("ok ")).count(), 6, "{}", ended.stdout);
    assert!(ended.stdout.contains("model `tiny`") && ended.stdout.contains("`Paris grüße 🦀`"));
    let (failed, code, _) = verdicts(&format!("{url}/v1"), &["--model", "other"]);
    assert_eq!((failed, code), (vec![], Some(0)));
}

#[test]
fn each_bad_stream_has_its_name() {
    let two = |ask: &Ask| format!("{}{}", event(ask, "a", None), event(ask, "b", None));
    let table: Vec<(&str, Script)> = vec![
        ("status-500", Box::new(|_| document(500, &json!({"error": {"message": "worker died"}})))),
        ("status-429", Box::new(|_| document(429, &json!({"detail": "slow down"})))),
        ("content-type", Box::new(|_| document(200, &json!({"choices": []})))),
        ("first-byte-timeout", Box::new(|_| vec![wait(1500)])),
        ("first-byte-timeout", Box::new(|_| vec![stream(), wait(1500)])),
        ("idle-timeout", Box::new(move |ask| vec![stream(), say(two(ask)), wait(1500)])),
        // Comments are signs of life, but not for ever.
        (
            "deadline",
            Box::new(|_| {
                let pings = (0..60).flat_map(|_| [say(": ping\n\n"), wait(100)]);
                [vec![stream()], pings.collect()].concat()
            }),
        ),
        ("closed", Box::new(|_| vec![])),
        ("cut", Box::new(move |ask| vec![stream(), say(two(ask))])),
        ("cut", Box::new(|_| vec![stream(), say("data: {\"choices\":[")])),
        (
            "no-done",
            Box::new(|ask| vec![stream(), say(event(ask, "a", None)), say(event(ask, "", Some("stop")))]),
        ),
        (
            "no-tokens",
            Box::new(|ask| vec![stream(), say(event(ask, "", Some("stop"))), say("data: [DONE]\n\n")]),
        ),
        ("malformed-event", Box::new(|_| vec![stream(), say("data: {\"choices\":\n\n")])),
        ("malformed-event", Box::new(|_| vec![stream(), say(b"data: {\"choices\":\"\xff\xfe\"}\n\n")])),
        ("wrong-shape", Box::new(|_| vec![stream(), say("data: {\"text\": 1}\n\n")])),
        (
            "error-event",
            Box::new(|_| {
                vec![stream(), say("event: error\ndata: {\"error\":{\"message\":\"no KV left\"}}\n\n")]
            }),
        ),
        ("too-large", Box::new(|_| vec![stream(), say("data: "), Act::Repeat(vec![b'x'; 65536], 400)])),
        ("too-large", Box::new(|_| vec![stream(), Act::Repeat(b"data: x\n".repeat(8192), 400)])),
    ];
    for (kind, acts) in table {
        let url = but_for_chat_streams(acts);
        let (failed, code, said) = verdicts(&url, &[]);
        assert_eq!((failed, code), (vec![format!("chat-stream {kind}")], Some(1)), "{said}");
    }
}

#[test]
fn the_server_s_words_are_told() {
    let url =
        but_for_chat_streams(|_| document(500, &json!({"error": {"message": "worker\u{1b}[31m died"}})));
    let ended = run(&["smoke", &url]);
    assert!(
        ended.stdout.contains("status-500: the server refused: 500 Internal Server Error: worker[31m died")
    );
    assert!(ended.stdout.contains("hint: read the log of the frontend"), "{}", ended.stdout);
    let url = but_for_chat_streams(|_| vec![head(502, "text/html"), say("<html>\nBad <b>Gateway</b>")]);
    assert!(run(&["smoke", &url]).stdout.contains("502 Bad Gateway: <html> Bad <b>Gateway</b>"));
}

#[test]
fn each_bad_whole_answer_has_its_name() {
    for (kind, body) in [
        ("not-json", "<html>"),
        ("wrong-shape", "[]"),
        ("wrong-shape", "{\"choices\": 1}"),
        ("no-choices", "{\"choices\": []}"),
        ("no-tokens", "{\"choices\": [{\"text\": \"\", \"finish_reason\": \"stop\"}]}"),
        ("error-event", "{\"object\": \"error\", \"error\": {\"message\": \"x\"}}"),
    ] {
        let url = serve(move |ask| match ask.path.as_str() {
            "/v1/completions" if ask.body["stream"] == false => {
                vec![head(200, "application/json"), say(body)]
            }
            _ => well(ask, &["a"], 0, 0),
        });
        let (failed, code, said) = verdicts(&url, &[]);
        assert_eq!((failed, code), (vec![format!("completion {kind}")], Some(1)), "{body} {said}");
    }
    let url = serve(|ask| match ask.path.as_str() {
        "/v1/models" => vec![head(200, "application/json"), Act::Repeat(vec![b' '; 65536], 400)],
        _ => well(ask, &["a"], 0, 0),
    });
    assert_eq!(verdicts(&url, &["--model", "tiny"]).0, ["models too-large"]);
}

/// Whatever the framing, the answer is the same.
#[test]
fn streams_may_be_cut_anywhere_and_end_lines_as_they_like() {
    let url = but_for_chat_streams(|ask| {
        let text = format!(
            ": hello\n\n{}: ping\n{}id: 1\nretry: 5\n{}data: [DONE]\n\n",
            event(ask, "grüße 🦀", None),
            event(ask, " zwei", None),
            event(ask, "", Some("length"))
        );
        let bytes = match ask.number % 2 {
            0 => text.replace('\n', "\r\n"),
            _ => text,
        };
        let pieces =
            bytes.as_bytes().chunks(1).flat_map(|piece| [say(piece), Act::Wait(std::time::Duration::ZERO)]);
        [vec![stream()], pieces.collect()].concat()
    });
    for _ in 0..3 {
        let (failed, code, said) = verdicts(&url, &["--skip", "health"]);
        assert_eq!((failed, code), (vec![], Some(0)), "{said}");
        assert!(said.contains("`grüße 🦀 zwei`, 2 events"), "{said}");
        verdicts(&url, &["--skip", "health", "--skip", "models", "--model", "tiny"]);
    }
}

#[test]
fn a_model_that_is_not_served_is_told_with_those_that_are() {
    let url = serve(|ask| well(ask, &["a"], 0, 0));
    let (failed, code, said) = verdicts(&url, &["--model", "huge"]);
    assert_eq!((failed, code), (vec!["models model-not-served".to_owned()], Some(1)));
    assert!(said.contains("`huge` is not among `tiny`, `other`"), "{said}");
    assert_eq!(said.matches("after model-not-served").count(), 4, "{said}");
}

#[test]
fn a_server_without_a_health_route_is_not_ill() {
    let url = serve(|ask| match ask.path.as_str() {
        "/health" => document(404, &json!({})),
        _ => well(ask, &["a"], 0, 0),
    });
    assert_eq!(verdicts(&url, &[]).1, Some(0));
}

#[test]
fn what_cannot_be_reached_ends_with_three() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plain = serve(|_| vec![say("HTTP/1.1 400 Bad Request\r\n\r\n")]);
    let tls = plain.replace("http:", "https:");
    for (url, kind) in [
        (format!("http://{free}"), "refused"),
        ("http://no-such-host.invalid:1".to_owned(), "dns"),
        (tls, "tls"),
    ] {
        let (failed, code, said) = verdicts(&url, &[]);
        assert_eq!((failed, code), (vec![format!("health {kind}")], Some(3)), "{said}");
        assert_eq!(said.matches("skipped").count(), 5, "{said}");
    }
}

#[test]
fn the_command_line_is_checked_first() {
    for (words, hint) in [
        (vec!["smoke", "localhost:8000"], "http://HOST:PORT"),
        (vec!["smoke", "http://127.0.0.1:1", "--api-key-env", "NO_SUCH_KEY"], "export it"),
        (vec!["smoke", "http://127.0.0.1:1", "--format", "sarif"], "`smoke` has `junit`"),
        (vec!["smoke", "http://127.0.0.1:1", "--timeout", "0"], "such as 30s"),
        (vec!["smoke", "http://127.0.0.1:1", "--ca-cert", "/dev/null"], "BEGIN CERTIFICATE"),
    ] {
        let ended = run(&words);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(hint), "{ended:?}");
    }
}

#[test]
fn the_key_is_sent_and_never_shown() {
    let url = serve(|ask| match ask.head.contains("authorization: Bearer s3cret") {
        true => well(ask, &["a"], 0, 0),
        false => document(401, &json!({"error": {"message": "no key"}})),
    });
    let output = command(&["smoke", &url, "--api-key-env", "KEY"]).env("KEY", "s3cret").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("s3cret"));
    let (failed, _, said) = verdicts(&url, &[]);
    assert!(failed.contains(&"models status-401".to_owned()) && said.contains("--api-key-env"), "{said}");
}

#[test]
fn documents_are_valid() {
    let url = but_for_chat_streams(|_| document(500, &json!({"error": "<&>"})));
    let report = run(&["smoke", &url, "--format", "json"]).json();
    let schema = run(&["schema", "--of", "smoke"]).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&report), "{:?}", validator.iter_errors(&report).collect::<Vec<_>>());
    let xml = run(&["smoke", &url, "--format", "junit"]).stdout;
    let tree = roxmltree::Document::parse(&xml).unwrap();
    let suite = tree.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!((suite.attribute("tests"), suite.attribute("failures")), (Some("6"), Some("1")));
    let failure = tree.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    assert_eq!(failure.attribute("type"), Some("status-500"));
}
