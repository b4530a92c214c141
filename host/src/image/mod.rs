//! Images and the golden machines made from them.

mod golden;

pub use golden::{Golden, ImageError, Role};
