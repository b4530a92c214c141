//! The options of verbs that work on named machines.

use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;
use vmbuild_machine::MachineName;

/// The machine that is used if none is named.
const DEFAULT: &str = "default";

/// A named machine.
#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    /// Name of the machine [default: default].
    #[arg(id = "target", value_name = "NAME")]
    positional: Option<MachineName>,
    /// Name of the machine, as an option.
    #[arg(long = "name", id = "name", value_name = "NAME", conflicts_with = "target")]
    option: Option<MachineName>,
}

impl TargetArgs {
    /// Its name.
    pub fn name(&self) -> MachineName {
        self.positional.clone().or_else(|| self.option.clone()).unwrap_or_else(usual)
    }
}

/// Named machines.
#[derive(Debug, Clone, Args)]
pub struct TargetsArgs {
    /// Names of the machines [default: default].
    #[arg(id = "targets", value_name = "NAME")]
    positional: Vec<MachineName>,
    /// Another name, as an option.
    #[arg(long = "name", id = "name", value_name = "NAME")]
    options: Vec<MachineName>,
}

impl TargetsArgs {
    /// Their names, each once, in the order given.
    pub fn names(&self) -> Vec<MachineName> {
        let mut names = Vec::new();
        for name in self.positional.iter().chain(&self.options) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        if names.is_empty() { vec![usual()] } else { names }
    }
}

fn usual() -> MachineName {
    DEFAULT.parse().expect("a letter-only word is a machine's name")
}

/// A terminal in a named machine.
#[derive(Debug, Args)]
pub struct SshArgs {
    /// The machine.
    #[command(flatten)]
    pub target: TargetArgs,
    /// A program to run instead of root's login shell.
    #[arg(last = true, value_name = "CMD")]
    pub argv: Vec<String>,
}

/// Files to copy. Exactly one side is in a machine.
#[derive(Debug, Args)]
pub struct CpArgs {
    /// Copy folders recursively.
    #[arg(short, long)]
    pub recursive: bool,
    /// Source: a path on this host, or NAME:PATH in a machine.
    #[arg(value_name = "SRC")]
    pub from: CopyPlace,
    /// Destination: a path on this host, or NAME:PATH in a machine. Inside an existing folder, the copy keeps its name.
    #[arg(value_name = "DST")]
    pub to: CopyPlace,
}

/// One side of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyPlace {
    /// On this host.
    Here(PathBuf),
    /// In a machine.
    There {
        /// Its name.
        machine: MachineName,
        /// Absolute path in it.
        path: String,
    },
}

impl FromStr for CopyPlace {
    type Err = String;

    /// The text before the first colon is a machine, unless it contains a slash: `./a:b` is a file. A path in a machine
    /// that does not begin with `/` is relative to `/root`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((machine, path)) if !machine.contains('/') => {
                let machine =
                    machine.parse().map_err(|error| format!("{error}; write ./{text} for a file on this host"))?;
                let path = if path.starts_with('/') { path.to_owned() } else { format!("/root/{path}") };
                Ok(Self::There { machine, path })
            }
            _ => Ok(Self::Here(PathBuf::from(text))),
        }
    }
}

/// A named machine to install packages in.
#[derive(Debug, Args)]
pub struct ProvisionArgs {
    /// The machine.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// A machine's logs.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The machine.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Follow its console until Ctrl-C or the machine stops.
    #[arg(short, long)]
    pub follow: bool,
}

/// A port to forward.
#[derive(Debug, Args)]
pub struct PortArgs {
    /// The machine.
    #[arg(value_name = "NAME")]
    pub name: MachineName,
    /// Port on this host's loopback address (0 for any free one) and port in the guest.
    #[arg(value_name = "HOST_PORT:GUEST_PORT")]
    pub ports: PortPair,
}

/// Both ends of a forwarded port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortPair {
    /// On this host's loopback.
    pub host: u16,
    /// In the guest.
    pub guest: u16,
}

impl FromStr for PortPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ports = text.split_once(':').and_then(|(host, guest)| Some((host.parse().ok()?, guest.parse().ok()?)));
        match ports {
            Some((host, guest)) if guest != 0 => Ok(Self { host, guest }),
            _ => Err("expected HOST_PORT:GUEST_PORT, such as 8080:80".to_owned()),
        }
    }
}

/// Size of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSize {
    /// In MiB.
    pub mib: u64,
}

impl FromStr for DiskSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected a size from 1G to 16384G, such as 20G or 20480M".to_owned();
        let (number, factor) = match text.strip_suffix('G') {
            Some(number) => (number, 1024),
            None => (text.strip_suffix('M').ok_or_else(wrong)?, 1),
        };
        let mib = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        mib.filter(|mib| (1024..=16384 * 1024).contains(mib)).map(|mib| Self { mib }).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::{CopyPlace, DiskSize, PortPair};
    use std::str::FromStr;

    fn check<T: FromStr + std::fmt::Debug>(cases: &[(&str, &str)]) {
        for (input, expect) in cases {
            let parsed = input.parse::<T>().ok().map_or_else(|| "refused".to_owned(), |value| format!("{value:?}"));
            assert_eq!(&parsed, expect, "{input}");
        }
    }

    #[test]
    fn sizes_have_a_unit_and_bounds() {
        check::<DiskSize>(&[
            ("20G", "DiskSize { mib: 20480 }"),
            ("1024M", "DiskSize { mib: 1024 }"),
            ("20", "refused"),
            ("0G", "refused"),
            ("-1G", "refused"),
            ("99999999999999999999G", "refused"),
        ]);
    }

    #[test]
    fn ports_are_two_numbers() {
        check::<PortPair>(&[
            ("8080:80", "PortPair { host: 8080, guest: 80 }"),
            ("0:80", "PortPair { host: 0, guest: 80 }"),
            ("80:0", "refused"),
            ("80", "refused"),
            ("1:70000", "refused"),
        ]);
    }

    #[test]
    fn a_colon_means_a_machine_unless_a_slash_stands_before_it() {
        check::<CopyPlace>(&[
            ("file", "Here(\"file\")"),
            ("./a:b", "Here(\"./a:b\")"),
            ("vm:/etc/hosts", "There { machine: MachineName(\"vm\"), path: \"/etc/hosts\" }"),
            ("vm:notes", "There { machine: MachineName(\"vm\"), path: \"/root/notes\" }"),
            ("vm:", "There { machine: MachineName(\"vm\"), path: \"/root/\" }"),
            ("Not A Machine:x", "refused"),
        ]);
    }
}
