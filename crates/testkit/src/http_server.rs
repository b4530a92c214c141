//! A small HTTP/1.1 server that can misbehave like real download servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::bytes::Bytes;

/// A file that the server serves.
#[derive(Debug, Clone)]
pub struct ServedFile {
    /// Contents of the file.
    pub body: Bytes,
    /// Behavior for requests of this file.
    pub behavior: ServerBehavior,
    /// Value of the `ETag` header.
    pub etag: Option<&'static str>,
}

/// Behavior of the server for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerBehavior {
    /// Serves the file, with support for ranges.
    Normal,
    /// Ignores ranges and always serves the file from the beginning.
    NoRanges,
    /// Closes the connection after this many bytes, once; normal afterwards.
    CutOnce(usize),
    /// Sends this many bytes, then stalls with the connection open.
    Stall(usize),
    /// Announces this length, and sends the file.
    Claims(u64),
    /// Responds with 503 this many times; normal afterwards.
    Busy(u32),
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct HttpServer {
    address: std::net::SocketAddr,
    files: Arc<Mutex<HashMap<String, ServedFile>>>,
    asked: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl HttpServer {
    /// Starts a server on a free port of the loopback interface.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (files, asked) = (Arc::default(), Arc::default());
        let mut task = JoinSet::new();
        task.spawn(accept(listener, Arc::clone(&files), Arc::clone(&asked)));
        Self { address, files, asked, _task: task }
    }

    /// Returns the URL of a file.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Serves a file without an `ETag`.
    pub fn serve(&self, path: &str, body: &[u8], behavior: ServerBehavior) {
        self.put(path, ServedFile { body: Bytes::copy_from_slice(body), behavior, etag: None });
    }

    /// Serves a file.
    pub fn put(&self, path: &str, served: ServedFile) {
        self.files.lock().expect("no panic").insert(format!("/{path}"), served);
    }

    /// Returns the base URL of the server, without a trailing slash.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops serving a file.
    pub fn remove(&self, path: &str) {
        self.files.lock().expect("no panic").remove(&format!("/{path}"));
    }

    /// Returns the requests so far: path and, if any, start of the range.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

type Files = Arc<Mutex<HashMap<String, ServedFile>>>;

async fn accept(listener: TcpListener, files: Files, asked: Arc<Mutex<Vec<String>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&files), Arc::clone(&asked)));
    }
}

struct HttpRequest {
    path: String,
    offset: usize,
    etag: Option<String>,
    if_range: Option<String>,
}

async fn read(stream: &mut TcpStream) -> Option<HttpRequest> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next_line().await.ok()??.split(' ').nth(1)?.to_owned();
    let mut request = HttpRequest { path, offset: 0, etag: None, if_range: None };
    while let Some(line) = lines.next_line().await.ok()?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "range" => request.offset = value.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()?,
            "if-range" => request.if_range = Some(value.to_owned()),
            "if-none-match" => request.etag = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(request)
}

async fn answer(mut stream: TcpStream, files: Files, asked: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read(&mut stream).await else { return };
    let range = if request.offset > 0 { format!(" from {}", request.offset) } else { String::new() };
    asked.lock().expect("no panic").push(format!("{}{range}", request.path));
    let Some(served) = take(&files, &request.path) else {
        return send(&mut stream, "404 Not Found", b"no such file").await;
    };
    if matches!(served.behavior, ServerBehavior::Busy(_)) {
        return send(&mut stream, "503 Service Unavailable", b"busy").await;
    }
    if served.etag.is_some() && served.etag == request.etag.as_deref() {
        return send(&mut stream, "304 Not Modified", b"").await;
    }
    let changed = request.if_range.is_some() && request.if_range.as_deref() != served.etag;
    let offset = if served.behavior == ServerBehavior::NoRanges || changed { 0 } else { request.offset };
    if offset > 0 && offset >= served.body.len() {
        return send(&mut stream, "416 Range Not Satisfiable", b"").await;
    }
    let rest = &served.body[offset..];
    let (mut length, total) = (rest.len() as u64, served.body.len());
    if let ServerBehavior::Claims(bytes) = served.behavior {
        length = bytes;
    }
    let etag = served.etag.map(|etag| format!("ETag: {etag}\r\n")).unwrap_or_default();
    let (status, range) = match offset {
        0 => ("200 OK", String::new()),
        _ => ("206 Partial Content", format!("Content-Range: bytes {offset}-{}/{total}\r\n", total - 1)),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{etag}{range}\r\n");
    let sent = match served.behavior {
        ServerBehavior::CutOnce(count) | ServerBehavior::Stall(count) => &rest[..count.min(rest.len())],
        _ => rest,
    };
    // Errors are ignored: the client may have closed the connection.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(sent).await;
    if matches!(served.behavior, ServerBehavior::Stall(_)) {
        std::future::pending::<()>().await;
    }
    let _ = stream.shutdown().await;
}

/// Looks up the file for a request, and counts down behaviors that are limited to a number of requests.
fn take(files: &Files, path: &str) -> Option<ServedFile> {
    let mut files = files.lock().expect("no panic");
    let served = files.get_mut(path)?;
    let now = served.clone();
    served.behavior = match served.behavior {
        ServerBehavior::CutOnce(_) | ServerBehavior::Busy(1) => ServerBehavior::Normal,
        ServerBehavior::Busy(times) => ServerBehavior::Busy(times - 1),
        behavior => behavior,
    };
    Some(now)
}

async fn send(stream: &mut TcpStream, status: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
    let _ = stream.shutdown().await;
}

/// Returns pseudo-random bytes, which do not compress.
pub fn incompressible_bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}
