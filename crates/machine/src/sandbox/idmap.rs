//! The user and group ids of a namespace.
//!
//! `apt` and `dpkg` chown files to many ids, so one mapped id is not enough. Root maps the first 65 536 ids to
//! themselves. An ordinary user becomes root inside and takes 65 535 more from the ranges that the administrator
//! set aside for them (`subuid(5)`, `subgid(5)`); only the setuid programs `newuidmap` and `newgidmap` may write
//! such a map.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::failure::{Diagnose, Exit};
use vmbuild_supervise::{Command, Deadline, RunError};

/// Ids a Debian system uses: `nobody` is 65534.
const IDS: u32 = 65_536;

/// Why a namespace has no ids.
#[derive(Debug, thiserror::Error)]
pub enum IdMapError {
    /// No range of at least 65 535 ids is set aside for this user.
    #[error("no 65535 ids for {user} in {}", kind.ranges())]
    NoRange {
        /// The user's name, or number.
        user: String,
        /// Which ids.
        kind: IdMap,
    },
    /// The range cannot be read.
    #[error("failed to read {}", kind.ranges())]
    Ranges {
        /// Which ids.
        kind: IdMap,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The program that writes the map did not.
    #[error("failed to map {kind} ids")]
    Program {
        /// Which ids.
        kind: IdMap,
        /// Its output.
        #[source]
        source: RunError,
    },
    /// The map could not be written by root.
    #[error("failed to map {kind} ids")]
    Write {
        /// Which ids.
        kind: IdMap,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// The two kinds of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdMap {
    /// Of users.
    User,
    /// Of groups.
    Group,
}

impl fmt::Display for IdMap {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::User => "user",
            Self::Group => "group",
        })
    }
}

impl IdMap {
    fn ranges(self) -> &'static str {
        match self {
            Self::User => "/etc/subuid",
            Self::Group => "/etc/subgid",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::User => "newuidmap",
            Self::Group => "newgidmap",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::User => "uid_map",
            Self::Group => "gid_map",
        }
    }

    /// Our own id.
    fn own(self) -> u32 {
        match self {
            Self::User => rustix::process::geteuid().as_raw(),
            Self::Group => rustix::process::getegid().as_raw(),
        }
    }
}

impl Diagnose for IdMapError {
    fn exit(&self) -> Exit {
        match self {
            Self::Program { source, .. } => source.exit(),
            _ => Exit::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        let text = match self {
            Self::NoRange { user, .. } => {
                format!(
                    "set ids aside: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}`, \
                     with other numbers where those are taken"
                )
            }
            Self::Program { source: RunError::NotStarted { .. }, .. } | Self::Ranges { .. } => {
                "install `newuidmap` and `newgidmap`: package `uidmap` (Debian, Ubuntu) or `shadow-utils` (Fedora)"
                    .to_owned()
            }
            Self::Program { .. } => {
                "`newuidmap` and `newgidmap` must be setuid root and run where new privileges are allowed".to_owned()
            }
            Self::Write { .. } => return Vec::new(),
        };
        vec![text]
    }
}

/// Writes both maps of the process `pid`, which has just made its user namespace.
pub(super) async fn write(pid: u32, cancel: &CancellationToken) -> Result<(), IdMapError> {
    for kind in [IdMap::User, IdMap::Group] {
        if rustix::process::geteuid().is_root() {
            write_as_root(pid, kind).map_err(|source| IdMapError::Write { kind, source })?;
        } else {
            write_as_user(pid, kind, cancel).await?;
        }
    }
    Ok(())
}

/// Every id below 65 536 that this process has itself stays what it is.
fn write_as_root(pid: u32, kind: IdMap) -> io::Result<()> {
    let own = fs_err::read_to_string(Path::new("/proc/self").join(kind.file()))?;
    fs_err::write(format!("/proc/{pid}/{}", kind.file()), identity(&own))
}

/// The identity map over the ids that `own`, the contents of a `uid_map`, gives this process.
fn identity(own: &str) -> String {
    let range = |line: &str| -> Option<String> {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) = (numbers.next(), numbers.next(), numbers.next()) else {
            return None;
        };
        let count = IDS.checked_sub(first)?.min(count);
        (count > 0).then(|| format!("{first} {first} {count}\n"))
    };
    own.lines().filter_map(range).collect()
}

async fn write_as_user(pid: u32, kind: IdMap, cancel: &CancellationToken) -> Result<(), IdMapError> {
    let user = user_name();
    let ranges = fs_err::read_to_string(kind.ranges()).map_err(|source| IdMapError::Ranges { kind, source })?;
    let number = rustix::process::getuid().as_raw().to_string();
    let Some(start) = find_range(&ranges, &[&user, &number]) else {
        return Err(IdMapError::NoRange { user, kind });
    };
    let words = [0, kind.own(), 1, 1, start, IDS - 1].map(|number| number.to_string());
    let command = Command::new(kind.program()).arg(pid.to_string()).args(words);
    let deadline = Deadline::after(Duration::from_secs(10));
    command.run(deadline, cancel, |_| ()).await.map_err(|source| IdMapError::Program { kind, source })?;
    Ok(())
}

/// The name of the user who runs this, or the number where the user has no name.
fn user_name() -> String {
    let number = nix::unistd::getuid();
    nix::unistd::User::from_uid(number).ok().flatten().map_or_else(|| number.to_string(), |user| user.name)
}

/// The first id of the first range for one of `names` that is large enough. Format: subuid(5), `name:first:count`.
fn find_range(ranges: &str, names: &[&str]) -> Option<u32> {
    ranges.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let named = fields.next().is_some_and(|name| names.contains(&name));
        let (start, count) = (fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
        (named && count >= IDS - 1).then_some(start)
    })
}

#[cfg(test)]
mod tests {
    use super::{find_range, identity};

    #[test]
    fn the_first_large_enough_range_of_the_user_counts() {
        let check =
            |ranges: &str, expect: Option<u32>| assert_eq!(find_range(ranges, &["ada", "1000"]), expect, "{ranges}");
        check("", None);
        check("bob:100000:65536\n", None);
        check("bob:100000:65536\nada:165536:65536\n", Some(165_536));
        check("ada:100000:1000\nada:200000:65535\n", Some(200_000));
        check("1000:300000:65536", Some(300_000));
        check("# a comment\nada:x:65536\nada:7:65536", Some(7));
    }

    #[test]
    fn root_maps_the_ids_it_has_to_themselves() {
        let check = |own: &str, expect: &str| assert_eq!(identity(own), expect, "{own}");
        check("         0          0 4294967295\n", "0 0 65536\n");
        check("0 1000 1\n1 100000 65536\n", "0 0 1\n1 1 65535\n");
        check("70000 0 10\n", "");
    }
}
