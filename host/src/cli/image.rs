//! `vmbuild image …`, as clap types.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use vmbuild_image::{Compression, ExportFormat, GoldenRole, Image};

/// What people can ask for about images.
#[derive(Debug, Subcommand)]
pub enum ImageVerb {
    /// Show every known image, and what of it is here.
    List,
    /// Show one image: what it is made from, what is here, its digests and sizes.
    Show(NamedImage),
    /// Bring an image's base here: download it, or bootstrap it from its archive.
    Fetch(NamedImage),
    /// Move a cloud image's pin to its publisher's newest release, whose signature is verified.
    Update(NamedImage),
    /// Prepare an image's golden machines, and print their digests.
    Build(BuildImage),
    /// Hash again what is here of an image, and compare it with what was recorded (exit 4 if it differs).
    Verify(NamedImage),
    /// Write a golden machine as a disk, an archive, a container image or a box.
    Export(ExportImage),
    /// Delete what no current image needs: other recipes' golden machines, unfinished ones, old agents' files.
    Prune(PruneArgs),
}

/// An image.
#[derive(Debug, Clone, Args)]
pub struct NamedImage {
    /// The image's name, or the path of a description.
    #[arg(default_value = Image::DEFAULT)]
    pub name: String,
}

/// Golden machines to prepare.
#[derive(Debug, Args)]
pub struct BuildImage {
    /// The image's name.
    #[arg(default_value = Image::DEFAULT)]
    pub name: String,
    /// Which golden machines.
    #[arg(long, value_enum, default_value_t)]
    pub role: Roles,
    /// Also make the view that QEMU starts from: disk, kernel and initramfs.
    #[arg(long)]
    pub disk: bool,
    /// Make them again, even if they are here.
    #[arg(long)]
    pub force: bool,
    /// Take exactly the packages of the image's lock file, or fail.
    #[arg(long, conflicts_with = "update_lock")]
    pub locked: bool,
    /// Write what the archive offers now as the image's lock file into this folder.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "images/locks")]
    pub update_lock: Option<PathBuf>,
}

/// A golden machine to write in another format.
#[derive(Debug, Args)]
pub struct ExportImage {
    /// The image's name.
    pub name: String,
    /// What to write.
    #[arg(long, value_parser = export_formats())]
    pub format: ExportFormat,
    /// Which golden machine.
    #[arg(long, value_enum, default_value_t = OneRole::Build)]
    pub role: OneRole,
    /// How to compress it [default: none for disks and rootfs-tar, gzip for oci and vagrant-box].
    #[arg(long, value_parser = compressions(), value_name = "HOW")]
    pub compress: Option<Compression>,
    /// The file to write; for oci a folder, unless its name ends in `.tar`.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub force: bool,
}

/// What to delete.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Only say what would be deleted.
    #[arg(long)]
    pub dry_run: bool,
}

/// Which golden machines of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Roles {
    /// The one that compiles.
    Build,
    /// The one that validates: no compiler, no development package.
    Clean,
    /// Both.
    #[default]
    All,
}

/// One golden machine of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OneRole {
    /// The one that compiles.
    Build,
    /// The one that validates: no compiler, no development package.
    Clean,
}

impl Roles {
    /// The roles meant, in the order they are made in.
    pub fn each(self) -> &'static [GoldenRole] {
        match self {
            Self::Build => &[GoldenRole::Build],
            Self::Clean => &[GoldenRole::Clean],
            Self::All => &[GoldenRole::Clean, GoldenRole::Build],
        }
    }
}

impl From<OneRole> for GoldenRole {
    fn from(role: OneRole) -> Self {
        match role {
            OneRole::Build => Self::Build,
            OneRole::Clean => Self::Clean,
        }
    }
}

/// Parses an export format.
fn export_formats() -> impl TypedValueParser<Value = ExportFormat> {
    let value = |format: ExportFormat| PossibleValue::new(format.as_str()).help(format.about());
    PossibleValuesParser::new(ExportFormat::ALL.map(value)).try_map(|name| name.parse::<ExportFormat>())
}

/// Parses a compression.
fn compressions() -> impl TypedValueParser<Value = Compression> {
    let value = |how: Compression| PossibleValue::new(how.as_str()).help(how.about());
    PossibleValuesParser::new(Compression::ALL.map(value)).try_map(|name| name.parse::<Compression>())
}
