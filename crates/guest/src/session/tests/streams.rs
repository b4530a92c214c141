//! Programs that are fed, terminals, and connections.

use super::super::{InputFeed, SessionError};
use super::support::{is_alive, never, shell, with_agent};
use crate::Session;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;
use vmbuild_core::failure::OutputError;
use vmbuild_protocol::{CHUNK, Exited, FailureKind, Interactive, ProgramInput, TerminalSize, WINDOW};

const SIZE: TerminalSize = TerminalSize { rows: 31, columns: 117 };

/// A program with what its user does: each piece is sent once `until` has been seen.
struct Typing {
    session: Session,
    order: Interactive,
    said: Vec<(&'static str, Act)>,
}

enum Act {
    Type(&'static str),
    Resize(TerminalSize),
    Close,
}

impl Typing {
    async fn run(self) -> (Result<Exited, SessionError>, String) {
        let (input, taken) = mpsc::channel(1);
        let (sizes, resized) = mpsc::unbounded_channel();
        let (shows, mut shown) = mpsc::unbounded_channel();
        let feed = InputFeed { input: taken, sizes: resized };
        let mut all = Vec::new();
        let cancel = never();
        let running = self.session.interactive(self.order, feed, &cancel, |_, bytes| {
            all.extend_from_slice(bytes);
            if all.len() > 1 << 16 {
                // Nobody waits for a word in so much; copying it at each piece would take its time.
                return;
            }
            let _ = shows.send(String::from_utf8_lossy(&all).into_owned());
        });
        let user = async {
            let mut input = Some(input);
            for (until, act) in self.said {
                while !until.is_empty() && !shown.recv().await.is_some_and(|text| text.contains(until)) {}
                match act {
                    Act::Type(text) => {
                        let input = input.as_ref().expect("it is open");
                        input.send(Bytes::from_static(text.as_bytes())).await.expect("it is read");
                    }
                    Act::Resize(size) => sizes.send(size).expect("it is followed"),
                    Act::Close => input = None,
                }
            }
            // Open until the program has ended.
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = running => ended,
            () = user => unreachable!("it waits for ever"),
        };
        (ended, String::from_utf8_lossy(&all).into_owned())
    }
}

fn terminal(script: &str) -> Interactive {
    let input = ProgramInput::Terminal { size: SIZE, kind: "vt100".to_owned() };
    Interactive { command: shell(script).command, timeout_ms: None, input }
}

fn piped(script: &str) -> Interactive {
    Interactive { command: shell(script).command, timeout_ms: None, input: ProgramInput::Piped }
}

async fn run(session: &Session, order: Interactive, said: Vec<(&'static str, Act)>) -> (Exited, String) {
    let (ended, text) = Typing { session: session.clone(), order, said }.run().await;
    (ended.expect("it ran"), text)
}

#[tokio::test]
async fn a_program_on_a_terminal_has_its_size_kind_and_exit_code() {
    with_agent(async |session| {
        let script = "tty >/dev/null && stty size; echo $TERM; tty <&2 >/dev/null && exit 7";
        let (ended, text) = run(session, terminal(script), Vec::new()).await;
        assert_eq!((ended, text.as_str()), (Exited::Code(7), "31 117\r\nvt100\r\n"));
        let mut own = terminal("echo $TERM");
        own.command.env.push(("TERM".to_owned(), "mine".to_owned()));
        assert_eq!(run(session, own, Vec::new()).await.1, "mine\r\n", "what the user sets counts");
    })
    .await;
}

#[tokio::test]
async fn a_new_size_reaches_the_program() {
    with_agent(async |session| {
        let script = "trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.05; done";
        let size = TerminalSize { rows: 50, columns: 200 };
        let (ended, text) = run(session, terminal(script), vec![("ready", Act::Resize(size))]).await;
        assert_eq!(ended, Exited::Code(3));
        assert!(text.ends_with("50 200\r\n"), "{text:?}");
    })
    .await;
}

#[tokio::test]
async fn control_c_reaches_the_program_in_the_foreground_and_nobody_else() {
    with_agent(async |session| {
        let script = "trap 'echo caught' INT; sh -c 'echo ready; exec sleep 300'; echo after";
        let (ended, text) = run(session, terminal(script), vec![("ready", Act::Type("\x03"))]).await;
        assert_eq!(ended, Exited::Code(0));
        assert!(text.contains("caught") && text.contains("after"), "{text:?}");
        let (ended, _) = run(session, terminal("echo ready; exec sleep 300"), vec![("ready", Act::Type("\x03"))]).await;
        assert_eq!(ended, Exited::Signal(2));
    })
    .await;
}

#[tokio::test]
async fn a_login_shell_answers_line_by_line() {
    with_agent(async |session| {
        let mut order = terminal("");
        order.command.argv.clear();
        let said = vec![("", Act::Type("echo $((40+2))$((1+1))\r")), ("422", Act::Type("exit 5\r"))];
        let (ended, text) = run(session, order, said).await;
        assert_eq!(ended, Exited::Code(5), "{text:?}");
    })
    .await;
}

#[tokio::test]
async fn what_a_terminal_shows_at_the_end_is_not_lost() {
    with_agent(async |session| {
        let script = "setsid sleep 300 & yes 0123456789 | head -c 3000000; exit 4";
        let (ended, text) = run(session, terminal(script), Vec::new()).await;
        assert_eq!((ended, text.replace('\r', "").len()), (Exited::Code(4), 3_000_000));
    })
    .await;
}

#[tokio::test]
async fn a_program_that_is_fed_ends_with_its_output() {
    with_agent(async |session| {
        let (_input, taken) = mpsc::channel(1);
        let (_sizes, resized) = mpsc::unbounded_channel();
        let (cancel, mut pid) = (never(), String::new());
        let feed = InputFeed { input: taken, sizes: resized };
        let running = session.interactive(piped("echo $$ >&2; exec cat"), feed, &cancel, |stream, bytes| {
            pid = String::from_utf8_lossy(bytes).trim().to_owned();
            Err(OutputError { stream, source: std::io::ErrorKind::StorageFull.into() })
        });
        let error = running.await.expect_err("not accepted");
        assert_eq!(error.to_string(), "cannot write to standard error");
        assert!(!is_alive(&pid), "the program ends before the error is told");
    })
    .await;
}

#[tokio::test]
async fn piped_input_arrives_whole_and_ends() {
    with_agent(async |session| {
        let (input, taken) = mpsc::channel(1);
        let (_sizes, resized) = mpsc::unbounded_channel();
        let (cancel, mut text) = (never(), Vec::new());
        let order = piped("sha256sum; exit 6");
        let running = session.interactive(order, InputFeed { input: taken, sizes: resized }, &cancel, |_, bytes| {
            text.extend_from_slice(bytes);
        });
        let piece = Bytes::from(vec![7; CHUNK]);
        let typing = async {
            for _ in 0..64 {
                input.send(piece.clone()).await.expect("it is read");
            }
            drop(input);
        };
        let (ended, ()) = tokio::join!(running, typing);
        assert_eq!(ended.expect("it ran"), Exited::Code(6));
        let expect = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(vec![7; 64 * CHUNK]));
        assert!(text.starts_with(expect.as_bytes()), "{}", String::from_utf8_lossy(&text));
    })
    .await;
}

#[tokio::test]
async fn a_program_that_does_not_read_holds_its_input_up_and_may_end_without_it() {
    with_agent(async |session| {
        let (input, taken) = mpsc::channel(1);
        let (_sizes, resized) = mpsc::unbounded_channel();
        let (cancel, sent, held) = (never(), std::cell::Cell::new(0), std::cell::Cell::new(0));
        let order = piped("sleep 0.7; echo now; sleep 0.5; exit 8");
        let running = session.interactive(order, InputFeed { input: taken, sizes: resized }, &cancel, |_, _| {
            // Later what it did not take is dropped, and more may come.
            held.set(sent.get());
        });
        let typing = async {
            while input.send(Bytes::from(vec![0; CHUNK])).await.is_ok() {
                sent.set(sent.get() + CHUNK);
            }
        };
        let ended = tokio::select! {
            ended = running => ended,
            () = typing => panic!("the program's end closes its input"),
        };
        assert_eq!(ended.expect("it ran"), Exited::Code(8));
        assert!((1..3 * WINDOW as usize).contains(&held.get()), "{} bytes were taken from the sender", held.get());
        // One that closes its input early is no error either.
        let said = vec![("", Act::Type("line\n")), ("closed", Act::Type("more\n")), ("", Act::Close)];
        let (ended, _) = run(session, piped("exec <&-; echo closed; sleep 0.2; exit 9"), said).await;
        assert_eq!(ended, Exited::Code(9));
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_terminal_takes_its_programs_with_it() {
    with_agent(async |session| {
        let (_input, taken) = mpsc::channel(1);
        let (_sizes, resized) = mpsc::unbounded_channel();
        let cancel = never();
        // An interactive shell ignores SIGTERM.
        let order = terminal("trap '' TERM; sleep 300 & echo $!; wait");
        let mut pid = String::new();
        let running = session.interactive(order, InputFeed { input: taken, sizes: resized }, &cancel, |_, bytes| {
            pid = String::from_utf8_lossy(bytes).trim().to_owned();
            cancel.cancel();
        });
        assert!(matches!(running.await, Err(SessionError::Cancelled)));
        super::support::ends(&pid).await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_carries_bytes_both_ways_to_its_two_ends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("it has one").port();
    let bytes = 3 * WINDOW as usize;
    with_agent(async |session| {
        let server = async {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.expect("its words");
            heard.reverse();
            stream.write_all(&heard).await.expect("an answer");
        };
        let (ours, mut client) = tokio::io::duplex(64 << 10);
        let cancel = never();
        let speaking = async {
            let (mut reader, mut writer) = tokio::io::split(&mut client);
            let question: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 251).expect("small")).collect();
            let asking = async {
                writer.write_all(&question).await.expect("it is taken");
                writer.shutdown().await.expect("it ends");
            };
            let mut answer = Vec::new();
            let ((), heard) = tokio::join!(asking, reader.read_to_end(&mut answer));
            heard.expect("an answer");
            answer.reverse();
            assert!(answer == question, "what came back is not what went there");
        };
        let (closed, (), ()) = tokio::join!(session.connect(port, ours, &cancel), server, speaking);
        closed.expect("both directions ended");
        drop(listener);
        let (ours, _client) = tokio::io::duplex(64);
        let Err(SessionError::Refused(failure)) = session.connect(port, ours, &cancel).await else { panic!("refused") };
        assert_eq!(
            (failure.kind, failure.message),
            (FailureKind::Io, format!("nothing listens on port {port} of the guest"))
        );
    })
    .await;
}
