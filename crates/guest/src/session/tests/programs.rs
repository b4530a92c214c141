//! Programs in the guest.

use super::super::SessionError;
use super::support::{ends, is_alive, never, shell, with_agent};
use crate::Session;
use std::io::ErrorKind;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::failure::{Diagnose, Exit, OutputError};
use vmbuild_protocol::{CHUNK, Exec, Exited, FailureKind, OutputStream, WINDOW};

/// Runs it and returns its end and what it wrote.
async fn run(session: &Session, exec: Exec) -> (Result<Exited, SessionError>, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let on_output = |stream, bytes: &[u8]| match stream {
        OutputStream::Stdout => out.extend_from_slice(bytes),
        OutputStream::Stderr => err.extend_from_slice(bytes),
    };
    let exited = session.exec(exec, &never(), on_output).await;
    (exited, String::from_utf8(out).expect("text"), String::from_utf8(err).expect("text"))
}

#[tokio::test]
async fn a_program_has_its_surroundings_and_its_end_comes_back() {
    with_agent(async |session| {
        let mut exec = shell("echo $0 $HOME $TERM $LANG $WORD $PWD; echo err >&2; exit 7");
        exec.command.env.push(("WORD".to_owned(), "given".to_owned()));
        exec.command.cwd = "/tmp".to_owned();
        let (exited, out, err) = run(session, exec).await;
        assert_eq!(exited.expect("it ran"), Exited::Code(7));
        assert_eq!((out.as_str(), err.as_str()), ("sh /root dumb C.UTF-8 given /tmp\n", "err\n"));
        let (exited, ..) = run(session, shell("kill -TERM $$")).await;
        assert_eq!(exited.expect("it ran"), Exited::Signal(15));
    })
    .await;
}

#[tokio::test]
async fn a_program_that_cannot_start_or_takes_too_long_is_a_refusal() {
    with_agent(async |session| {
        let refused = async |exec: Exec| match run(session, exec).await.0 {
            Err(SessionError::Refused(failure)) => failure,
            other => panic!("{other:?}"),
        };
        let mut missing = shell("");
        missing.command.argv = vec!["/no/such/program".to_owned()];
        assert_eq!(refused(missing).await.kind, FailureKind::NotStarted);
        let mut nowhere = shell("true");
        nowhere.command.cwd = "/no/such/folder".to_owned();
        assert!(refused(nowhere).await.message.contains("the folder does not exist"));
        let mut empty = shell("");
        empty.command.argv.clear();
        assert_eq!(refused(empty).await.kind, FailureKind::Invalid);

        let late = refused(Exec { timeout_ms: Some(300), ..shell("echo stuck; setsid sleep 300") }).await;
        assert_eq!((late.kind, late.tail.as_str()), (FailureKind::TimedOut, "stuck"));
        assert_eq!(SessionError::Refused(late).exit(), Exit::Job);
    })
    .await;
}

#[tokio::test]
async fn two_hundred_megabytes_pass() {
    with_agent(async |session| {
        let mut bytes = 0u64;
        let count = |_, piece: &[u8]| {
            assert!(piece.len() <= CHUNK);
            bytes += piece.len() as u64;
        };
        let exited = session.exec(shell("head -c 200000000 /dev/zero"), &never(), count).await;
        assert_eq!(exited.expect("it ran"), Exited::Code(0));
        assert_eq!(bytes, 200_000_000);
    })
    .await;
}

/// Writes a chunk at a time and notes how many it got rid of.
const COUNTED: &str = "n=0; while [ $n -lt 200 ]; do head -c 65536 /dev/zero; n=$((n+1)); echo $n >$COUNT.new; mv $COUNT.new $COUNT; done";

#[tokio::test]
async fn a_slow_listener_holds_the_program_up_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = folder.path().join("count");
    let mut exec = shell(COUNTED);
    exec.command.env.push(("COUNT".to_owned(), count.to_str().expect("text").to_owned()));
    let written = || fs_err::read_to_string(&count).unwrap_or_default().trim().parse().unwrap_or(0);
    with_agent(async |session| {
        let (cancel, bytes) = (never(), std::cell::Cell::new(0));
        let count = |_, piece: &[u8]| bytes.set(bytes.get() + piece.len());
        let mut exec = std::pin::pin!(session.exec(exec, &cancel, count));
        // Asked once, then left alone: nobody listens, while agent and pipe go on.
        assert!(futures_util::poll!(&mut exec).is_pending());
        let window = WINDOW as usize / CHUNK;
        while written() < window {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Time to run away, if anything let it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let ahead: usize = written();
        assert!(ahead < 3 * window, "{ahead} chunks were taken without a listener");
        // Others are not held up.
        session.ping().await.expect("a round trip");
        assert_eq!(exec.await.expect("it ran"), Exited::Code(0));
        assert_eq!(bytes.get(), 200 * CHUNK);
    })
    .await;
}

