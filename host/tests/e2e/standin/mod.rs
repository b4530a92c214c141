//! A cloud image of our own: what a publisher's would be, where no publisher is reachable.
//!
//! Debian from its archive, with systemd, cloud-init, a kernel and an initramfs, on a disk with a GPT, an EFI system
//! partition (systemd-boot) and an ext4 root. It takes minutes to make, so it is kept below `target/`, by its recipe.
//!
mod disk;

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_core::store::Lock;
use vmbuild_image::debian_archive;
use vmbuild_machine::Network;
use vmbuild_machine::sandbox::{NamespaceCommand, NamespaceRoot, set_helper, works_here};
use vmbuild_supervise::{Command, Deadline};

const LIMIT: Duration = Duration::from_mins(40);

/// Files that a cloud image has and a bootstrap does not.
const PACKAGES: &str = "systemd-sysv,dbus,udev,cloud-init,cloud-guest-utils,linux-image-cloud-amd64,initramfs-tools,\
                        netbase,ifupdown,isc-dhcp-client,iproute2,iputils-ping,systemd-boot-efi,ca-certificates";

/// Runs as root of mmdebstrap's namespaces, with the tree as `$1`. The bind mount hides what is mounted in the tree.
const HOOK: &str = r#"set -e
mkdir -p "$1/boot/efi" tree
echo 'LABEL=root / ext4 defaults 0 1' > "$1/etc/fstab"
cp "$1"/boot/vmlinuz-* vmlinuz
cp "$1"/boot/initrd.img-* initrd
cp "$1/usr/lib/systemd/boot/efi/systemd-bootx64.efi" boot.efi
chmod 644 vmlinuz initrd boot.efi
mount --bind "$1" tree
mke2fs -q -F -t ext4 -L root -E "offset=$ROOT_OFFSET" -d tree disk.raw "$ROOT_SIZE"
umount tree
"#;

/// The stand-in's disk, made if it is not there yet; or a word about why not.
pub(crate) async fn disk() -> Option<PathBuf> {
    set_helper(PathBuf::from(env!("CARGO_BIN_EXE_vmbuild")));
    let recipe = [PACKAGES, HOOK, disk::LAYOUT].map(Sha256::digest).concat();
    let key = hex::encode(&Sha256::digest(recipe)[..8]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/test-standin");
    let made = folder.join(&key).join("disk.qcow2");
    fs_err::create_dir_all(&folder).unwrap();
    let _making = Lock::take(&folder.join(".lock"), &CancellationToken::new()).await.unwrap();
    if made.is_file() {
        return Some(made);
    }
    if let Some(reason) = missing().await {
        println!("skipped: no stand-in for a cloud image: {reason}");
        return None;
    }
    // A temporary name, so that what a killed test left is never taken for the disk.
    let making = tempfile::Builder::new().prefix(".making-").tempdir_in(&folder).unwrap();
    make(making.path()).await;
    fs_err::create_dir_all(folder.join(&key)).unwrap();
    fs_err::rename(making.path().join("disk.qcow2"), &made).unwrap();
    Some(made)
}

async fn missing() -> Option<String> {
    if std::env::consts::ARCH != "x86_64" {
        return Some("it is only made for x86_64".to_owned());
    }
    for program in ["/usr/bin/mmdebstrap", "/usr/bin/qemu-img", "/usr/bin/qemu-system-x86_64"] {
        if !Path::new(program).is_file() {
            return Some(format!("{program} is not installed"));
        }
    }
    works_here(&CancellationToken::new()).await.err()
}

async fn make(folder: &Path) {
    let archive = debian_archive(&CancellationToken::new()).await.unwrap();
    disk::begin(&folder.join("disk.raw"));
    let mut argv: Vec<String> =
        ["/usr/bin/mmdebstrap", "--mode=root", "--variant=important", "--format=null"].map(str::to_owned).to_vec();
    argv.push(format!("--include={PACKAGES}"));
    argv.push(format!("--customize-hook={HOOK}"));
    let options = [r#"Acquire::Languages "none""#, r#"APT::Install-Recommends "false""#];
    argv.extend(options.iter().map(|option| format!("--aptopt={option}")));
    let left_out = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*"];
    argv.extend(left_out.iter().map(|path| format!("--dpkgopt=path-exclude={path}")));
    argv.extend(["bookworm".to_owned(), "/dev/null".to_owned(), archive]);
    let env = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("SOURCE_DATE_EPOCH", "1700000000".to_owned()),
        ("ROOT_OFFSET", disk::ROOT_OFFSET.to_string()),
        ("ROOT_SIZE", format!("{}k", disk::ROOT_SIZE / 1024)),
    ];
    let enter = NamespaceCommand {
        root: NamespaceRoot::Host,
        network: Network::Outgoing,
        binds: Vec::new(),
        hostname: "standin".to_owned(),
        argv,
        env: env.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        cwd: folder.to_str().unwrap().to_owned(),
    };
    enter.run(Deadline::after(LIMIT), &CancellationToken::new(), |_| ()).await.unwrap();
    disk::finish(folder);
    let convert = Command::new("qemu-img").args([
        "convert",
        "-c",
        "-O",
        "qcow2",
        "-o",
        "compression_type=zstd",
        "disk.raw",
        "disk.qcow2",
    ]);
    convert.current_dir(folder).run(Deadline::after(LIMIT), &CancellationToken::new(), |_| ()).await.unwrap();
}
