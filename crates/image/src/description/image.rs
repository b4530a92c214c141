//! An image's description. The repository's descriptions are part of the program, so that it works alone.

use super::DescriptionError;
use crate::embedded::{IMAGES, LISTS, lookup};
use crate::{CloudImage, ImageError, cloud};
use serde::{Deserialize, Deserializer, de};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use vmbuild_core::store::Store;
use vmbuild_packages::{PackageLists, SchemaOne};

/// Jaro-Winkler similarity (0 to 1) from which a name is suggested.
const SIMILAR: f64 = 0.7;

/// An image: `images/<name>.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    #[serde(rename = "schema")]
    _schema: SchemaOne,
    /// The text it was read from.
    #[serde(skip)]
    text: String,
    /// Its name, such as `debian-12`.
    #[serde(deserialize_with = "word")]
    pub name: String,
    /// Its name in artifact names, such as `debian12`.
    #[serde(deserialize_with = "word")]
    pub artifact_word: String,
    /// Its packages.
    pub packages: ImagePackages,
    /// The source of its root file system.
    pub source: ImageSource,
    /// Its kernel.
    pub kernel: KernelSource,
}

/// The packages of an image: lists that come with vmbuild, or its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "the name of a file in provision/packages/, or a table `[packages]` like one of those")]
pub enum ImagePackages {
    /// The name of a file in `provision/packages/`.
    Named(String),
    /// Lists in the description itself.
    Own(PackageLists),
}

/// The source of an image's root file system.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ImageSource {
    /// Made by mmdebstrap from the distribution's archive.
    Bootstrap {
        /// The archive's suite, by its code name.
        suite: String,
        /// The keyring the archive must be signed with: a file on the host.
        keyring: PathBuf,
        /// The archive's components to take.
        components: Vec<String>,
        /// The state of the archive to use, where old states are kept: `20260705T000000Z`.
        #[serde(default)]
        snapshot: Option<String>,
    },
    /// A publisher's image, of a dated release.
    CloudImage(CloudImage),
}

/// An image's kernel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelSource {
    /// The package that names the current kernel, by architecture as `uname -m` prints it. Empty if the image has its own.
    #[serde(default)]
    pub package: BTreeMap<String, String>,
    /// Modules to load before the root file system is mounted; built-in ones are skipped.
    pub modules: Vec<String>,
}

impl Image {
    /// The default image.
    pub const DEFAULT: &'static str = "ubuntu-22.04";

    /// The names of the images that come with vmbuild.
    pub fn known() -> Vec<&'static str> {
        IMAGES.iter().map(|(name, _)| *name).collect()
    }

    /// The image that comes with vmbuild under this name.
    pub fn find(name: &str) -> Result<Self, ImageError> {
        Self::parse(Self::embedded(name)?, &format!("images/{name}.toml"))
    }

    /// The image of this name or, if it looks like one, at this path. One in the store's `images.d` takes precedence
    /// over the one that comes with vmbuild.
    pub fn load(image: &str, store: &Store) -> Result<Self, ImageError> {
        let place = cloud::find_description(image, store)?;
        let read = Self::parse(&place.text, &place.file)?;
        if !place.named_by_path && read.name != image {
            return Err(DescriptionError::Misnamed { file: place.file, name: read.name }.into());
        }
        Ok(read)
    }

    /// The names of all images: those that come with vmbuild, and the store's own. Sorted.
    pub fn names(store: &Store) -> Result<Vec<String>, ImageError> {
        let known = Self::known().into_iter().map(str::to_owned);
        let names: BTreeSet<String> = known.chain(cloud::description_names(store)?).collect();
        Ok(names.into_iter().collect())
    }

    /// The description that comes with vmbuild under this name.
    pub(crate) fn embedded(name: &str) -> Result<&'static str, ImageError> {
        lookup(IMAGES, name).ok_or_else(|| unknown(name).into())
    }

    /// Parses a description; `file` names it in errors.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, ImageError> {
        let read: Result<Self, _> = toml::from_str(text);
        let image = read.map_err(|source| DescriptionError::Malformed { file: file.to_owned(), source })?;
        Ok(Self { text: text.to_owned(), ..image })
    }

    /// The text its description was read from: part of a golden machine's identity.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The state of the archives that a guest installs from, if not the current one. Only a cloud image's guest installs
    /// from archives.
    pub fn snapshot(&self) -> Option<String> {
        match &self.source {
            ImageSource::CloudImage(cloud) => cloud.snapshot(),
            ImageSource::Bootstrap { .. } => None,
        }
    }

    /// Its packages.
    pub fn lists(&self) -> Result<PackageLists, ImageError> {
        let name = match &self.packages {
            ImagePackages::Named(name) => name,
            ImagePackages::Own(lists) => return Ok(lists.clone()),
        };
        let Some(text) = lookup(LISTS, name) else {
            return Err(DescriptionError::NoLists { image: self.name.clone(), lists: name.clone() }.into());
        };
        Ok(PackageLists::parse(text, &format!("provision/packages/{name}.toml"))?)
    }

    /// The text its package lists were read from; empty for lists in the description itself.
    pub(crate) fn lists_text(&self) -> &'static str {
        match &self.packages {
            ImagePackages::Named(name) => lookup(LISTS, name).unwrap_or_default(),
            ImagePackages::Own(_) => "",
        }
    }

    /// Its package lists in the format of `provision/packages/`.
    pub fn lists_file(&self) -> String {
        match &self.packages {
            ImagePackages::Named(_) => self.lists_text().to_owned(),
            ImagePackages::Own(_) => {
                // It has been parsed before, so it parses again.
                let description: toml::Table = toml::from_str(&self.text).unwrap_or_default();
                description.get("packages").map(ToString::to_string).unwrap_or_default()
            }
        }
    }

    /// The kernel package for this architecture.
    pub fn kernel_package(&self) -> Result<&str, ImageError> {
        let arch = std::env::consts::ARCH;
        let package = self.kernel.package.get(arch);
        let unsupported = || DescriptionError::Architecture { image: self.name.clone(), arch };
        Ok(package.map(String::as_str).ok_or_else(unsupported)?)
    }
}

