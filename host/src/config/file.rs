//! Finding and reading a `vmbuild.toml`.

use super::error::ConfigError;
use super::keys::{SettingKey, SettingKind};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// The file's name.
const NAME: &str = "vmbuild.toml";

/// A project's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// Its path.
    pub path: PathBuf,
    /// The settings, in the order of the file.
    pub settings: Vec<ProjectSetting>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSetting {
    /// Its key.
    pub key: &'static str,
    /// The value as it would be typed on the command line.
    pub value: String,
    /// Its line, counted from 1.
    pub line: usize,
}

impl ProjectFile {
    /// The file in `folder` or the nearest of its parents that has one.
    pub fn find(folder: &Path) -> Result<Option<Self>, ConfigError> {
        for folder in folder.ancestors() {
            let path = folder.join(NAME);
            match fs_err::read_to_string(&path) {
                Ok(text) => return Self::parse(&path, &text).map(Some),
                Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Reads a file's text.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            file: path.to_owned(),
            line: error.span().map_or(1, |span| line(text, span.start)),
            reason: error.message().to_owned(),
        })?;
        demand_schema(path, table.get_ref())?;
        let entries = table.get_ref().iter().filter(|(key, _)| key.get_ref() != "schema");
        let mut settings =
            entries.map(|(key, value)| setting(path, text, key, value)).collect::<Result<Vec<_>, ConfigError>>()?;
        settings.sort_by_key(|setting| setting.line);
        Ok(Self { path: path.to_owned(), settings })
    }

    /// The setting for a key.
    pub fn get(&self, key: &str) -> Option<&ProjectSetting> {
        self.settings.iter().find(|setting| setting.key == key)
    }
}

fn demand_schema(path: &Path, table: &DeTable<'_>) -> Result<(), ConfigError> {
    let found = match table.get("schema").map(Spanned::get_ref) {
        Some(DeValue::Integer(number)) if number.as_str() == "1" => return Ok(()),
        Some(_) => "unsupported schema (expected 1)",
        None => "missing `schema`",
    };
    Err(ConfigError::Schema { file: path.to_owned(), found: found.to_owned() })
}

fn setting(
    path: &Path,
    text: &str,
    name: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
) -> Result<ProjectSetting, ConfigError> {
    let (file, line) = (path.to_owned(), line(text, name.span().start));
    let Some(key) = SettingKey::find(name.get_ref()) else {
        return Err(ConfigError::Unknown { file, line, key: name.get_ref().to_string() });
    };
    let value = match (key.kind, value.get_ref()) {
        (SettingKind::Text, DeValue::String(text)) => text.to_string(),
        (SettingKind::Number, DeValue::Integer(number)) if number.radix() == 10 => number.as_str().to_owned(),
        // A path that is not UTF-8 comes from the folder's own name; the option then says that it is not there.
        (SettingKind::Folder, DeValue::String(text)) => {
            path.parent().unwrap_or(Path::new("/")).join(text.as_ref()).to_string_lossy().into_owned()
        }
        (kind, _) => {
            let wanted = if kind == SettingKind::Number { "a whole number" } else { "a string" };
            return Err(ConfigError::Value { file, line, key: key.name, reason: format!("expected {wanted}") });
        }
    };
    Ok(ProjectSetting { key: key.name, value, line })
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::ProjectFile;
    use std::path::Path;
    use vmbuild_core::failure::Diagnose;

    /// The settings, or the error and its hint.
    fn check(text: &str, expect: &str) {
        let read = match ProjectFile::parse(Path::new("/p/vmbuild.toml"), text) {
            Ok(file) => file.settings.iter().map(|s| format!("{}={}@{}", s.key, s.value, s.line)).collect::<Vec<_>>(),
            Err(error) => std::iter::once(error.to_string()).chain(error.hints()).collect(),
        };
        assert_eq!(read.join(" | "), expect, "{text}");
    }

    #[test]
    fn settings_are_read_with_their_lines() {
        check("schema = 1\n", "");
        check(
            "schema = 1\n# comment\nmemory = 2_048\nimage = \"debian-12\"\n\nartifacts = \"out\"\n",
            "memory=2048@3 | image=debian-12@4 | artifacts=/p/out@6",
        );
        check("schema = 1\nartifacts = \"/srv/out\"", "artifacts=/srv/out@2");
    }

    #[test]
    fn invalid_settings_are_refused_with_their_lines() {
        check("schema = 1\nmemroy = 1\n", "/p/vmbuild.toml:2: unknown setting `memroy` | did you mean `memory`?");
        check(
            "schema = 1\nxyzzy = 1\n",
            "/p/vmbuild.toml:2: unknown setting `xyzzy` | expected one of image, backend, accel, cpus, memory, \
             box, box-version, provider, driver, disk, profile, jobs, artifacts",
        );
        check("schema = 1\ncpus = \"4\"\n", "/p/vmbuild.toml:2: `cpus`: expected a whole number");
        check("schema = 1\nimage = 12\n", "/p/vmbuild.toml:2: `image`: expected a string");
        check(
            "schema = 1\n[images]\ncpus = 1\n",
            "/p/vmbuild.toml:2: unknown setting `images` | did you mean `image`?",
        );
        let schema = "add `schema = 1` as the first line of the file";
        check("cpus = 1\n", &format!("/p/vmbuild.toml: missing `schema` | {schema}"));
        check("schema = 2\n", &format!("/p/vmbuild.toml: unsupported schema (expected 1) | {schema}"));
    }

    #[test]
    fn invalid_toml_is_refused_with_its_line() {
        let error = ProjectFile::parse(Path::new("/p/vmbuild.toml"), "schema = 1\ncpus =\n").expect_err("no value");
        assert!(error.to_string().starts_with("/p/vmbuild.toml:2: "), "{error}");
    }

    #[test]
    fn the_nearest_file_counts() {
        let root = tempfile::tempdir().expect("a folder");
        let inner = root.path().join("a/b");
        fs_err::create_dir_all(&inner).expect("folders");
        let find = || ProjectFile::find(&inner).expect("it can be read").map(|file| file.path);
        let outer = root.path().join("vmbuild.toml");
        fs_err::write(&outer, "schema = 1\n").expect("a file");
        assert_eq!(find(), Some(outer));
        let nearer = root.path().join("a/vmbuild.toml");
        fs_err::write(&nearer, "schema = 1\n").expect("a file");
        assert_eq!(find(), Some(nearer));
    }
}
