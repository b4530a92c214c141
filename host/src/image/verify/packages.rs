//! The packages of a golden machine: that they are those of its list, and that their files are as they were packed.

use super::Item;
use crate::image::folder::Folder;
use crate::image::host_tool::HostTool;
use crate::image::packages::{installed_in, list};
use crate::image::{Image, ImageError, Role};
use tokio_util::sync::CancellationToken;
use vmbuild_protocol::{Package, PackageManager};

/// Where the build role's layers are mounted while dpkg looks at them.
const MOUNT: &str = ".new-verify";

/// Prints what dpkg finds, whatever it finds: it fails where a file differs. The mount ends with the namespace.
const LOOK: &str = r#"set -e
if [ -n "$1" ]; then mount -t overlay overlay -o "ro,userxattr,lowerdir=$1" "$2"; fi
dpkg --root="$2" --verify || [ $? -lt 2 ]
"#;

/// What a golden machine leaves out of its packages: `bootstrap::DPKG_OPTIONS`.
const LEFT_OUT: [&str; 4] = ["/usr/share/man/", "/usr/share/info/", "/usr/share/locale/", "/usr/share/doc/"];

/// How many names an answer holds.
const SHOWN: usize = 3;

/// What dpkg's database says is installed for a role.
pub(super) fn installed(folder: &Folder, role: Role) -> Result<Vec<Package>, ImageError> {
    Ok(installed_in(&match role {
        Role::Build => folder.layer(),
        Role::Clean => folder.clean(),
    })?)
}

/// The list that was written when the golden machine was sealed, against dpkg's database.
pub(super) fn listed(folder: &Folder, role: Role) -> Result<Item, ImageError> {
    let now = list(&installed(folder, role)?);
    let recorded = fs_err::read_to_string(folder.packages(role))?;
    let evidence = format!("{} installed", now.lines().count());
    Ok(Item::compared(role.word(), "packages", now == recorded, &evidence))
}

/// Every file of every package against the digest it was packed with.
pub(super) async fn files(
    image: &Image,
    folder: &Folder,
    role: Role,
    cancel: &CancellationToken,
) -> Result<Item, ImageError> {
    if image.lists()?.manager != PackageManager::Apt {
        return Ok(Item::absent(role.word(), "package files", "only dpkg's are compared"));
    }
    HostTool::find("dpkg", "dpkg")?;
    let mount = folder.path().join(MOUNT);
    let words = match role {
        Role::Clean => ["", "clean"],
        Role::Build => ["build-layer:clean", MOUNT],
    };
    if role == Role::Build && !mount.is_dir() {
        fs_err::create_dir(&mount)?;
    }
    let mut output = Vec::new();
    let tool = HostTool::new("sh", "dash", folder.path())?.args(["-c", LOOK, "look"]).args(words);
    let ran = tool.run(cancel, |bytes| output.extend_from_slice(bytes)).await;
    if mount.is_dir() {
        fs_err::remove_dir(&mount)?;
    }
    ran?;
    let output = String::from_utf8_lossy(&output);
    let changed = changed(&output);
    let evidence = match &changed[..] {
        [] => "as they were packed".to_owned(),
        some => {
            let more = if some.len() > SHOWN { ", …" } else { "" };
            format!("{} differ: {}{more}", some.len(), some[..some.len().min(SHOWN)].join(", "))
        }
    };
    Ok(Item::compared(role.word(), "package files", changed.is_empty(), &evidence))
}

/// The files that are missing or have other bytes. Source: dpkg(1), `--verify-format`: nine marks, perhaps a `c` for
/// a configuration file, the path; or `missing`. Configuration files may differ: packages change them themselves.
fn changed(output: &str) -> Vec<&str> {
    output.lines().filter_map(of_line).collect()
}

fn of_line(line: &str) -> Option<&str> {
    let (marks, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    let path = rest.find('/').map(|at| &rest[at..])?;
    let configuration = rest.starts_with("c ");
    let missing = marks == "missing" && !LEFT_OUT.iter().any(|folder| path.starts_with(folder));
    let other = marks.len() == 9 && marks.as_bytes().get(2) == Some(&b'5');
    (!configuration && (missing || other)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::changed;

    fn check(output: &str, expect: &[&str]) {
        assert_eq!(changed(output), expect, "{output:?}");
    }

    #[test]
    fn what_dpkg_finds() {
        check("", &[]);
        check("??5??????   /usr/bin/env\n", &["/usr/bin/env"]);
        check("??5?????? c /etc/hosts\n", &[]);
        check("missing     /usr/share/man/man1/ls.1.gz\nmissing     /usr/bin/ls\n", &["/usr/bin/ls"]);
        check("missing   c /etc/x\ndpkg: warning: something /usr\n", &[]);
    }
}