#[tokio::test]
async fn a_cancel_ends_the_program() {
    with_agent(async |session| {
        let (cancel, mut pid) = (CancellationToken::new(), String::new());
        let exec = session.exec(shell("echo $$; exec sleep 300"), &cancel, |_, bytes| {
            pid = String::from_utf8_lossy(bytes).trim().to_owned();
            cancel.cancel();
        });
        let error = exec.await.expect_err("cancelled");
        assert_eq!(error.exit(), Exit::Interrupted);
        ends(&pid).await;
        session.ping().await.expect("the session lives on");
    })
    .await;
}

#[tokio::test]
async fn output_that_is_not_accepted_ends_the_program() {
    with_agent(async |session| {
        for (kind, said) in [(ErrorKind::StorageFull, "cannot write to standard output"), (ErrorKind::BrokenPipe, "")] {
            let (mut pid, cancel) = (String::new(), never());
            let exec = session.exec(shell("echo $$; exec yes"), &cancel, |stream, bytes| {
                if pid.is_empty() {
                    pid = String::from_utf8_lossy(bytes).lines().next().expect("its number").to_owned();
                }
                Err(OutputError { stream, source: kind.into() })
            });
            let error = exec.await.expect_err("not accepted");
            assert!(!is_alive(&pid), "the program ends before the error is told");
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(error.exit(), Exit::Environment);
            assert!(matches!(error, SessionError::Output(refused) if refused.source.kind() == kind));
        }
        session.ping().await.expect("the session lives on");
    })
    .await;
}

#[tokio::test]
async fn a_dropped_future_ends_the_program_and_so_does_the_end_of_the_session() {
    let starts = async |session: &Session| {
        let (said, mut says) = tokio::sync::mpsc::unbounded_channel();
        let cancel = never();
        let exec = session.exec(shell("echo $$; trap '' TERM; sleep 300"), &cancel, |_, bytes| {
            let _ = said.send(String::from_utf8_lossy(bytes).trim().to_owned());
        });
        tokio::select! {
            ended = exec => panic!("{ended:?}"),
            pid = says.recv() => pid.expect("its number"),
        }
    };
    let mut last = String::new();
    with_agent(async |session| {
        ends(&starts(session).await).await;
        session.ping().await.expect("the session lives on");
        last = starts(session).await;
    })
    .await;
    assert!(!is_alive(&last), "the agent left before its programs");
}

#[tokio::test]
async fn whatever_a_program_leaves_behind_is_gone_before_the_answer() {
    let scripts = [
        "setsid sleep 300 >/dev/null 2>&1 & echo $!",
        // Keeps the pipe, in a session of its own.
        "setsid sleep 300 & echo $!",
        "sleep 300 & echo $!",
    ];
    with_agent(async |session| {
        for script in scripts {
            let (exited, pid, _) = run(session, shell(script)).await;
            assert_eq!(exited.expect("it ran"), Exited::Code(0));
            assert!(!is_alive(pid.trim()), "{script}");
        }
    })
    .await;
}

#[tokio::test]
async fn requests_overlap() {
    with_agent(async |session| {
        let folder = tempfile::tempdir().expect("a folder");
        let gate = folder.path().join("gate");
        let waits = format!("while ! [ -e {} ]; do sleep 0.01; done; echo through", gate.display());
        let opens = async {
            session.ping().await.expect("a round trip");
            run(session, shell(&format!("touch {}", gate.display()))).await.0
        };
        let ((waited, out, _), opened) = tokio::join!(run(session, shell(&waits)), opens);
        assert_eq!((waited.expect("it ran"), out.as_str()), (Exited::Code(0), "through\n"));
        assert_eq!(opened.expect("it ran"), Exited::Code(0));
    })
    .await;
}
