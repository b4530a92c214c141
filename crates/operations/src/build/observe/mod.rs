//! Looking at what was compiled while its machine is still there.
//!
//! The problem: what a build was told to do says little about what came out. Which libraries the finished files link,
//! and which packages have these, is known only in the machine that linked them; so are the traces that link-time
//! optimisation leaves. So they are read there, before the tree is packed, and go into it.

mod bundled;
mod elf;
mod guest;
mod inspect;
mod libraries;
mod owners;

pub(super) use inspect::{Inspection, ObservedTree, observe};
