//! `vmbuild image …`, as clap types.

use super::values::one_of;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use vmbuild_image::{Compression, ExportFormat, GoldenRole, Image};

/// The `image` verbs.
#[derive(Debug, Subcommand)]
pub enum ImageVerb {
    /// List the known images and what the store has of them.
    List,
    /// Show an image's source, golden machines, digests and sizes.
    Show(NamedImage),
    /// Download an image's base: its publisher's disk, or the packages it is bootstrapped from.
    Fetch(NamedImage),
    /// Pin a cloud image to its publisher's newest release, after verifying its signature.
    Update(NamedImage),
    /// Prepare an image's golden machines and print their digests.
    Build(BuildImage),
    /// Hash an image's files and compare them with their recorded digests (exit 4 if they differ).
    Verify(NamedImage),
    /// Export a golden machine as a disk, an archive, a container image or a Vagrant box.
    Export(ExportImage),
    /// Delete golden machines and files that no current image needs.
    Prune(PruneArgs),
}

/// An image.
#[derive(Debug, Clone, Args)]
pub struct NamedImage {
    /// Name of the image, or path of an image file.
    #[arg(default_value = Image::DEFAULT)]
    pub name: String,
}

/// Golden machines to prepare.
#[derive(Debug, Args)]
pub struct BuildImage {
    /// Name of the image, or path of an image file.
    #[arg(default_value = Image::DEFAULT)]
    pub name: String,
    /// Golden machines to prepare.
    #[arg(long, value_enum, default_value_t)]
    pub role: RoleArgs,
    /// Also make the files that QEMU starts from: disk, kernel and initramfs.
    #[arg(long)]
    pub disk: bool,
    /// Make them again even if they exist.
    #[arg(long)]
    pub force: bool,
    /// Use exactly the packages in the image's lock file, or fail.
    #[arg(long, conflicts_with = "update_lock")]
    pub locked: bool,
    /// Write the packages that the archive offers now to a lock file in this folder.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "images/locks")]
    pub update_lock: Option<PathBuf>,
}

/// A golden machine to write in another format.
#[derive(Debug, Args)]
pub struct ExportImage {
    /// Name of the image, or path of an image file.
    pub name: String,
    /// Output format.
    #[arg(long, value_parser = one_of::<ExportFormat>())]
    pub format: ExportFormat,
    /// Golden machine to export.
    #[arg(long, value_enum, default_value_t = OneRole::Build)]
    pub role: OneRole,
    /// Compression [default: none for disks and rootfs-tar, gzip for oci and vagrant-box].
    #[arg(long, value_parser = one_of::<Compression>(), value_name = "HOW")]
    pub compress: Option<Compression>,
    /// Output file; for oci a folder, unless its name ends in `.tar`.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
}

/// Options of pruning.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Only print what would be deleted.
    #[arg(long)]
    pub dry_run: bool,
}

/// Golden machines of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum RoleArgs {
    /// The build machine, with compiler and development packages.
    Build,
    /// The clean machine, which validates without either.
    Clean,
    /// Both.
    #[default]
    All,
}

/// One golden machine of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OneRole {
    /// The build machine, with compiler and development packages.
    Build,
    /// The clean machine, which validates without either.
    Clean,
}

impl RoleArgs {
    /// The roles, in the order in which they are made.
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
