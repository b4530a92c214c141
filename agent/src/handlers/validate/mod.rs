//! The checks on an artifact.
//!
//! A build that ended without an error can still be worthless: a module that did not compile is only a line in a
//! log, and a library may be found on the build machine and nowhere else. So the artifact is unpacked in a machine
//! without a compiler and used. Every check always runs, so that one report covers everything; a check whose subject
//! is missing fails and says so.
//!
//! The order, the names and the severities are those of [`vmbuild_cpython::CHECKS`]; `checks` has one file for each,
//! and `run` dispatches to them. Check 6 is assisted by `hardening` and `elf`, the checks that run the interpreter by
//! `python`, and the import of modules by `answer` and `probe.py`.
//!
//! The checks find mistakes, not malice: a malicious artifact can give the right answer to every question.

mod answer;
mod checks;
mod elf;
mod hardening;
mod programs;
mod python;
mod report;
mod run;
mod subject;
#[cfg(test)]
mod tests;
mod tree;

pub use run::validate;
