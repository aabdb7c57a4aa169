//! A server that does what a script says: each connection is one request, each answer a list of writes and waits.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

/// What to do next with a connection. It is closed at the end.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends these bytes.
    Say(Vec<u8>),
    /// Does nothing for so long.
    Wait(Duration),
    /// Sends the same bytes until nobody listens, at most so often.
    Repeat(Vec<u8>, usize),
}

/// A request: its path and its body.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: Value,
    /// How many requests came before.
    pub(crate) number: usize,
}

/// The server's address. It ends with the process.
pub(crate) fn serve(script: impl Fn(&Ask) -> Vec<Act> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (script, count) = (Arc::new(script), Arc::new(AtomicUsize::new(0)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (script, count) = (script.clone(), count.clone());
            std::thread::spawn(move || {
                // A client that goes away is no failure of the server.
                let _ = answer(stream, &*script, &count);
            });
        }
    });
    address
}

fn answer(
    mut stream: TcpStream,
    script: &dyn Fn(&Ask) -> Vec<Act>,
    count: &AtomicUsize,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let number = count.fetch_add(1, Ordering::SeqCst);
    for act in script(&Ask { path, head, body, number }) {
        match act {
            Act::Say(bytes) => stream.write_all(&bytes)?,
            Act::Wait(time) => std::thread::sleep(time),
            Act::Repeat(bytes, times) => {
                for _ in 0..times {
                    stream.write_all(&bytes)?;
                }
            }
        }
        stream.flush()?;
    }
    Ok(())
}

/// The head of an answer whose end is the connection's.
pub(crate) fn head(status: u16, kind: &str) -> Act {
    let text = format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
    Act::Say(text.into_bytes())
}

/// A whole answer.
pub(crate) fn json(status: u16, body: &Value) -> Vec<Act> {
    let body = body.to_string();
    let text = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    vec![Act::Say(text.into_bytes())]
}

/// Bytes as they are.
pub(crate) fn say(text: impl AsRef<[u8]>) -> Act {
    Act::Say(text.as_ref().to_vec())
}

/// So many milliseconds of silence.
pub(crate) fn wait(milliseconds: u64) -> Act {
    Act::Wait(Duration::from_millis(milliseconds))
}
