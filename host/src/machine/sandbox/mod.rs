//! Machines as Linux namespaces over a directory tree.

mod machine;
mod namespace;

pub use machine::{Sandbox, SandboxError};
pub use namespace::{Bind, Enter, NamespaceError, Root, internal_entry};
