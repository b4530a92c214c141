//! SSH as a way to an agent, against Debian's own `sshd`: started by the test on a loopback port, with its own host
//! key, settings and list of users' keys, and a home folder that is nobody's.

#[path = "ssh/server.rs"]
mod server;

use server::{Server, skip};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_guest::{
    ConnectError, HostKeys, Session, SessionError, SessionOpening, SshError, SshWay, Transport, connect,
};
use vmbuild_protocol::{CommandLine, Exec, Exited};
use vmbuild_supervise::Deadline;

/// The static agent, where the test may run it: it wants to be root.
fn agent(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("VMBUILD_AGENT").map(PathBuf::from);
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/vmbuild-agent");
    let agent = named.into_iter().chain([built]).find(|path| path.is_file());
    match agent {
        Some(agent) if rustix::process::geteuid().is_root() => Some(agent.canonicalize().expect("it is there")),
        Some(_) => skip(test, "only root can start the agent without sudo"),
        None => skip(test, "there is no static agent: `cargo xtask agent` builds it"),
    }
}

async fn open(way: &SshWay) -> Session {
    let pipe = connect(&Transport::Ssh(Box::new(way.clone()))).await.unwrap_or_else(|error| panic!("{error:?}"));
    let limit = Deadline::after(Duration::from_mins(1));
    Session::open(pipe, SessionOpening::Fresh, limit, &CancellationToken::new()).await.expect("the agent answers")
}

