//! Making a clean root file system from a distribution's archive, with the archive's own verification.
//!
//! mmdebstrap does it, as root of its own namespaces: root and ordinary users take the same path. While its apt
//! is at hand, a hook downloads the kernel package, verified like every other, without installing it: a kernel's
//! installation would bring an initramfs generator along that no machine here needs.

use super::host_tool::{HostTool, text};
use super::{Image, ImageError, PackageLists, Source};
use crate::event::{Events, Part, Unit};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_supervise::Tail;

/// It takes about 45 s near an archive; this is for a slow line.
const LIMIT: Duration = Duration::from_mins(30);

/// The time that made files and file systems carry where they need one: 2023-11-14 22:13:20 UTC.
pub(super) const EPOCH: &str = "1700000000";

/// Files that no build and no check reads. Licences stay: they are part of what is shipped.
const DPKG_OPTIONS: [&str; 6] = [
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/locale.alias",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
];

const APT_OPTIONS: [&str; 3] =
    [r#"Acquire::Retries "3""#, r#"Acquire::Languages "none""#, r#"APT::Install-Recommends "false""#];

/// The package named in the image only points at the current kernel; its first dependency is the kernel.
const KERNEL_HOOK: &str = r#"set -e
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
cd "$VMBUILD_KERNEL_FOLDER"
name=$(apt-cache depends --important "$VMBUILD_KERNEL_PACKAGE" | sed -n "s/^ *Depends: \(linux-image-[^ ]*\)$/\1/p" | head -n 1)
apt-get download "${name:-$VMBUILD_KERNEL_PACKAGE}"
"#;

/// What apt says when bytes are not those that were signed. Source: apt 2.6, `methods/gpgv.cc`,
/// `apt-pkg/acquire-item.cc`.
const DISTRUST: [&str; 5] = ["NO_PUBKEY", "BADSIG", "EXPKEYSIG", "is not signed", "Hash Sum mismatch"];

/// What a bootstrap leaves in its folder.
#[derive(Debug)]
pub(super) struct Bootstrapped {
    /// The kernel package.
    pub(super) kernel: PathBuf,
    /// The archive it was taken from.
    pub(super) archive: String,
}

/// Makes `folder/clean`, and downloads the kernel package into `folder/deb`.
pub(super) async fn bootstrap(
    image: &Image,
    folder: &Path,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Bootstrapped, ImageError> {
    let Source::Bootstrap { suite, keyring, .. } = &image.source else {
        return Err(ImageError::NotYet { name: image.name.clone() });
    };
    if !keyring.is_file() {
        return Err(ImageError::NoKeyring { path: keyring.clone() });
    }
    let archive = super::archive_address::archive_for(suite, cancel).await?;
    let running = events.phase(Part::Golden, "bootstrap", format!("{} from {archive}", image.name));
    let debs = folder.join("deb");
    fs_err::create_dir(&debs)?;
    let tool = HostTool::new("mmdebstrap", "mmdebstrap", folder)?
        .args(arguments(image, &image.lists()?, &archive)?)
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env("VMBUILD_KERNEL_FOLDER", text(&debs)?)
        .env("VMBUILD_KERNEL_PACKAGE", image.kernel_package()?)
        .with_network()
        .limit(LIMIT);
    let mut stage = Stage::default();
    let report = |line: &str, count: u64| running.advance(count, None, Unit::Lines, line);
    tool.run(cancel, |bytes| stage.push(bytes, report)).await.map_err(|error| stage.judge(error, &archive))?;
    let kernel = only_file_in(&debs)?;
    running.finish("");
    Ok(Bootstrapped { kernel, archive })
}

fn arguments(image: &Image, lists: &PackageLists, archive: &str) -> Result<Vec<String>, ImageError> {
    let Source::Bootstrap { suite, keyring, components } = &image.source else {
        return Err(ImageError::NotYet { name: image.name.clone() });
    };
    let mut words: Vec<String> = vec![
        "--mode=root".to_owned(),
        "--variant=apt".to_owned(),
        "--format=directory".to_owned(),
        format!("--keyring={}", text(keyring)?),
        format!("--components={}", components.join(",")),
        format!("--include={}", lists.runtime.join(",")),
        format!("--essential-hook={KERNEL_HOOK}"),
    ];
    words.extend(APT_OPTIONS.iter().map(|option| format!("--aptopt={option}")));
    words.extend(DPKG_OPTIONS.iter().map(|option| format!("--dpkgopt={option}")));
    words.extend([suite.clone(), "clean".to_owned(), archive.to_owned()]);
    Ok(words)
}

fn only_file_in(folder: &Path) -> Result<PathBuf, ImageError> {
    let mut packages = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        packages.push(entry?.path());
    }
    packages.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let problem = "does not hold exactly one kernel package";
    match <[PathBuf; 1]>::try_from(packages) {
        Ok([kernel]) => Ok(kernel),
        Err(_) => Err(ImageError::Kernel { path: folder.to_owned(), problem }),
    }
}

/// mmdebstrap's output: its own lines begin with `I: `, and say what it is at.
#[derive(Debug, Default)]
struct Stage {
    tail: Tail,
    shown: String,
    stages: u64,
    distrust: bool,
}

impl Stage {
    /// Takes output, a line at a time, and hands each new stage on with its number.
    fn push(&mut self, bytes: &[u8], report: impl Fn(&str, u64)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.tail.push(piece);
            let line = self.tail.last_line();
            self.distrust |= DISTRUST.iter().any(|word| line.contains(word));
            let Some(stage) = line.strip_prefix("I: ") else { continue };
            let stage = stage.split(':').next().unwrap_or(stage).trim_end_matches('.');
            if stage != self.shown {
                self.shown = stage.to_owned();
                self.stages += 1;
                report(stage, self.stages);
            }
        }
    }

    fn judge(&self, error: ImageError, archive: &str) -> ImageError {
        if !self.distrust {
            return error;
        }
        ImageError::Untrusted { archive: archive.to_owned(), source: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Image, ImageError, Stage, arguments};
    use insta::assert_snapshot;
    use std::cell::RefCell;

    #[test]
    fn asks_mmdebstrap_for_this() {
        let image = Image::find("debian-12").expect("an embedded image");
        let lists = image.lists().expect("its lists");
        let words = arguments(&image, &lists, "http://archive.example/debian").expect("arguments");
        assert_snapshot!(words.join("\n"));
    }

    fn check(output: &[&str], stages: &[&str], distrust: bool) {
        let seen = RefCell::new(Vec::new());
        let mut stage = Stage::default();
        for piece in output {
            stage.push(piece.as_bytes(), |line, count| seen.borrow_mut().push(format!("{count} {line}")));
        }
        assert_eq!(seen.into_inner(), stages);
        let judged = stage.judge(ImageError::Cancelled, "http://archive.example");
        assert_eq!(matches!(judged, ImageError::Untrusted { .. }), distrust);
    }

    #[test]
    fn follows_the_stages() {
        check(
            &["I: running apt-get update...\ndone\nI: extra", "cting archives...\n"],
            &["1 running apt-get update", "2 extracting archives"],
            false,
        );
        check(
            &["I: running --essential-hook in shell: sh -c 'set -e\n"],
            &["1 running --essential-hook in shell"],
            false,
        );
    }

    #[test]
    fn knows_distrust_from_other_trouble() {
        check(&["E: Unable to fetch\n"], &[], false);
        check(&["W: GPG error: InRelease: NO_PUBKEY 0E98404D386FA1D9\nE: apt-get update failed\n"], &[], true);
        check(&["E: Failed to fetch x.deb  Hash Sum mismatch\n"], &[], true);
    }
}
