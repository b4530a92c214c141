//! What vmbuild knows about CPython, as pure functions and data.
//!
//! Host and agent, packer and validator must agree on what a release is called, where its source comes from, how it
//! is configured, what its artifact looks like and what is checked. Each of these is said once, here. Nothing in this
//! crate starts a process, opens a file or a socket: the data files under `provision/cpython` are compiled in.
//!
//! * [`version`], [`release`] and [`minor`]: which releases there are, the digests of their source archives, and what is
//!   particular to each minor version.
//! * [`profile`], [`flavour`], [`configure`] and [`recipe`]: how one is compiled.
//! * [`layout`] and [`checks`]: what comes out, and what is demanded of it.
//! * [`plan`], [`build_info`] and [`record`]: what determined it, what it says of itself, and how it came about.
//! * [`sbom`], [`provenance`] and [`took_effect`]: the same in others' forms, and the proof that it is so.

pub mod build_info;
pub mod checks;
pub mod configure;
pub mod evidence;
pub mod flavour;
mod json;
pub mod layout;
pub mod minor;
pub mod month;
pub mod plan;
pub mod profile;
pub mod profile_data;
pub mod provenance;
pub mod recipe;
pub mod record;
pub mod release;
pub mod sbom;
pub mod schema;
pub mod took_effect;
pub mod version;

pub use build_info::BuildInfo;
pub use checks::{CHECKS, CheckKind};
pub use evidence::{DigestOrigin, SourceEvidence, SourceSignature};
pub use flavour::{Flavour, FlavourError, Flavours};
pub use layout::{ArtifactName, Bounds, BuildNumber, Extent, ImageWord};
pub use minor::{Minor, MinorNumber, SupportPhase, minors};
pub use month::Month;
pub use plan::Plan;
pub use profile::Profile;
pub use profile_data::AboutCounts;
pub use recipe::{CountsPlace, ProfileSource, Recipe, RecipeInput, Slowness, recipe};
pub use record::{
    Attestation, Attestations, Beside, BuildOrigin, BuildRecord, Measured, ProfileOrigin, Training, UsedProfile,
};
pub use release::{OrigKind, Release, ReleaseArchive, Releases, releases};
pub use schema::Schema;
pub use took_effect::{Coverage, Libpython, Lto, NotInEffect, TookEffect};
pub use version::{Version, VersionError};
