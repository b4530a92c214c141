//! The program in the guest. A library too, so that tests and the host's own tests can run the real agent
//! over any byte pipe.

pub mod cleanup;
pub mod exec;
pub mod files;
pub mod guest;
pub mod handlers;
pub mod init;
pub mod interactive;
pub mod listen;
pub mod port;
pub mod request;
pub mod session;
