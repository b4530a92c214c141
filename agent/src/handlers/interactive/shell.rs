//! Root's login shell, where the host names no program.

use std::os::unix::fs::PermissionsExt;
use vmbuild_protocol::CommandLine;

/// Present on every system.
const LAST_RESORT: &str = "/bin/sh";

/// Returns the command, with root's login shell as its program if it names none.
pub(crate) fn with_program(mut command: CommandLine) -> CommandLine {
    if command.argv.is_empty() {
        let users = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
        let shell = shell_of_root(&users).filter(|path| is_program(path)).unwrap_or(LAST_RESORT);
        command.argv = vec![shell.to_owned(), "-l".to_owned()];
    }
    command
}

/// The seventh field of the line of user 0. Source: passwd(5).
fn shell_of_root(users: &str) -> Option<&str> {
    let lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let shells = lines.filter(|fields| fields.get(2) == Some(&"0")).filter_map(|fields| fields.get(6).copied());
    shells.into_iter().find(|shell| shell.starts_with('/'))
}

fn is_program(path: &str) -> bool {
    fs_err::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::shell_of_root;

    fn check(users: &str, expect: Option<&str>) {
        assert_eq!(shell_of_root(users), expect, "{users}");
    }

    #[test]
    fn the_shell_is_the_seventh_field() {
        check("daemon:x:1:1::/:/usr/sbin/nologin\nroot:x:0:0:root:/root:/bin/bash\n", Some("/bin/bash"));
        check("root:x:0:0:root:/root:\n", None);
        check("root:x:0:0\n", None);
        check("", None);
    }
}
