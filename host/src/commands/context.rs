//! The context of one command: that of its operations, and the format of its data.

use std::ops::Deref;
use vmbuild_core::context::Context;
use vmbuild_core::failure::Failure;

/// An operation's [`Context`], and the format of data on standard output.
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
        vmbuild_operations::sweep(self).await
    }
}
