//! Downloads that resume, and verification of signatures.

pub mod download;
pub mod signature;
