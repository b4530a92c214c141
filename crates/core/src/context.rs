//! The context every operation runs in.

use crate::event::Events;
use crate::failure::{Diagnose, Exit};
use crate::store::Store;
use tokio_util::sync::CancellationToken;

/// Handed down from the edge: nothing below it is global.
#[derive(Debug, Clone)]
pub struct Context {
    /// The store, which persists between runs.
    pub store: Store,
    /// The stream of events.
    pub events: Events,
    /// Fires on Ctrl-C, SIGTERM, or a client's cancel.
    pub cancel: CancellationToken,
}

/// The user interrupted the command.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

impl Diagnose for Interrupted {
    fn exit(&self) -> Exit {
        Exit::Interrupted
    }
}

impl Context {
    /// Waits for `work`, unless the user interrupts first.
    pub async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        tokio::select! {
            done = work => Ok(done),
            () = self.cancel.cancelled() => Err(Interrupted),
        }
    }

    /// Fails once the user has interrupted.
    pub fn check_cancelled(&self) -> Result<(), Interrupted> {
        if self.cancel.is_cancelled() { Err(Interrupted) } else { Ok(()) }
    }
}
