//! Software bill of materials (SBOM) of an artifact, as SPDX 2.3.
//!
//! The problem: users of an artifact must know the versions of the libraries that it bundles and of the system libraries
//! that it links. Otherwise nobody can tell whether a new vulnerability affects it. Linked libraries are
//! read from the finished files, not from a list of requested ones.
//!
//! The same document is in the artifact and next to it; the latter also contains the tarball's digest. Everything in it
//! is determined by the plan. Source: SPDX Specification 2.3, clauses 6 (document), 7 (package), 11 (relationships).

mod contents;
mod document;
mod make;
mod purl;
mod source;

pub use contents::{BundledProject, PublishedArchive, SbomContents, SbomSource, SystemLibrary, Wheel};
pub use document::{ExternalRef, SpdxChecksum, SpdxDocument, SpdxPackage, SpdxRelationship};
pub use make::document;
pub use source::source_packages;
