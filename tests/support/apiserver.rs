//! A stand-in for an API server with nodes behind it, on loopback and without TLS: documents by path, lists that are
//! chosen from by label, lines of pods, and ways into pods.
//!
//! The ways are what a kubelet does of a port-forward over WebSocket (`k8s.io/cri-streaming` 0.36,
//! `pkg/streaming/portforward/websocket.go`; an API server hands it through as it is): of the protocols it takes
//! `v4.channel.k8s.io`, sends the port as two bytes, low first, on the channel for data (0) and the one for errors (1),
//! says on the latter what a dial came to, and closes. `make cluster` has that very code behind a real API server.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tungstenite::Message;
use tungstenite::handshake::server::Request;
use tungstenite::handshake::server::Response;

/// Where a pod's port leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inside {
    pub(crate) address: SocketAddr,
    /// So many connections are carried, the rest are refused.
    pub(crate) most: usize,
}

/// What is in the cluster.
#[derive(Default)]
pub(crate) struct Contents {
    /// Documents by path; a status of code 404 for any other. One with `code` is an answer of that code.
    pub(crate) objects: BTreeMap<String, Value>,
    /// Pieces of the log of each pod, by its path, each sent after so many milliseconds.
    pub(crate) logs: BTreeMap<String, Vec<(u64, String)>>,
    /// Ways into pods, by path and port.
    pub(crate) inside: BTreeMap<(String, u16), Inside>,
    /// How many ways were opened.
    pub(crate) opened: AtomicUsize,
}

/// Serves it until the process ends; gives the directory with the `kubeconfig` that leads there.
pub(crate) fn serve(contents: Contents) -> (tempfile::TempDir, PathBuf) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let contents = Arc::new(contents);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let contents = contents.clone();
            // A client that goes away is no failure of the server.
            std::thread::spawn(move || drop(answer(stream, &contents)));
        }
    });
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("kubeconfig");
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "ns"}}]});
    std::fs::write(&file, config.to_string()).unwrap();
    (place, file)
}

fn answer(mut stream: TcpStream, contents: &Contents) -> std::io::Result<()> {
    let mut seen = vec![0; 16 << 10];
    let head = loop {
        let count = stream.peek(&mut seen)?;
        let text = String::from_utf8_lossy(&seen[..count]).into_owned();
        match text.find("\r\n\r\n") {
            Some(end) => break text[..end + 4].to_owned(),
            None if count == 0 => return Ok(()),
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let target = head.split(' ').nth(1).unwrap_or_default();
    let target = ["%3D", "%2F", "%2C"]
        .into_iter()
        .zip(["=", "/", ","])
        .fold(target.to_owned(), |text, (from, to)| text.replace(from, to));
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let asked = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    if let Some(pod) = path.strip_suffix("/portforward") {
        let port = asked("ports").and_then(|port| port.parse().ok()).unwrap_or(0);
        if let Some(refusal) = contents.objects.get(path) {
            stream.read_exact(&mut seen[..head.len()])?;
            return say(&mut stream, refusal);
        }
        return forward(stream, pod, port, contents);
    }
    stream.read_exact(&mut seen[..head.len()])?;
    if let Some(lines) = path.strip_suffix("/log").and_then(|pod| contents.logs.get(pod)) {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")?;
        let follow = asked("follow") == Some("true");
        for (wait, line) in lines {
            std::thread::sleep(Duration::from_millis(if follow { *wait } else { 0 }));
            stream.write_all(line.as_bytes())?;
        }
        return Ok(());
    }
    let none = json!({"kind": "Status", "code": 404, "status": "Failure", "reason": "NotFound", "message": "no such thing",
        "details": {}});
    let mut document = contents.objects.get(path).cloned().unwrap_or(none);
    if let (Some(items), Some(labels)) = (document["items"].as_array_mut(), asked("labelSelector")) {
        let labels: Vec<_> = labels.split(',').filter_map(|pair| pair.split_once('=')).collect();
        items.retain(|item| labels.iter().all(|(key, value)| item["metadata"]["labels"][*key] == *value));
    }
    say(&mut stream, &document)
}

fn say(stream: &mut TcpStream, document: &Value) -> std::io::Result<()> {
    let (code, body) = (document["code"].as_u64().unwrap_or(200), document.to_string());
    let head =
        format!("HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())
}

fn forward(stream: TcpStream, pod: &str, port: u16, contents: &Contents) -> std::io::Result<()> {
    #[allow(clippy::result_large_err, reason = "the handshake's own type")]
    let choose = |request: &Request, mut response: Response| {
        let offered = request.headers().get("Sec-WebSocket-Protocol").and_then(|value| value.to_str().ok());
        assert!(offered.is_some_and(|offered| offered.contains("v4.channel.k8s.io")), "{offered:?}");
        response.headers_mut().insert("Sec-WebSocket-Protocol", "v4.channel.k8s.io".parse().unwrap());
        Ok(response)
    };
    let mut socket = tungstenite::accept_hdr(stream, choose).map_err(std::io::Error::other)?;
    let other = |error: tungstenite::Error| std::io::Error::other(error);
    let [low, high] = port.to_le_bytes();
    for channel in [0, 1] {
        socket.send(Message::binary(vec![channel, low, high])).map_err(other)?;
    }
    let number = contents.opened.fetch_add(1, Ordering::SeqCst);
    let inside = contents.inside.get(&(pod.to_owned(), port)).filter(|inside| number < inside.most);
    let dialled = inside.map(|inside| TcpStream::connect(inside.address));
    let Some(Ok(mut inside)) = dialled else {
        let name = pod.rsplit('/').next().unwrap_or_default();
        let text = format!("error forwarding port {port} to pod {name}, uid : connect: connection refused");
        socket.send(Message::binary([&[1], text.as_bytes()].concat())).map_err(other)?;
        return socket.close(None).map_err(other);
    };
    let moment = Some(Duration::from_millis(2));
    socket.get_ref().set_read_timeout(moment)?;
    inside.set_read_timeout(moment)?;
    let waits = |error: &std::io::Error| {
        matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
    };
    let mut piece = vec![0; 32 << 10];
    loop {
        match socket.read() {
            Ok(Message::Binary(bytes)) if bytes.first() == Some(&0) => inside.write_all(&bytes[1..])?,
            Ok(Message::Close(_)) => return Ok(()),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if waits(&error) => {}
            Err(error) => return Err(other(error)),
        }
        match inside.read(&mut piece) {
            Ok(0) => return socket.close(None).map_err(other),
            Ok(count) => socket.send(Message::binary([&[0], &piece[..count]].concat())).map_err(other)?,
            Err(error) if waits(&error) => {}
            Err(error) => return Err(error),
        }
    }
}
