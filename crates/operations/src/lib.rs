//! One function per verb, without a command line.

pub mod doctor;
