//! Facts about the guest, which the host uses for its plan and its evidence.

mod gather;
mod limits;
mod os_release;

pub use gather::facts;