async fn refusal(way: &SshWay) -> SshError {
    match connect(&Transport::Ssh(Box::new(way.clone()))).await {
        Ok(_) => panic!("{way} let us in"),
        Err(ConnectError::Io(error)) => panic!("{error}"),
        Err(ConnectError::Ssh(error)) => *error,
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_agent_of_another_build_is_replaced_and_then_serves() {
    let test = "an_agent_of_another_build_is_replaced_and_then_serves";
    let (Some(agent), Some(server)) = (agent(test), Server::start(test).await) else { return };
    let placed = server.home().join(".vmbuild/agent");
    fs_err::create_dir(server.home().join(".vmbuild")).expect("a folder");
    fs_err::write(&placed, "of another build").expect("a file");
    let way = server.way(&agent);

    let session = open(&way).await;
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs_err::metadata(path).expect("placed"));
    let first = inode(&placed);
    assert!(fs_err::read(&placed).expect("placed") == fs_err::read(&agent).expect("built"), "byte by byte");
    let command = CommandLine {
        argv: ["sh", "-c", "echo out; echo err >&2; exit 7"].map(str::to_owned).to_vec(),
        env: Vec::new(),
        cwd: "/".to_owned(),
    };
    let (cancel, mut said) = (CancellationToken::new(), Vec::new());
    let exec = Exec { command, timeout_ms: None };
    let exited = session.exec(exec, &cancel, |_, bytes| said.extend_from_slice(bytes)).await.expect("it runs");
    assert_eq!(exited, Exited::Code(7));
    assert_eq!(said.len(), "out\nerr\n".len(), "{said:?}");

    there_and_back(&session, server.home(), &cancel).await;
    // A second one beside it, which need not send the agent again.
    let second = open(&way).await;
    second.ping().await.expect("it answers");
    session.ping().await.expect("the first still does");
    assert_eq!(inode(&placed), first, "the same digest is not placed again");
    let left: Vec<_> = fs_err::read_dir(placed.parent().expect("a folder")).expect("read").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

async fn there_and_back(session: &Session, folder: &Path, cancel: &CancellationToken) {
    let (here, there, back) = (folder.join("here"), folder.join("there"), folder.join("back"));
    // More than any window or buffer in between, and no two blocks alike.
    let bytes: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    fs_err::write(&here, &bytes).expect("room");
    let name = there.to_str().expect("a plain name");
    session.put_file(&here, name, 0o644, cancel, |_| ()).await.expect("sent");
    session.get_file(name, &back, cancel, |_| ()).await.expect("fetched");
    assert!(fs_err::read(&back).expect("fetched") == bytes);
}

#[tokio::test(flavor = "current_thread")]
async fn the_first_host_key_is_kept_and_no_other_accepted() {
    let test = "the_first_host_key_is_kept_and_no_other_accepted";
    let Some(server) = Server::start(test).await else { return };
    // Nothing is placed: no such file. So the connection gets as far as that.
    let way = server.way(Path::new("/nowhere/agent"));
    let HostKeys::Pinned { file } = way.host_keys.clone() else { panic!("pinned") };
    assert!(matches!(refusal(&way).await, SshError::Local(_)));
    let pinned = fs_err::read_to_string(&file).expect("written");
    let ours = fs_err::read_to_string(server.folder().join("host_key.pub")).expect("made");
    assert!(ours.starts_with(pinned.trim()), "{ours} {pinned}");

    fs_err::copy(server.folder().join("user_key.pub"), &file).expect("another key");
    let changed = refusal(&way).await;
    assert!(matches!(changed, SshError::KeyChanged { .. }), "{changed:?}");
    assert_eq!(changed.exit(), Exit::Integrity);
    assert!(changed.hints().iter().any(|hint| hint.contains(file.to_str().expect("plain"))), "{:?}", changed.hints());
    assert!(!changed.to_string().contains('\n') && changed.to_string().contains("SHA256:"), "{changed}");

    let known = |contents: String| {
        let file = server.folder().join("known_hosts");
        fs_err::write(&file, contents).expect("written");
        SshWay { host_keys: HostKeys::Known { file }, ..way.clone() }
    };
    assert!(matches!(refusal(&known(String::new())).await, SshError::KeyUnknown { .. }));
    assert!(matches!(refusal(&known(format!("[127.0.0.1]:{} {ours}", way.port))).await, SshError::Local(_)));
    let other = fs_err::read_to_string(server.folder().join("user_key.pub")).expect("made");
    assert!(matches!(refusal(&known(format!("[127.0.0.1]:{} {other}", way.port))).await, SshError::KeyChanged { .. }));
}

#[tokio::test(flavor = "current_thread")]
async fn keys_that_are_not_let_in_are_named() {
    let test = "keys_that_are_not_let_in_are_named";
    let Some(server) = Server::start(test).await else { return };
    let way = server.way(Path::new("/nowhere/agent"));
    let stranger = SshWay { keys: vec![server.folder().join("host_key")], ..way.clone() };
    let refused = refusal(&stranger).await;
    assert!(matches!(refused, SshError::Refused { .. }) && refused.to_string().contains("host_key"), "{refused}");
    let both = SshWay { keys: vec![server.folder().join("host_key"), way.keys[0].clone()], ..way.clone() };
    assert!(matches!(refusal(&both).await, SshError::Local(_)), "the second key is let in");
    let none = SshWay { keys: Vec::new(), ..way.clone() };
    assert!(matches!(refusal(&none).await, SshError::Refused { .. }));
    let nonsense = SshWay { keys: vec![server.folder().join("sshd_config")], ..way };
    assert!(matches!(refusal(&nonsense).await, SshError::KeyFile { .. }));
}

#[tokio::test(flavor = "current_thread")]
async fn what_does_not_start_says_why() {
    let test = "what_does_not_start_says_why";
    let Some(server) = Server::start(test).await else { return };
    let agent = server.folder().join("agent");
    fs_err::write(&agent, "#!/bin/sh\necho no such luck >&2\nexit 9\n").expect("written");
    let failed = refusal(&server.way(&agent)).await;
    let expect = "starting the agent failed over SSH with exit code 9";
    // Without root it is sudo that says why.
    if rustix::process::geteuid().is_root() {
        assert!(failed.to_string().starts_with(expect) && failed.to_string().contains("no such luck"), "{failed}");
    }
    assert!(matches!(failed, SshError::Program { .. }), "{failed:?}");
    assert_eq!(failed.exit(), Exit::Environment);
}

#[tokio::test(flavor = "current_thread")]
async fn a_server_that_hangs_up_is_no_hang() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let folder = tempfile::tempdir().expect("a folder");
    let way = SshWay {
        host: "127.0.0.1".to_owned(),
        port,
        user: "nobody".to_owned(),
        keys: Vec::new(),
        host_keys: HostKeys::Pinned { file: folder.path().join("pin") },
        agent: PathBuf::from("/nowhere"),
    };
    let hang_up = async {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut some = [0; 4];
        stream.read_exact(&mut some).await.expect("its greeting");
        assert_eq!(&some, b"SSH-");
    };
    let (refused, ()) = tokio::join!(refusal(&way), hang_up);
    assert!(matches!(refused, SshError::Broken { .. }), "{refused:?}");
    drop(listener);
    assert!(matches!(refusal(&way).await, SshError::Unreachable { .. }));
}

#[tokio::test(flavor = "current_thread")]
async fn a_connection_that_breaks_ends_the_session_and_the_agent() {
    let test = "a_connection_that_breaks_ends_the_session_and_the_agent";
    let (Some(agent), Some(server)) = (agent(test), Server::start(test).await) else { return };
    let way = server.way(&agent);
    let between = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let cut = CancellationToken::new();
    let relay = {
        let (cut, port) = (cut.clone(), way.port);
        let way = SshWay { port: between.local_addr().expect("bound").port(), ..way.clone() };
        tokio::spawn(async move {
            let (mut one, _) = between.accept().await.expect("a caller");
            let mut other = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("the server");
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut one, &mut other) => {}
                () = cut.cancelled() => {}
            }
        });
        way
    };
    let session = open(&relay).await;
    session.ping().await.expect("it answers");
    cut.cancel();
    assert!(matches!(session.ping().await, Err(SessionError::Lost)));
    // The agent's input has ended, and so does the agent: its file is all that stays.
    while !server.programs_in_home().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    open(&way).await.ping().await.expect("the next one answers");
}
