//! A registry that serves a layout, and stops in the middle of one blob until it is told to go on.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::rig;

struct State {
    layout: PathBuf,
    held: String,
    stuck: AtomicBool,
    free: AtomicBool,
    requests: Mutex<BTreeMap<String, usize>>,
}

/// The registry; its threads end with the test binary.
pub(crate) struct Slow {
    host: String,
    state: Arc<State>,
}

impl Slow {
    /// `held` is the hexadecimal digest of the blob that stops half-way.
    pub(crate) fn start(layout: &Path, held: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            layout: layout.to_owned(),
            held: held.to_owned(),
            stuck: AtomicBool::new(false),
            free: AtomicBool::new(false),
            requests: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // A client that goes away is what the test is about.
                std::thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Self { host, state }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn is_stuck(&self) -> bool {
        self.state.stuck.load(Ordering::SeqCst)
    }

    pub(crate) fn let_go(&self) {
        self.state.free.store(true, Ordering::SeqCst);
    }

    /// How often a blob's bytes were asked for.
    pub(crate) fn requests(&self, hex: &str) -> usize {
        self.state.requests.lock().unwrap().get(hex).copied().unwrap_or_default()
    }
}

/// Answers one request and closes: nothing is held but what the test wants held.
fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut header, mut from) = (String::new(), String::new(), 0);
    reader.read_line(&mut line)?;
    while reader.read_line(&mut header)? > 2 {
        let lower = header.to_lowercase();
        if let Some(range) = lower.strip_prefix("range: bytes=") {
            from = range.split('-').next().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        }
        header.clear();
    }
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let last = path.rsplit('/').next().unwrap_or_default();
    let digest = match path {
        "/v2/" => String::new(),
        _ if path.contains("/manifests/") => {
            rig::tagged(&state.layout, last).unwrap_or_else(|| last.to_owned())
        }
        _ => last.to_owned(),
    };
    let body = if digest.is_empty() { b"{}".to_vec() } else { fs::read(rig::blob(&state.layout, &digest))? };
    let hex = digest.trim_start_matches("sha256:").to_owned();
    if method == "GET" {
        *state.requests.lock().unwrap().entry(hex.clone()).or_default() += 1;
    }
    answer(stream, state, method, path, &body, from, &hex)
}

fn answer(
    mut stream: TcpStream,
    state: &State,
    method: &str,
    path: &str,
    body: &[u8],
    from: usize,
    hex: &str,
) -> std::io::Result<()> {
    let kind = if path.contains("/manifests/") {
        "application/vnd.oci.image.manifest.v1+json"
    } else {
        "application/octet-stream"
    };
    let status = if from > 0 {
        format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{}", body.len() - 1, body.len())
    } else {
        "200 OK".to_owned()
    };
    let body = &body[from..];
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    if method == "HEAD" {
        return Ok(());
    }
    if hex != state.held || state.free.load(Ordering::SeqCst) {
        return stream.write_all(body);
    }
    stream.write_all(&body[..body.len() / 2])?;
    state.stuck.store(true, Ordering::SeqCst);
    while !state.free.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(20));
    }
    stream.write_all(&body[body.len() / 2..])
}
