//! What every verb needs.

use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::failure::{Diagnose, Exit, Failure};
use vmbuild_core::store::{Store, StoreError};
use vmbuild_machine::sweep;

/// What every verb needs.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Where things are kept.
    pub(crate) store: Store,
    /// Where events go.
    pub(crate) events: Events,
    /// Fires on Ctrl-C and SIGTERM.
    pub(crate) cancel: CancellationToken,
    /// Whether data on stdout is JSON.
    pub(crate) json: bool,
}

/// Ctrl-C or SIGTERM, where no other error says so.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

impl Diagnose for Interrupted {
    fn exit(&self) -> Exit {
        Exit::Interrupted
    }
}

impl Context {
    /// Removes what killed commands left.
    pub(crate) async fn tidy_up(&self) -> Result<(), Failure> {
        Ok(sweep(&self.store, &self.events, &self.cancel).await.map_err(StoreError::Io)?)
    }

    /// Waits for `work`, unless the user interrupts first.
    pub(crate) async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        tokio::select! {
            done = work => Ok(done),
            () = self.cancel.cancelled() => Err(Interrupted),
        }
    }

    /// Fails once the user has interrupted.
    pub(crate) fn check_cancelled(&self) -> Result<(), Interrupted> {
        if self.cancel.is_cancelled() { Err(Interrupted) } else { Ok(()) }
    }
}
