//! Measurements, for docs/benchmarks.md: what each step costs, beside other programs that do the like.

mod host;
pub(crate) mod image;
mod table;