/// A word that is safe in file names.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let word = String::deserialize(from)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if word.starts_with(|c: char| c.is_ascii_alphanumeric()) && word.chars().all(plain) {
        return Ok(word);
    }
    Err(de::Error::custom(format!("invalid name `{word}` (expected letters, digits, dots and hyphens)")))
}

fn unknown(name: &str) -> DescriptionError {
    let score = |known: &&str| strsim::jaro_winkler(name, known);
    let nearest = Image::known().into_iter().max_by(|a, b| score(a).total_cmp(&score(b)));
    let nearest = nearest.filter(|known| score(known) >= SIMILAR);
    DescriptionError::Unknown { name: name.to_owned(), known: Image::known(), nearest }
}

#[cfg(test)]
mod tests {
    use super::{IMAGES, Image, ImagePackages, ImageSource, LISTS, PackageLists};
    use insta::assert_snapshot;
    use vmbuild_core::failure::{Diagnose, Exit};

    #[test]
    fn every_embedded_file_is_read_and_named_after_itself() {
        for (name, _) in IMAGES.iter().copied() {
            let image = Image::find(name).expect("an embedded image");
            assert_eq!(image.name, name);
            assert!(!image.text().is_empty());
            assert!(matches!(image.packages, ImagePackages::Own(_)) || !image.lists_text().is_empty());
            match &image.source {
                ImageSource::Bootstrap { .. } => assert!(image.kernel_package().is_ok(), "{name} has no kernel here"),
                ImageSource::CloudImage(cloud) => assert!(cloud.file.contains_key(std::env::consts::ARCH), "{name}"),
            }
            let lists = image.lists().expect("its package lists");
            for list in [&lists.toolchain, &lists.cpython, &lists.runtime] {
                assert!(!list.is_empty());
            }
        }
        assert!(LISTS.iter().all(|(_, text)| toml::from_str::<PackageLists>(text).is_ok()));
        assert!(Image::known().contains(&Image::DEFAULT));
    }

    #[test]
    fn the_clean_machine_has_no_compiler() {
        let lists = Image::find(Image::DEFAULT).and_then(|image| image.lists()).expect("embedded lists");
        let suspicious = |name: &&String| name.ends_with("-dev") || name.contains("gcc") || name.contains("essential");
        assert_eq!(lists.runtime.iter().filter(suspicious).collect::<Vec<_>>(), Vec::<&String>::new());
    }

    fn check_unknown(name: &str, hint: &[&str]) {
        let error = Image::find(name).expect_err("not an image");
        assert_eq!(error.exit(), Exit::Usage, "{name}");
        assert_eq!(error.hints(), hint, "{name}");
    }

    #[test]
    fn an_unknown_image_suggests_the_nearest() {
        check_unknown("debian12", &["did you mean `debian-12`?"]);
        check_unknown("debain-12", &["did you mean `debian-12`?"]);
        check_unknown("windows", &[]);
        check_unknown("ubuntu-2204", &["did you mean `ubuntu-22.04`?"]);
        let text = |name| Image::find(name).expect_err("not an image").to_string();
        assert_snapshot!(text("windows"), @"unknown image `windows` (expected debian-12, debian-12-cloud, debian-13, fedora-44, ubuntu-22.04, ubuntu-24.04)");
    }

    fn complaint(change: impl Fn(&str) -> String) -> String {
        let text = change(IMAGES[0].1);
        toml::from_str::<Image>(&text).expect_err("a wrong description").message().to_owned()
    }

    #[test]
    fn packages_may_stand_in_the_description() {
        let own = "[packages]\nmanager = \"apt\"\ntoolchain = [\"gcc\"]\ncpython = [\"zlib1g-dev\"]\nruntime = [\"zlib1g\"]\n";
        let text = IMAGES[0].1.replacen("packages = \"debian-12\"", "", 1) + own;
        let image = Image::parse(&text, "test").expect("a description");
        assert_eq!(image.lists().expect("its own lists").cpython, ["zlib1g-dev"]);
        let wrong = text.replace("manager = \"apt\"", "");
        assert!(Image::parse(&wrong, "test").is_err());
    }

    #[test]
    fn wrong_descriptions_are_refused() {
        let swap = |from: &'static str, to: &'static str| complaint(|text| text.replacen(from, to, 1));
        assert_snapshot!(swap("schema = 1", "schema = 2"), @"unsupported schema 2 (expected 1)");
        assert_snapshot!(swap("artifact_word", "artefact_word"), @"unknown field `artefact_word`, expected one of `schema`, `name`, `artifact_word`, `packages`, `source`, `kernel`");
        assert_snapshot!(swap("\"bootstrap\"", "\"magic\""), @"unknown variant `magic`, expected `bootstrap` or `cloud-image`");
        assert_snapshot!(swap("suite =", "suit ="), @"unknown field `suit`, expected one of `suite`, `keyring`, `components`, `snapshot`");
    }
}
