//! Running a recipe. The agent knows nothing about CPython but how to read two kinds of output: a compiler run
//! (`compile`) and CPython's regression tests (`regrtest`).

mod compile;
mod file;
mod lines;
mod memory;
mod program;
mod recipe;
mod regrtest;
mod watcher;

pub use recipe::build;
