//! The context of one command: that of the operations it calls, and how the user wants data.

use std::ops::Deref;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;
use vmbuild_core::store::StoreError;
use vmbuild_machine::sweep;

/// An operation's [`Context`], and whether data on standard output is JSON.
#[derive(Debug, Clone)]
pub(crate) struct CommandContext {
    pub(crate) context: Context,
    pub(crate) json: bool,
}

impl Deref for CommandContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl CommandContext {
    /// Removes what killed commands left behind.
    pub(crate) async fn tidy_up(&self) -> Result<(), Failure> {
        Ok(sweep(&self.store, &self.events, &self.cancel).await.map_err(StoreError::Io)?)
    }
}
