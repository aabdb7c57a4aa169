//! A registry inside the test: HTTP/1.1 on a loopback port, one thread a connection. It behaves until told otherwise:
//! each test wraps [`Memory::answer`] in a closure that misbehaves where the test wants it to.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use imgforge::oci::Digest;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Path without the query.
    pub(crate) path: String,
    /// What follows `?`, as it came.
    pub(crate) query: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// `METHOD path`, for logs.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.path.contains(part)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back()?;
        Some(value.replace("%3A", ":").replace("%2F", "/"))
    }
}

/// What comes back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// So many bytes more than `body`, all `x`.
    pub(crate) padding: usize,
    /// Sends only so many bytes of the body, then closes the connection.
    pub(crate) cut: Option<usize>,
    /// Says nothing of the length: the end of the connection is the end of the body.
    pub(crate) no_length: bool,
    /// Says this length instead of the true one.
    pub(crate) length: Option<usize>,
    /// Waits so long after the headers and before the body.
    pub(crate) stall: Option<Duration>,
    /// Waits so long after each 64 KiB of the body.
    pub(crate) pace: Option<Duration>,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// How many bytes of a request's body are read before it is answered; the connection is closed after less than all.
pub(crate) type Appetite = Box<dyn Fn(&Call) -> Option<usize> + Send + Sync>;

/// A running fake. It ends with the process; its port is its own.
pub(crate) struct Fake {
    pub(crate) host: String,
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
}

impl Fake {
    pub(crate) fn start(handler: impl FnMut(&Call) -> Answer + Send + 'static) -> Self {
        Self::start_with(Box::new(|_| None), handler)
    }

    pub(crate) fn start_with(
        appetite: Appetite,
        handler: impl FnMut(&Call) -> Answer + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (log, handler) = (calls.clone(), Arc::new(Mutex::new(handler)));
        let appetite = Arc::new(appetite);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler, appetite) = (log.clone(), handler.clone(), appetite.clone());
                std::thread::spawn(move || {
                    let answer = |call: &Call| {
                        log.lock().unwrap().push(call.clone());
                        let mut handler = handler.lock().unwrap();
                        (*handler)(call)
                    };
                    // A client that goes away is no failure of the fake.
                    let _ = serve(&stream, &appetite, answer);
                });
            }
        });
        Self { host, calls }
    }

    /// The requests so far, as `METHOD path` lines, without the greeting.
    pub(crate) fn lines(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.path != "/v2/").map(Call::line).collect()
    }

    pub(crate) fn seen(&self, method: &str, part: &str) -> Vec<Call> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.is(method, part)).cloned().collect()
    }
}

fn serve(
    stream: &TcpStream,
    appetite: &Appetite,
    mut answer: impl FnMut(&Call) -> Answer,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        // A TLS greeting is not for us: the client finds out by the closed connection.
        match reader.fill_buf()?.first() {
            None | Some(0x16) => return Ok(()),
            Some(_) => {}
        }
        let Some(mut call) = head(&mut reader)? else {
            return Ok(());
        };
        let chunked = call.header("transfer-encoding") == "chunked";
        let length = call.header("content-length").parse().unwrap_or(if chunked { usize::MAX } else { 0 });
        let mut wanted = appetite(&call).unwrap_or(length).min(length);
        if chunked {
            // All of it, or so many bytes and no more.
            let whole = read_chunks(&mut reader, &mut call.body, wanted)?;
            wanted = if whole { length } else { wanted };
        } else {
            call.body.resize(wanted, 0);
            reader.read_exact(&mut call.body)?;
        }
        let reply = answer(&call);
        let whole = write(stream, &call, &reply)?;
        if !whole || wanted < length {
            return Ok(());
        }
    }
}

/// A chunked body (RFC 9112, 7.1), or its first `most` bytes; whether it has ended.
fn read_chunks(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>, most: usize) -> std::io::Result<bool> {
    let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    while body.len() < most {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim_end(), 16).map_err(|_| broken())?;
        let start = body.len();
        body.resize(start + length, 0);
        reader.read_exact(&mut body[start..])?;
        reader.read_exact(&mut [0; 2])?;
        if length == 0 {
            return Ok(true);
        }
    }
    body.truncate(most);
    Ok(false)
}

fn head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Call>> {
    let mut call = Call::default();
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    call.method = method.to_owned();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (call.path, call.query) = (path.to_owned(), query.to_owned());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok(Some(call));
        };
        call.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

/// Writes an answer; false when the connection is over with it.
fn write(mut stream: &TcpStream, call: &Call, answer: &Answer) -> std::io::Result<bool> {
    let full = answer.body.len() + answer.padding;
    let mut text = format!("HTTP/1.1 {} Status\r\n", answer.status);
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if answer.no_length {
        text.push_str("Connection: close\r\n");
    } else {
        text.push_str(&format!("Content-Length: {}\r\n", answer.length.unwrap_or(full)));
    }
    stream.write_all(format!("{text}\r\n").as_bytes())?;
    stream.flush()?;
    if let Some(stall) = answer.stall {
        std::thread::sleep(stall);
    }
    if call.method == "HEAD" {
        return Ok(!answer.no_length);
    }
    let mut left = answer.cut.unwrap_or(full);
    let own = left.min(answer.body.len());
    for piece in answer.body[..own].chunks(65536) {
        stream.write_all(piece)?;
        answer.pace.into_iter().for_each(std::thread::sleep);
    }
    left -= own;
    let filler = [b'x'; 65536];
    while left > 0 {
        let piece = left.min(filler.len());
        stream.write_all(&filler[..piece])?;
        left -= piece;
    }
    let honest = answer.length.is_none_or(|length| length == full);
    Ok(answer.cut.is_none() && !answer.no_length && honest)
}

