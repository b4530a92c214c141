//! The program in the guest. A library too, so that tests and the host's own tests can run the real agent
//! over any byte pipe.

pub mod cleanup;
pub mod failure;
pub mod guest;
pub mod handlers;
pub mod init;
pub mod listen;
pub mod port;
pub mod request;
pub mod session;

mod blocking;
mod packages;
mod power;
#[cfg(test)]
mod testing;
