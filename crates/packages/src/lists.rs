//! Package lists by purpose: `provision/packages/<name>.toml`, or the table `[packages]` of an image.

use crate::PackagesError;
use serde::Deserialize;
use vmbuild_protocol::PackageManager;

/// The packages of an image by purpose.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageLists {
    #[serde(rename = "schema", default)]
    _schema: SchemaOne,
    /// The package manager that installs them.
    pub manager: PackageManager,
    /// Packages to compile any C project.
    pub toolchain: Vec<String>,
    /// Development packages for CPython's optional modules.
    pub cpython: Vec<String>,
    /// Packages that a compiled CPython needs to run.
    pub runtime: Vec<String>,
}

impl PackageLists {
    /// Reads a package list; `file` names it in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, PackagesError> {
        toml::from_str(text).map_err(|source| PackagesError::Malformed { file: file.to_owned(), source })
    }

    /// The packages that the build role adds.
    pub fn build(&self) -> Vec<String> {
        [self.toolchain.as_slice(), &self.cpython].concat()
    }

    /// The packages of all lists.
    pub fn all(&self) -> Vec<String> {
        [self.runtime.as_slice(), &self.toolchain, &self.cpython].concat()
    }
}

/// The number 1: the only schema of these files so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "u32")]
pub struct SchemaOne;

impl TryFrom<u32> for SchemaOne {
    type Error = String;

    fn try_from(schema: u32) -> Result<Self, String> {
        if schema == 1 { Ok(Self) } else { Err(format!("unsupported schema {schema} (expected 1)")) }
    }
}
