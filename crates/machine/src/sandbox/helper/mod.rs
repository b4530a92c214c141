//! The processes that make namespaces: `outer` in the host's process space, `inner` as process 1 of the new one.
//!
//! Both have one thread and know nothing of the rest of the program. What fails travels to vmbuild as a
//! [`HelperRefusal`](super::control::HelperRefusal).

mod channel;
mod device;
mod inner;
mod mounts;
mod network;
mod outer;
mod root;

pub(super) use outer::enter;
