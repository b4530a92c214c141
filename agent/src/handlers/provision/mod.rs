//! Packages: asking the guest's own package manager, and letting it install them.

mod commands;
mod install;
mod resolve;
mod retry;
mod snapshot;

pub use install::provision;
pub use resolve::resolve;
