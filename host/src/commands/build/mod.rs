//! `vmbuild build`: source in, artifact out, validated in between.

mod compile;
mod logs;
mod order;
mod verb;

pub(super) use verb::build;
