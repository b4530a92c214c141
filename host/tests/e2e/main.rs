//! The whole program, as people run it: real bootstrap, real CPython, real QEMU, real signals.
//!
//! These tests share one store (`target/test-store`), so the golden machines are made once per clone.

mod build;
mod copy;
mod errors;
mod image_export;
mod image_verbs;
mod images;
mod interruption;
mod lifecycle;
mod machines;
mod reconnects;
mod support;
mod terminal;
mod vagrant;
