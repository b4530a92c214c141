//! The whole program, as people run it: real bootstrap, real CPython, real QEMU, real signals.
//!
//! These tests share one store (`target/test-store`), so the golden machines are made once per clone.

mod anywhere;
mod attestations;
mod build;
#[expect(clippy::print_stdout, reason = "what took how long is shown")]
mod cloud_image;
mod copy;
mod dnf;
mod errors;
mod full_disk;
mod image_export;
mod image_verbs;
mod images;
mod interruption;
mod lifecycle;
mod machines;
mod reconnects;
mod scarce_memory;
#[allow(clippy::unwrap_used, clippy::print_stdout, reason = "clippy knows tests, not their helpers")]
mod standin;
mod stores;
mod streams;
mod support;
mod terminal;
mod vagrant;
mod vsock;
