//! The context of one command: that of the operations it calls, and the format of its data.

use std::ops::Deref;
use vmbuild_core::context::Context;

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
