//! Bootstrap of a clean root file system from cached packages.
//!
//! mmdebstrap runs as root of its own namespaces, so root and ordinary users take the same path. Its archive is a folder
//! of exactly the locked packages, so it needs no network, and every bootstrap of the same packages gives the same tree.
//! The kernel package is not installed: it would pull in an initramfs generator, which no machine here needs.

use super::normalize;
use crate::host_tool::HostTool;
use crate::{Image, ImageError};
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, Unit};
use vmbuild_packages::{PackageCache, PackageLists, PackageLock, repository};
use vmbuild_supervise::Tail;

/// Takes about 30 s; the limit is for a slow disk.
const LIMIT: Duration = Duration::from_mins(30);

/// The fixed time of generated files and file systems: 2023-11-14 22:13:20 UTC.
pub(crate) const EPOCH: &str = "1700000000";

/// Without it dpkg would sync every file. An incomplete tree is thrown away, and a complete one is synced before it is
/// sealed. The option does not stay in the tree.
pub(crate) const UNSAFE: &str = "force-unsafe-io";

/// Leaves out files that no build and no check reads. Licenses stay: they are shipped.
const DPKG_OPTIONS: [&str; 7] = [
    UNSAFE,
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/locale.alias",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
];

const APT_OPTIONS: [&str; 2] = [r#"Acquire::Languages "none""#, r#"APT::Install-Recommends "false""#];

/// Creates `folder/clean` from the lock's packages, which must be in the cache, without the network.
pub(crate) async fn bootstrap(
    image: &Image,
    lock: &PackageLock,
    cache: &PackageCache,
    folder: &Path,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let running = events.phase(Part::Golden, "bootstrap", format!("{}, {} packages", image.name, lock.clean.len()));
    let repository = folder.join("packages");
    repository::create(&repository, &lock.clean.iter().collect::<Vec<_>>(), cache, cancel).await?;
    let tool = HostTool::new("mmdebstrap", "mmdebstrap", folder)?
        .args(arguments(&lock.suite, &image.lists()?, &repository::sources_line("copy", &repository)?))
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .limit(LIMIT);
    let mut stage = BootstrapStage::default();
    let report = |line: &str, count: u64| running.advance(count, None, Unit::Lines, line);
    tool.run(cancel, |bytes| stage.push(bytes, report)).await?;
    fs_err::remove_dir_all(repository)?;
    normalize::remove_host_names(folder, "clean", cancel).await?;
    normalize::normalize_tree(folder, "clean", cancel).await?;
    running.finish("");
    Ok(())
}

fn arguments(suite: &str, lists: &PackageLists, source: &str) -> Vec<String> {
    let mut arguments: Vec<String> = vec![
        "--mode=root".to_owned(),
        "--variant=apt".to_owned(),
        "--format=directory".to_owned(),
        format!("--include={}", lists.runtime.join(",")),
    ];
    arguments.extend(APT_OPTIONS.iter().map(|option| format!("--aptopt={option}")));
    arguments.extend(DPKG_OPTIONS.iter().map(|option| format!("--dpkgopt={option}")));
    arguments.extend([suite.to_owned(), "clean".to_owned(), source.to_owned()]);
    arguments
}

/// mmdebstrap's progress: its own lines begin with `I: ` and name the current step.
#[derive(Debug, Default)]
struct BootstrapStage {
    tail: Tail,
    shown: String,
    stages: u64,
}

impl BootstrapStage {
    /// Takes output, a line at a time, and reports each new stage with its number.
    fn push(&mut self, bytes: &[u8], report: impl Fn(&str, u64)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.tail.push(piece);
            let line = self.tail.last_line();
            let Some(stage) = line.strip_prefix("I: ") else { continue };
            let stage = stage.split(':').next().unwrap_or(stage).trim_end_matches('.');
            if stage != self.shown {
                self.shown = stage.to_owned();
                self.stages += 1;
                report(stage, self.stages);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BootstrapStage, Image, arguments};
    use insta::assert_snapshot;
    use std::cell::RefCell;

    #[test]
    fn asks_mmdebstrap_for_this() {
        let image = Image::find("debian-12").expect("an embedded image");
        let lists = image.lists().expect("its lists");
        let arguments = arguments("bookworm", &lists, "deb [trusted=yes] copy:/store/packages ./");
        assert_snapshot!(arguments.join("\n"));
    }

    fn check(output: &[&str], stages: &[&str]) {
        let seen = RefCell::new(Vec::new());
        let mut stage = BootstrapStage::default();
        for piece in output {
            stage.push(piece.as_bytes(), |line, count| seen.borrow_mut().push(format!("{count} {line}")));
        }
        assert_eq!(seen.into_inner(), stages);
    }

    #[test]
    fn follows_the_stages() {
        check(
            &["I: running apt-get update...\ndone\nI: extra", "cting archives...\n"],
            &["1 running apt-get update", "2 extracting archives"],
        );
        check(&["I: running --essential-hook in shell: sh -c 'set -e\n"], &["1 running --essential-hook in shell"]);
    }
}
