//! Bytes from elsewhere: downloads that resume, and signatures that say who signed them.

pub mod download;
pub mod signature;
