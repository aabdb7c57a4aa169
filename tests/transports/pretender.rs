//! An engine that says it loaded the image and did not, as Docker's containerd store does when layers are
//! missing (observed with 28.5: status 200, no `errorDetail`, a broken name left behind).

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::Mutex;

use imgforge::oci::Digest;
use imgforge::transport::Fate;
use imgforge::transport::daemon::DaemonOptions;
use imgforge::transport::daemon::DaemonSink;
use imgforge::transport::error::Error;
use serde_json::Value;
use serde_json::json;

use crate::rig::Bench;
use crate::rig::Sample;
use crate::rig::base_and_derived;

#[derive(Default)]
struct State {
    /// What is asked for by name: `app:1`, or the id of the base.
    images: Vec<(String, Value)>,
    /// Size of each archive that came.
    loads: Vec<usize>,
    removed: Vec<String>,
    /// The load, counted from 1, that works; 0 for none.
    works: usize,
    good: Value,
    /// The answer to `/version`.
    version: Value,
}

struct Pretender {
    state: Arc<Mutex<State>>,
    host: String,
}

fn shown(id: &Digest, tars: &[Vec<u8>]) -> Value {
    let ids: Vec<String> = tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
    json!({"Id": id.to_string(), "RootFS": {"Type": "layers", "Layers": ids}})
}

impl Pretender {
    fn start(bench: &Bench, base: &Sample, derived: &Sample, works: usize) -> Self {
        let path = bench.path("engine");
        let listener = UnixListener::bind(&path).unwrap();
        let id = Digest::of(&base.manifest);
        let state = Arc::new(Mutex::new(State {
            images: vec![(id.to_string(), shown(&id, &base.tars))],
            works,
            good: shown(&Digest::of(&derived.manifest), &derived.tars),
            version: json!({"Version": "28.5.2", "ApiVersion": "1.51", "Components": [{"Name": "Engine", "Version": "28.5.2"}]}),
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A request that is broken off is no load.
                drop(serve(&stream.unwrap(), &shared));
            }
        });
        let host = format!("unix://{}", path.display());
        Self { state, host }
    }

    fn sink(&self) -> DaemonSink {
        let host = Some(self.host.clone());
        DaemonSink::new("app:1", DaemonOptions { host })
    }
}

fn serve(stream: &UnixStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { dechunk(&mut reader)? } else { 0 };
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let path = target.split('?').next().unwrap();
    let path = path.find("/images").map_or(path, |start| &path[start..]);
    let (status, answer) = state.lock().unwrap().answer(method, path, body);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )
}

fn dechunk(reader: &mut impl BufRead) -> io::Result<usize> {
    let mut total = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(total);
        }
        total += size;
    }
}

impl State {
    fn answer(&mut self, method: &str, path: &str, body: usize) -> (u16, String) {
        if path.ends_with("/version") {
            return (200, self.version.to_string());
        }
        let name = path.trim_start_matches("/images/").trim_end_matches("/json").to_owned();
        match (method, path) {
            (_, "/images/json") => {
                let summary = |image: &(String, Value)| {
                    json!({"Id": image.0, "ParentId": "", "RepoTags": [], "RepoDigests": [], "Created": 0,
                        "Size": 0, "SharedSize": 0, "Labels": {}, "Containers": 0})
                };
                (200, Value::from(self.images.iter().map(summary).collect::<Vec<_>>()).to_string())
            }
            ("POST", "/images/load") => {
                self.loads.push(body);
                // The right id and no layers: what the store knows is the manifest.
                let mut broken = self.good.clone();
                broken["RootFS"]["Layers"] = json!([]);
                let good = self.loads.len() == self.works;
                self.images.push(("app:1".into(), if good { self.good.clone() } else { broken }));
                let text = if good { "Loaded image: app:1\n" } else { "apply layer error: not found\n" };
                (200, json!({ "stream": text }).to_string())
            }
            ("DELETE", _) => {
                self.images.retain(|(other, _)| *other != name);
                self.removed.push(name);
                (200, "[]".to_owned())
            }
            _ => match self.images.iter().rev().find(|(other, _)| *other == name) {
                Some((_, image)) => (200, image.to_string()),
                None => (404, json!({"message": "no such image"}).to_string()),
            },
        }
    }
}

