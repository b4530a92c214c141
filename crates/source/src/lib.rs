//! CPython's source, verified before anything else uses it.
//!
//! The problem: a source archive enters a guest and is compiled there, so a wrong one must never get that far; and
//! no single place works for everybody (python.org is blocked on many build hosts, a Debian mirror often is not). So the
//! place does not matter and the SHA-256 does: every archive is compared with the digest pinned in vmbuild's list of
//! releases, or with the user's own, regardless of its origin.
//!
//! A digest identifies the bytes; `evidence` finds and verifies their signatures.
//!
//! The order: a file the user named, the store's cache, a URL the user named; without either of them python.org,
//! then the pool of the Debian archive. A place that the user named is never replaced by another.

mod cache;
mod debian_index;
mod debian_pool;
mod error;
mod evidence;
mod expected;
mod fetch_source;
mod pool_file;
mod python_org;
mod request;
mod resolver;
mod settings;
#[cfg(test)]
mod tests;
mod user_source;

pub use error::{FailedAttempt, SourceError};
pub use evidence::{EvidenceError, SignaturePolicy, SignerTable, VerifiedSource, verify_source};
pub use fetch_source::fetch_source;
pub use request::{FileOrUrl, SourceArchive, SourceOrigin, SourceRequest};
pub use settings::{DebianArchive, SourceSettings};
pub use vmbuild_fetch::download::RetryPolicy;
