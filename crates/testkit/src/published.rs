//! Signed files, byte for byte as published.

/// Digests of Ubuntu cloud images, as published.
pub const UBUNTU_SUMS: &[u8] = include_bytes!("../data/SHA256SUMS");

/// The detached signature over [`UBUNTU_SUMS`].
pub const UBUNTU_SUMS_SIGNATURE: &[u8] = include_bytes!("../data/SHA256SUMS.gpg");

/// Digests of Fedora 44 cloud images, clear-signed, as published.
pub const FEDORA_CHECKSUM: &[u8] = include_bytes!("../data/Fedora-Cloud-44-1.7-aarch64-CHECKSUM");

/// The Sigstore bundle of `Python-3.11.2.tgz` (format 0.2).
pub const BUNDLE_3_11_2: &str = include_str!("../data/Python-3.11.2.tgz.sigstore");

/// The Sigstore bundle of `Python-3.12.5.tar.xz` (format 0.1).
pub const BUNDLE_3_12_5: &str = include_str!("../data/Python-3.12.5.tar.xz.sigstore");

/// The Sigstore bundle of `Python-3.13.5.tar.xz` (format 0.3).
pub const BUNDLE_3_13_5: &str = include_str!("../data/Python-3.13.5.tar.xz.sigstore");

/// The Sigstore bundle of `Python-3.14.4.tar.xz`.
pub const BUNDLE_3_14_4: &str = include_str!("../data/Python-3.14.4.tar.xz.sigstore");

/// The OpenPGP signature of `Python-3.13.5.tar.xz`.
pub const SIGNATURE_3_13_5: &[u8] = include_bytes!("../data/Python-3.13.5.tar.xz.asc");
