//! Standard input as pieces.
//!
//! Reading it may block for ever, and it can be neither polled everywhere (it may be a file) nor made non-blocking
//! (the flag would reach the shell that shares it). So a thread of its own reads it. It starts no process, holds
//! nothing, and ends with the program, in the middle of a read if need be; tokio's own threads would hold that up.

use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;
use vmbuild_protocol::CHUNK;

/// Reads standard input to its end. The next piece is read only when the one before has been taken.
pub(super) fn pieces() -> mpsc::Receiver<Bytes> {
    let (pieces, taken) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        loop {
            match rustix::io::retry_on_intr(|| rustix::io::read(rustix::stdio::stdin(), &mut buffer[..])) {
                Ok(count) if count > 0 => {
                    if pieces.blocking_send(Bytes::copy_from_slice(&buffer[..count])).is_err() {
                        return;
                    }
                }
                // An error is an end, too: a terminal whose window was closed.
                Ok(_) | Err(_) => return,
            }
        }
    });
    taken
}
