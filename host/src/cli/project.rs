//! A project's settings as defaults of the options, and the origin of each option's value.

use super::{BuildOptions, Cli, DiskSize, MachineOptions, ProfileOption};
use crate::config::{ConfigError, KEYS, ProjectFile, SettingKey};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory};
use serde::Serialize;

/// Options whose values are shown.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Image and backend.
    #[command(flatten)]
    pub machine: MachineOptions,
    /// The profile of a build.
    #[command(flatten)]
    pub compiled: ProfileOption,
    /// Other options of a build.
    #[command(flatten)]
    pub build: BuildOptions,
    /// Size of a named machine's disk, such as 20G; QEMU only.
    #[arg(long, value_name = "SIZE", env = "VMBUILD_DISK")]
    pub disk: Option<DiskSize>,
}

/// A setting's value and its origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownSetting {
    /// The setting.
    pub key: &'static str,
    /// Its value; `None` where vmbuild decides.
    pub value: Option<String>,
    /// Origin: `default`, `command line`, `environment` or `/project/vmbuild.toml:3`.
    pub from: String,
    /// Description of that decision.
    #[serde(skip)]
    pub otherwise: &'static str,
}

/// The command line's definition, with a project's settings in place of its own defaults.
pub fn command(project: Option<&ProjectFile>) -> Result<Command, ConfigError> {
    let Some(project) = project else { return Ok(Cli::command()) };
    for setting in &project.settings {
        let option = format!("--{}={}", setting.key, setting.value);
        if let Err(refusal) = Cli::command().try_get_matches_from(["vmbuild", "config", &option]) {
            let reason = refusal.render().to_string();
            let reason = reason.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let (file, line, key) = (project.path.clone(), setting.line, setting.key);
            return Err(ConfigError::Value { file, line, key, reason });
        }
    }
    Ok(Cli::command().mut_subcommands(|verb| {
        verb.mut_args(|option| match option.get_long().and_then(|name| project.get(name)) {
            Some(setting) => option.default_value(setting.value.clone()),
            None => option,
        })
    }))
}

/// Every setting's value and origin, of the matches of `vmbuild config`.
pub fn known(matches: &ArgMatches, project: Option<&ProjectFile>) -> Vec<KnownSetting> {
    let origin = |key: &SettingKey| match matches.value_source(key.name) {
        Some(ValueSource::CommandLine) => "command line".to_owned(),
        Some(ValueSource::EnvVariable) => format!("environment: {}", key.variable()),
        _ => match project.and_then(|project| Some((project, project.get(key.name)?))) {
            Some((project, setting)) => format!("{}:{}", project.path.display(), setting.line),
            None => "default".to_owned(),
        },
    };
    let value = |key: &str| Some(matches.get_raw(key)?.next()?.to_string_lossy().into_owned());
    let known = KEYS.map(|key| KnownSetting {
        key: key.name,
        value: value(key.name),
        from: origin(&key),
        otherwise: key.otherwise,
    });
    known.to_vec()
}

#[cfg(test)]
mod tests {
    use super::{command, known};
    use crate::config::{KEYS, ProjectFile};
    use std::path::Path;

    const README: &str = include_str!("../../../README.md");

    fn project(text: &str) -> ProjectFile {
        ProjectFile::parse(Path::new("/p/vmbuild.toml"), text).expect("it is one")
    }

    fn check(project: Option<&ProjectFile>, options: &[&str], key: &str, expect: (Option<&str>, &str)) {
        let words = ["vmbuild", "config"].iter().chain(options);
        let matches = command(project).expect("it is accepted").try_get_matches_from(words).expect("it is understood");
        let (_, matches) = matches.subcommand().expect("a verb");
        let found = known(matches, project).into_iter().find(|known| known.key == key).expect("a setting");
        assert_eq!((found.value.as_deref(), found.from.as_str()), expect, "{key} {options:?}");
    }

    #[test]
    fn each_value_says_where_it_came_from() {
        let project = project("schema = 1\nmemory = 2048\nprofile = \"smoke\"\n");
        check(None, &[], "image", (Some("ubuntu-22.04"), "default"));
        check(None, &[], "memory", (None, "default"));
        check(Some(&project), &[], "memory", (Some("2048"), "/p/vmbuild.toml:2"));
        check(Some(&project), &["--memory", "512"], "memory", (Some("512"), "command line"));
        check(Some(&project), &[], "profile", (Some("smoke"), "/p/vmbuild.toml:3"));
    }

    #[test]
    fn a_value_that_its_option_refuses_is_refused_with_its_line() {
        let error = command(Some(&project("schema = 1\n\ncpus = 9999\n"))).expect_err("too many");
        assert!(error.to_string().starts_with("/p/vmbuild.toml:3: `cpus`: invalid value '9999'"), "{error}");
    }

    #[test]
    fn every_key_is_an_option_of_config_with_its_variable() {
        let command = command(None).expect("no project");
        let config = command.find_subcommand("config").expect("the verb");
        for key in KEYS {
            let option = config.get_arguments().find(|option| option.get_long() == Some(key.name)).expect(key.name);
            let variable = key.variable();
            assert_eq!(option.get_env().and_then(|name| name.to_str()), Some(variable.as_str()));
        }
    }

    #[test]
    fn the_readmes_example_is_accepted() {
        let lines = README.lines().skip_while(|line| *line != "    schema = 1");
        let text: String =
            lines.take_while(|line| line.starts_with("    ")).flat_map(|line| [line.trim(), "\n"]).collect();
        let project = project(&text);
        assert!(project.settings.len() >= 3, "{text}");
        command(Some(&project)).expect("every value is one");
    }
}
