//! The checks on an artifact.
//!
//! A build that ended without an error can still be worthless: a module that did not compile is only a line in a
//! log, a library can be found on the build machine and nowhere else. So the artifact is unpacked in a machine
//! without a compiler and used. Every check always runs, so that one report says everything; a check whose subject
//! an earlier one could not provide fails and says so.
//!
//! | checks | file | |
//! |---|---|---|
//! | 1 artifact exists, 2 checksum file, 3 sha256, 4 size | `files` | the archive as a file |
//! | 5 structure | `structure` | its list of entries |
//! | 6 binaries | `binaries`, `hardening`, `elf` | unpacked into a fresh folder (`tree`) |
//! | 7 version | `version` | the interpreter runs |
//! | 8 native modules | `modules`, `answer`, `probe.py` | it finds its libraries, and its own modules |
//! | 9 pip | `pip` | it finds its own packages |
//! | 10 build info, 11 licence | `documents` | what comes along |
//!
//! They find mistakes, not malice: whoever makes an artifact can make one that answers everything right.
//!
//! Checks 4, 10 and 11 warn, or fail when the request is strict.

mod answer;
mod binaries;
mod documents;
mod elf;
mod files;
mod hardening;
mod modules;
mod outcome;
mod pip;
mod python;
mod run;
mod structure;
mod subject;
#[cfg(test)]
mod tests;
mod tree;
mod version;

pub use run::validate;
