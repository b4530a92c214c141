//! A web server for a folder, which misbehaves as told.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Its misbehavior.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// `503`.
    Unavailable,
    /// Half of the file, then the end of the connection.
    Truncated,
    /// A file of the same size with other bytes.
    Altered,
}

/// It does something wrong with paths that end so, this many times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trick {
    pub(super) ending: &'static str,
    pub(super) wrong: Wrong,
    pub(super) times: usize,
}

#[derive(Debug)]
struct State {
    root: PathBuf,
    tricks: Vec<Trick>,
    asked: Vec<String>,
}

/// The running server. It ends when dropped.
pub(super) struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start(root: PathBuf, tricks: Vec<Trick>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State { root, tricks, asked: Vec::new() }));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                // A client that hangs up is its own business.
                tokio::spawn(async move { serve(stream, &state).await.ok() });
            }
        });
        Self { port, state, task }
    }

    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How often paths that end so were asked for.
    pub(super) fn asked(&self, ending: &str) -> usize {
        self.state.lock().expect("no panic").asked.iter().filter(|path| path.ends_with(ending)).count()
    }

    /// Stops listening.
    pub(super) fn stop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == "\r\n" {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or("/").to_owned();
    let (file, wrong) = look_up(state, &path);
    let answer = match (wrong, fs_err::read(&file)) {
        (Some(Wrong::Unavailable), _) => plain("503 Service Unavailable"),
        (_, Err(_)) => plain("404 Not Found"),
        (None, Ok(bytes)) => whole(&bytes, bytes.len()),
        (Some(Wrong::Truncated), Ok(bytes)) => whole(&bytes[..bytes.len() / 2], bytes.len()),
        (Some(Wrong::Altered), Ok(bytes)) => whole(&vec![b'x'; bytes.len()], bytes.len()),
    };
    stream.write_all(&answer).await?;
    stream.shutdown().await
}

/// The file, and what to do wrong with it this time. A snapshot's folder is the archive itself.
fn look_up(state: &Mutex<State>, path: &str) -> (PathBuf, Option<Wrong>) {
    let mut state = state.lock().expect("no panic");
    state.asked.push(path.to_owned());
    let trick = state.tricks.iter_mut().find(|trick| trick.times > 0 && path.ends_with(trick.ending));
    let wrong = trick.map(|trick| {
        trick.times -= 1;
        trick.wrong
    });
    let inside = path.trim_start_matches("/20260705T000000Z").trim_start_matches('/');
    (Path::new(&state.root).join(inside), wrong)
}

fn plain(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

fn whole(bytes: &[u8], promised: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {promised}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), bytes].concat()
}
