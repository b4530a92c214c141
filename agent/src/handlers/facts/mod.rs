//! What the guest is like: asked once by the host for its plan and its evidence.

mod gather;
mod limits;
mod os_release;

pub use gather::facts;
