//! Files into and out of the guest, hashed on the way.

mod fingerprint;
mod get;
mod get_rest;
mod list;
mod make;
mod put;
mod put_rest;
mod stream;
mod to_stream;

pub use fingerprint::fingerprint;
pub use get::get;
pub use get_rest::get_rest;
pub use list::list;
pub use make::make;
pub use put::put;
pub use put_rest::put_rest;