/// A registry that does everything right, as distribution 2.8 does it.
#[derive(Default)]
pub(crate) struct Memory {
    /// By repository and digest.
    pub(crate) blobs: BTreeMap<(String, String), Vec<u8>>,
    /// By repository and tag or digest: media type and bytes.
    pub(crate) manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    /// Open uploads.
    pub(crate) uploads: BTreeMap<String, Vec<u8>>,
    opened: usize,
}

impl Memory {
    pub(crate) fn put_blob(&mut self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.blobs.insert((repository.to_owned(), digest.to_string()), bytes.to_vec());
        digest
    }

    pub(crate) fn put_manifest(&mut self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) {
        for name in [tag.to_owned(), Digest::of(bytes).to_string()] {
            let entry = (media_type.to_owned(), bytes.to_vec());
            self.manifests.insert((repository.to_owned(), name), entry);
        }
    }

    /// Opens an upload and says where.
    pub(crate) fn open_upload(&mut self, repository: &str) -> Answer {
        self.opened += 1;
        let id = format!("u{}", self.opened);
        self.uploads.insert(id.clone(), Vec::new());
        self.upload_answer(202, repository, &id)
    }

    /// Relative, and with a query of its own: what is added must not replace it (T38).
    fn upload_answer(&self, status: u16, repository: &str, id: &str) -> Answer {
        let length = self.uploads.get(id).map_or(0, Vec::len);
        Answer::new(status)
            .with("Location", format!("/v2/{repository}/blobs/uploads/{id}?_state=s{length}"))
            .with("Range", format!("0-{}", length.saturating_sub(1)))
    }

    pub(crate) fn answer(&mut self, call: &Call) -> Answer {
        let path = call.path.trim_start_matches("/v2/");
        if path.is_empty() {
            return Answer::new(200);
        }
        if let Some((repository, id)) = path.split_once("/blobs/uploads/") {
            return self.upload(call, repository, id);
        }
        let blob =
            path.split_once("/blobs/").map(|(repository, digest)| (repository.to_owned(), digest.to_owned()));
        if let Some(key) = blob {
            return self
                .blobs
                .get(&key)
                .map_or_else(|| missing("BLOB_UNKNOWN"), |bytes| ranged(call, &key.1, bytes));
        }
        let Some((repository, name)) = path.split_once("/manifests/") else {
            return missing("NAME_UNKNOWN");
        };
        let key = (repository.to_owned(), name.to_owned());
        if call.method == "PUT" {
            self.put_manifest(repository, name, call.header("content-type"), &call.body);
            return Answer::new(201).with("Docker-Content-Digest", Digest::of(&call.body).to_string());
        }
        self.manifests.get(&key).map_or_else(
            || missing("MANIFEST_UNKNOWN"),
            |(media_type, bytes)| {
                Answer::new(200)
                    .with("Content-Type", media_type)
                    .with("Docker-Content-Digest", Digest::of(bytes).to_string())
                    .body(bytes.clone())
            },
        )
    }

    fn upload(&mut self, call: &Call, repository: &str, id: &str) -> Answer {
        if call.method == "POST" {
            let known = call.parameter("mount").zip(call.parameter("from")).and_then(|(digest, from)| {
                let bytes = self.blobs.get(&(from, digest.clone()))?.clone();
                Some((digest, bytes))
            });
            if let Some((digest, bytes)) = known {
                self.blobs.insert((repository.to_owned(), digest), bytes);
                return Answer::new(201);
            }
            return self.open_upload(repository);
        }
        let Some(upload) = self.uploads.get_mut(id) else {
            return missing("BLOB_UPLOAD_UNKNOWN");
        };
        // distribution 2.8: the state in the query is the offset that the client was told last.
        if call.method != "DELETE"
            && call.parameter("_state") != Some(format!("s{}", upload.len()))
            && call.method != "GET"
        {
            return missing("BLOB_UPLOAD_INVALID");
        }
        match call.method.as_str() {
            "DELETE" => {
                self.uploads.remove(id);
                Answer::new(204)
            }
            "GET" => self.upload_answer(204, repository, id),
            "PATCH" => {
                upload.extend_from_slice(&call.body);
                self.upload_answer(202, repository, id)
            }
            _ => {
                let mut bytes = self.uploads.remove(id).unwrap_or_default();
                bytes.extend_from_slice(&call.body);
                let digest = call.parameter("digest").unwrap_or_default();
                if Digest::of(&bytes).to_string() != digest {
                    return Answer::new(400)
                        .body(r#"{"errors":[{"code":"DIGEST_INVALID","message":"mismatch"}]}"#);
                }
                self.put_blob(repository, &bytes);
                Answer::new(201).with("Docker-Content-Digest", digest)
            }
        }
    }
}

/// A 404 with the code that distribution uses.
pub(crate) fn missing(code: &str) -> Answer {
    Answer::new(404).body(format!(r#"{{"errors":[{{"code":"{code}","message":"not here"}}]}}"#))
}

/// A blob, or the closed or open range of it that was asked for.
pub(crate) fn ranged(call: &Call, digest: &str, bytes: &[u8]) -> Answer {
    let range = call.header("range").strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let Some((first, last)) = range else {
        return Answer::new(200).with("Docker-Content-Digest", digest).body(bytes);
    };
    let first: usize = first.parse().unwrap();
    let last = last.parse().unwrap_or(bytes.len() - 1).min(bytes.len() - 1);
    if first > last {
        return Answer::new(416);
    }
    Answer::new(206)
        .with("Content-Range", format!("bytes {first}-{last}/{}", bytes.len()))
        .body(&bytes[first..=last])
}
