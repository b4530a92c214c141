//! The images in the store: listed, verified, pruned, deleted.

pub(crate) mod clean;
pub(crate) mod inventory;
pub(crate) mod prune;
pub(crate) mod verify;
