//! `vmbuild build`: source in, artifact out, validated in between; `plan` and `reproduce`, which need the same parts.

mod attestations;
mod compile;
mod cpython_error;
mod debug_info;
mod effect;
mod flavour;
mod logs;
mod observe;
mod order;
mod packages;
mod plan;
mod profile_data;
mod reproduce;
mod reuse;
mod verb;

use cpython_error::CpythonError;
pub(super) use plan::{changes as plan_changes, plan};
pub(super) use reproduce::{read_info, reproduce};
pub(super) use verb::build;
