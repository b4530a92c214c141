//! `vmbuild build`: source in, artifact out, validated in between; `plan` and `reproduce`, which need the same parts.

mod compile;
mod counts;
mod logs;
mod order;
mod plan;
mod reproduce;
mod reuse;
mod verb;

pub(super) use plan::plan;
pub(super) use reproduce::reproduce;
pub(super) use verb::build;
