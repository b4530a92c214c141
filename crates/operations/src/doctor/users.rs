//! Permission to create user namespaces, which sandboxes and bootstraps of ordinary users need.

use std::path::Path;
use vmbuild_core::finding::Finding;

const TOPIC: &str = "namespaces";
/// A guest's own users need this many ids (`/etc/subuid` gives each user so many by default).
const ENOUGH_IDS: u64 = 65_536;

pub(super) fn examine(root: bool) -> Vec<Finding> {
    let mut findings = vec![namespaces(Path::new("/proc/sys"), root)];
    if !root {
        let user = user_name();
        findings.extend(["subuid", "subgid"].map(|file| subordinate(file, &user)));
    }
    findings
}

/// Reads the three switches that distributions use; one that is absent forbids nothing.
fn namespaces(sysctl: &Path, root: bool) -> Finding {
    let value = |name: &str| {
        let text = fs_err::read_to_string(sysctl.join(name)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    if value("user/max_user_namespaces") == Some(0) && !root {
        return Finding::fail(TOPIC, "the limit is 0", "sysctl user.max_user_namespaces=15000");
    }
    if value("kernel/unprivileged_userns_clone") == Some(0) && !root {
        return Finding::fail(TOPIC, "restricted to root", "sysctl kernel.unprivileged_userns_clone=1");
    }
    if value("kernel/apparmor_restrict_unprivileged_userns").is_some_and(|on| on != 0) && !root {
        return Finding::fail(
            TOPIC,
            "AppArmor restricts them",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        );
    }
    Finding::ok(TOPIC, if root { "not needed by root" } else { "allowed for ordinary users" })
}

fn user_name() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default()
}

fn subordinate(file: &str, user: &str) -> Finding {
    let table = fs_err::read_to_string(Path::new("/etc").join(file)).unwrap_or_default();
    let uid = rustix::process::getuid().as_raw().to_string();
    match ids(&table, &[user, &uid]) {
        Some(count) if count >= ENOUGH_IDS => Finding::ok(file, format!("{count} ids")),
        _ => Finding::fail(
            file,
            "no range for this user",
            "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER",
        ),
    }
}

/// The longest range of a user, named or numbered, in a table of `user:first:count` lines (subuid(5)).
fn ids(table: &str, names: &[&str]) -> Option<u64> {
    let range = |line: &str| {
        let mut fields = line.split(':');
        let owner = fields.next().filter(|owner| names.contains(owner) && !owner.is_empty());
        owner.and(fields.nth(1)).and_then(|count| count.trim().parse().ok())
    };
    table.lines().filter_map(range).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmbuild_core::finding::FindingStatus;

    #[test]
    fn ranges() {
        let check = |table, expect| assert_eq!(ids(table, &["anna", "1000"]), expect);
        check("anna:100000:65536\nbob:165536:65536\n", Some(65_536));
        check("1000:100000:1\n1000:200000:70000", Some(70_000));
        check("bob:100000:65536", None);
        check("anna:100000:many", None);
        check("", None);
    }

    #[test]
    fn an_empty_name_owns_nothing() {
        assert_eq!(ids(":100000:65536", &[""]), None);
    }

    fn check(switches: &[(&str, &str)], root: bool, expect: FindingStatus) {
        let sysctl = tempfile::tempdir().expect("a temporary folder");
        for (name, value) in switches {
            let path = sysctl.path().join(name);
            fs_err::create_dir_all(path.parent().expect("switches are in folders")).expect("a folder");
            fs_err::write(path, format!("{value}\n")).expect("a file");
        }
        assert_eq!(namespaces(sysctl.path(), root).status, expect, "{switches:?}");
    }

    #[test]
    fn each_switch_forbids_and_absence_does_not() {
        check(&[], false, FindingStatus::Ok);
        check(&[("user/max_user_namespaces", "0")], false, FindingStatus::Fail);
        check(&[("user/max_user_namespaces", "94000")], false, FindingStatus::Ok);
        check(&[("kernel/unprivileged_userns_clone", "0")], false, FindingStatus::Fail);
        check(&[("kernel/unprivileged_userns_clone", "0")], true, FindingStatus::Ok);
        check(&[("kernel/apparmor_restrict_unprivileged_userns", "1")], false, FindingStatus::Fail);
        check(&[("kernel/apparmor_restrict_unprivileged_userns", "0")], false, FindingStatus::Ok);
    }
}
