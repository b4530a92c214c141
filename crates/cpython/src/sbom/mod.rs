//! The bill of materials of an artifact, as SPDX 2.3.
//!
//! The problem: whoever runs an artifact must know which libraries came with it, and which of the system's it links, each
//! to its version: otherwise nobody can say whether an artifact has the hole that was found yesterday. What is linked is
//! read off the finished files and not off a list of what was asked for.
//!
//! The same document lies in the artifact and beside it; the one beside also names the tarball's digest. Everything in it
//! is determined by the plan. Source: SPDX Specification 2.3, clauses 6 (document), 7 (package), 11 (relationships).

mod contents;
mod document;
mod make;
mod purl;
mod source;

pub use contents::{Bundled, BundledOrigin, Contents, SystemLibrary, Wheel};
pub use document::{Checksum, Document, ExternalRef, Relationship, SpdxPackage};
pub use make::document;
pub use source::source_packages;
