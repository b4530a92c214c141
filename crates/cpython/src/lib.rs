//! CPython's releases, build recipes and artifact layout, as pure functions and data.
//!
//! Host and agent, packer and validator must agree on the name of a release, the origin of its source, how it
//! is configured, the layout of its artifact and the checks on it. Each of these is defined once, here. Nothing in this
//! crate starts a process, opens a file or a socket: the data files under `provision/cpython` are compiled in.
//!
//! * [`version`], [`release`] and [`minor`]: the known releases, the digests of their source archives, and the facts that
//!   depend on the minor version.
//! * [`profile`], [`flavour`], [`configure`] and [`recipe`]: how a release is compiled.
//! * [`layout`] and [`checks`]: the artifact, and the checks that it must pass.
//! * [`plan`], [`build_info`] and [`record`]: the inputs that determine it, its own description, and the build's record.
//! * [`sbom`], [`provenance`] and [`verified_options`]: the same facts in standard formats, and the proof that they hold.

pub mod build_info;
pub mod checks;
pub mod configure;
pub mod evidence;
pub mod flavour;
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
pub mod verified_options;
pub mod version;

pub use build_info::BuildInfo;
pub use checks::{CHECKS, CheckKind};
pub use evidence::{DigestOrigin, SourceEvidence, SourceSignature};
pub use flavour::{Flavour, FlavourError, Flavours};
pub use layout::{ArtifactName, BuildNumber, Extent, ImageLabel, SizeBounds};
pub use minor::{MinorFacts, MinorNumber, SupportPhase, minors};
pub use month::Month;
pub use plan::Plan;
pub use profile::Profile;
pub use profile_data::ProfileDataInfo;
pub use recipe::{GuestSpeed, ProfileDataPlace, ProfileSource, Recipe, RecipeInput, recipe};
pub use record::{
    Attestation, Attestations, BuildMeasurements, BuildOrigin, BuildRecord, CompanionFile, ProfileOrigin,
    TrainingRecord, UsedProfile,
};
pub use release::{OrigKind, Release, ReleaseArchive, Releases, releases};
pub use schema::Schema;
pub use verified_options::{LibpythonLinkage, LtoEvidence, OptionNotInEffect, ProfileCoverage, VerifiedOptions};
pub use version::{Version, VersionError};
