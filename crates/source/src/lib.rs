//! CPython's source, verified before anything else sees it.
//!
//! The problem: a source archive enters a guest and is compiled there, so a wrong one must never get that far; and
//! no single place has it for everybody (python.org is blocked on many build hosts, a Debian mirror is often not).
//! So the place does not matter and the SHA-256 does: every archive is compared with the digest pinned in vmbuild's
//! list of releases, or with one that the user gave, wherever it came from.
//!
//! A digest says which bytes; `evidence` says who signed them, as far as that can be found out.
//!
//! The order: a file the user named, the store's cache, a URL the user named; without either of them python.org,
//! then the pool of the Debian archive. What the user named is never replaced by something else.

mod apt;
mod cache;
mod debian_index;
mod debian_pool;
mod error;
mod evidence;
mod expected;
mod given;
mod obtain;
mod python_org;
mod request;
mod resolver;
mod settings;
mod stanza;
#[cfg(test)]
mod tests;

pub use error::{Attempt, SourceError};
pub use evidence::{EvidenceError, Need, Signers, VouchedSource, vouch};
pub use obtain::obtain;
pub use request::{FileOrUrl, SourceArchive, SourceOrigin, SourceRequest};
pub use settings::{DebianArchive, Settings};
pub use vmbuild_fetch::download::RetryPolicy;
