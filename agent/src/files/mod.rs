//! Files into and out of the guest, hashed on the way.

mod get;
mod put;

pub use get::get;
pub use put::put;