#[test]
fn success_is_not_believed_and_all_is_sent_again() {
    let (bench, (base, derived)) = (Bench::new(), base_and_derived("exit0"));
    let engine = Pretender::start(&bench, &base, &derived, 2);
    let receipt = bench.publish(&bench.layout("derived", &derived), &engine.sink(), 2).unwrap();
    assert!(receipt.blobs.iter().all(|(_, fate)| *fate == Fate::Upload));
    let state = engine.state.lock().unwrap();
    assert_eq!(state.removed, ["app:1"], "the broken name went before the second load");
    assert!(matches!(state.loads[..], [partial, full] if partial + 50_000 < full), "{:?}", state.loads);
}

#[test]
fn an_engine_that_never_has_the_image_is_an_error_without_a_name_left() {
    let (bench, (base, derived)) = (Bench::new(), base_and_derived("never"));
    let engine = Pretender::start(&bench, &base, &derived, 0);
    let error = bench.publish(&bench.layout("derived", &derived), &engine.sink(), 2).unwrap_err();
    assert!(
        matches!(&error, Error::Refused { message, .. } if message.contains("apply layer error")),
        "{error:?}"
    );
    let state = engine.state.lock().unwrap();
    assert_eq!(state.loads.len(), 2);
    assert!(!state.images.iter().any(|(name, _)| name == "app:1"));
}

#[test]
fn a_source_that_breaks_off_breaks_the_request_off() {
    let (bench, (base, derived)) = (Bench::new(), base_and_derived("cut"));
    let engine = Pretender::start(&bench, &base, &derived, 1);
    let source = bench.layout("derived", &derived);
    let layer = bench.load(&source).unwrap().manifest.layers[2].clone();
    let path = crate::rig::blob(&bench.path("derived"), &layer.digest);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = bench.publish(&source, &engine.sink(), 2).unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error:?}");
    assert!(engine.state.lock().unwrap().loads.is_empty(), "an archive cut short looked whole");
}

/// The sample with one of its layers called zstd; nobody here looks into it.
fn called_zstd(sample: &Sample, layer: usize) -> Sample {
    let mut manifest: Value = serde_json::from_slice(&sample.manifest).unwrap();
    manifest["layers"][layer]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+zstd");
    let mut sample = sample.clone();
    sample.manifest = manifest.to_string().into_bytes();
    sample.blobs.insert(Digest::of(&sample.manifest), sample.manifest.clone());
    sample
}

/// Docker 20.10 answers a zstd layer with `unexpected EOF`: it is told apart before anything is sent. What
/// it has already does not matter, and Podman has such small version numbers, too, and reads zstd.
#[test]
fn zstd_layers_are_not_sent_to_an_old_docker() {
    for (name, component, layer, refused) in [
        ("new layer", "Engine", 2, true),
        ("present layer", "Engine", 0, false),
        ("podman", "Podman Engine", 2, false),
    ] {
        let (bench, (base, derived)) = (Bench::new(), base_and_derived("zstd"));
        let derived = called_zstd(&derived, layer);
        let engine = Pretender::start(&bench, &base, &derived, 1);
        let components = json!([{"Name": component, "Version": "4.3"}]);
        engine.state.lock().unwrap().version =
            json!({"Version": "4.3.1", "ApiVersion": "1.41", "Components": components});
        let outcome = bench.publish(&bench.layout("derived", &derived), &engine.sink(), 2);
        match outcome {
            Err(Error::Unsupported { advice, .. }) => assert!(refused && advice.contains("gzip"), "{name}"),
            outcome => assert!(!refused && outcome.is_ok(), "{name}: {outcome:?}"),
        }
        assert_eq!(engine.state.lock().unwrap().loads.is_empty(), refused, "{name}");
    }
}
