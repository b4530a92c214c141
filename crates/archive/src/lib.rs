//! Archives that can be compared and trusted: normalised packing, digests, checksum files and safe unpacking.
//!
//! Two builds of the same source are only comparable when their container does not depend on the day, the
//! user or the order of a directory. And an archive from elsewhere may name files outside the folder
//! it is unpacked into. So [`pack_tree`] writes the contents of the tree and nothing else, and [`unpack`] refuses every
//! entry that would reach outside; both use one rule for links (`entry::InsidePath`).
//!
//! Everything here blocks. Callers in async code put it on a blocking thread.

mod beneath;
mod checksum;
mod contents;
mod digest;
mod entry;
mod error;
mod list;
mod pack;
mod replace;
mod sha256;
mod unpack;
mod walk;

/// The format that [`pack_tree`] writes. Raised whenever equal trees begin to give other bytes, by this crate or by the
/// compressor: a test pins the bytes of this one.
pub const FORM: u32 = 1;

pub use beneath::BeneathDir;
pub use checksum::{checksum_line, parse_checksum_line};
pub use contents::{ContentKind, EntryContent, contents, read_files};
pub use digest::{HashReader, HashWriter, sha256_file};
pub use error::{ArchiveError, EntryRefusal};
pub use list::list;
pub use pack::{PackSummary, pack_tree};
pub use replace::{ReplaceError, ReplaceTarget, not_a_file, open_stream, replace, replaceable};
pub use sha256::{Sha256, Sha256Error};
pub use unpack::{UnpackSummary, unpack};
