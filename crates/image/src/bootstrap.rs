//! Making a clean root file system of packages that are in the cache.
//!
//! mmdebstrap does it, as root of its own namespaces: root and ordinary users take the same path. The archive it sees
//! is a folder of exactly the packages that were agreed on (`lock`), so it needs no network, and every bootstrap of
//! the same packages does the same. The kernel package is not installed: that would bring an initramfs generator
//! along that no machine here needs.

use super::host_tool::HostTool;
use super::lock::{self, PackageCache, PackageLock};
use super::{Image, ImageError, PackageLists, Role, settle};
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::{Events, Part, Unit};
use vmbuild_supervise::Tail;

/// It takes about 30 s; this is for a slow disk.
const LIMIT: Duration = Duration::from_mins(30);

/// The time that made files and file systems carry where they need one: 2023-11-14 22:13:20 UTC.
pub(super) const EPOCH: &str = "1700000000";

/// dpkg would wait for the disk at every file. A tree whose making was cut short is thrown away, and one that is
/// whole is synced before it is sealed. The option does not stay in the tree.
pub(super) const UNSAFE: &str = "force-unsafe-io";

/// Files that no build and no check reads. Licences stay: they are part of what is shipped.
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

/// Makes `folder/clean` of the lock's packages, which must be in the cache. No network is asked.
pub(super) async fn bootstrap(
    image: &Image,
    lock: &PackageLock,
    cache: &PackageCache,
    folder: &Path,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<(), ImageError> {
    let running = events.phase(Part::Golden, "bootstrap", format!("{}, {} packages", image.name, lock.clean.len()));
    let repository = folder.join("packages");
    lock::make_repository(&repository, &lock.of(Role::Clean), cache, cancel).await?;
    let tool = HostTool::new("mmdebstrap", "mmdebstrap", folder)?
        .args(arguments(&lock.suite, &image.lists()?, &lock::sources_line("copy", &repository)?))
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .limit(LIMIT);
    let mut stage = BootstrapStage::default();
    let report = |line: &str, count: u64| running.advance(count, None, Unit::Lines, line);
    tool.run(cancel, |bytes| stage.push(bytes, report)).await?;
    fs_err::remove_dir_all(repository)?;
    settle::forget_host(folder, "clean", cancel).await?;
    settle::settle(folder, "clean", cancel).await?;
    running.finish("");
    Ok(())
}

fn arguments(suite: &str, lists: &PackageLists, source: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![
        "--mode=root".to_owned(),
        "--variant=apt".to_owned(),
        "--format=directory".to_owned(),
        format!("--include={}", lists.runtime.join(",")),
    ];
    words.extend(APT_OPTIONS.iter().map(|option| format!("--aptopt={option}")));
    words.extend(DPKG_OPTIONS.iter().map(|option| format!("--dpkgopt={option}")));
    words.extend([suite.to_owned(), "clean".to_owned(), source.to_owned()]);
    words
}

/// mmdebstrap's output: its own lines begin with `I: `, and say what it is at.
#[derive(Debug, Default)]
struct BootstrapStage {
    tail: Tail,
    shown: String,
    stages: u64,
}

impl BootstrapStage {
    /// Takes output, a line at a time, and hands each new stage on with its number.
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
        let words = arguments("bookworm", &lists, "deb [trusted=yes] copy:/store/packages ./");
        assert_snapshot!(words.join("\n"));
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
