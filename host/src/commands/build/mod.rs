//! `vmbuild build`, `plan` and `reproduce`: from the command line to a request, from an outcome to output.

mod inputs;
mod plan;
mod reproduce;
mod verb;

pub(super) use plan::plan;
pub(super) use reproduce::reproduce;
pub(super) use verb::build;
