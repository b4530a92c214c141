//! `vagrant ssh-config`: a machine's SSH server, as an OpenSSH client configuration.

use super::VagrantError;
use std::path::{Path, PathBuf};
use vmbuild_guest::{HostKeys, SshWay};

/// Parses it. Vagrant does not know the host key, and gives an empty `known_hosts`: the key of the first connection is then
/// pinned in `pin`.
pub(super) fn parse(text: &str, pin: &Path, agent: &Path) -> Result<SshWay, VagrantError> {
    let all = |word: &'static str| text.lines().filter_map(move |line| value(line, word));
    let one = |word: &'static str| all(word).next().ok_or(VagrantError::SshConfig(word));
    let port = one("Port")?.parse().map_err(|_| VagrantError::SshConfig("Port"))?;
    let known = all("UserKnownHostsFile").next().filter(|file| file != "/dev/null");
    let host_keys = match known {
        Some(file) => HostKeys::Known { file: file.into() },
        None => HostKeys::Pinned { file: pin.to_owned() },
    };
    Ok(SshWay {
        host: one("HostName")?,
        port,
        user: one("User")?,
        keys: all("IdentityFile").map(PathBuf::from).collect(),
        host_keys,
        agent: agent.to_owned(),
    })
}

/// The value of a line `  Word value`; one with blanks is quoted.
fn value(line: &str, word: &str) -> Option<String> {
    let (found, value) = line.trim().split_once(char::is_whitespace)?;
    found.eq_ignore_ascii_case(word).then(|| value.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::VagrantError;
    use super::super::records::VagrantRecord;
    use super::parse;
    use std::path::Path;
    use vmbuild_guest::{HostKeys, SshWay};

    fn read(text: &str) -> Result<SshWay, VagrantError> {
        parse(text, Path::new("/pin"), Path::new("/agent"))
    }

    #[test]
    fn real_output_is_parsed() {
        let real = include_str!("real/ssh-config.txt").lines().find_map(VagrantRecord::parse);
        let Some(VagrantRecord::SshConfig(text)) = real else { panic!("{real:?}") };
        let way = read(&text).expect("it is whole");
        assert_eq!(way.to_string(), "vagrant@192.168.121.240:22");
        assert_eq!(way.keys, [Path::new("/store/machine/machines/default/libvirt/private_key")]);
        assert_eq!(way.host_keys, HostKeys::Pinned { file: "/pin".into() });
    }

    #[test]
    fn blanks_several_keys_and_known_hosts() {
        let text = "Host default\n  HostName 127.0.0.1\n  User root\n  Port 2222\n  UserKnownHostsFile /known\n  \
                    IdentityFile \"/some where/one\"\n  IdentityFile /two\n";
        let way = read(text).expect("it is whole");
        assert_eq!(way.keys, [Path::new("/some where/one"), Path::new("/two")]);
        assert_eq!(way.host_keys, HostKeys::Known { file: "/known".into() });
        for word in ["HostName", "User", "Port"] {
            let without: String = text
                .lines()
                .filter(|line| !line.trim().starts_with(&format!("{word} ")))
                .collect::<Vec<_>>()
                .join("\n");
            let error = read(&without).expect_err(word);
            assert!(error.to_string().contains(&format!("`{word}`")), "{error}");
        }
        assert!(read(&text.replace("2222", "99999")).is_err());
    }
}
