//! The kernel's vsock for machines. Source: Linux, `include/uapi/linux/vhost.h` and `drivers/vhost/vsock.c`.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

const DEVICE: &str = "/dev/vhost-vsock";
/// 0 to 2 are the hypervisor, the machine itself and the host.
const FIRST: u32 = 3;
/// Number of CIDs to try. They are random among two thousand million: a second try is already rare.
const TRIES: usize = 64;

/// Takes a free CID, which stays taken as long as the device is open. The error is a message.
pub(super) fn take() -> Result<(u32, OwnedFd), String> {
    let device = open(Path::new(DEVICE))?;
    let cid = claim(random, |cid| set_cid(&device, cid)).map_err(|error| format!("{DEVICE}: {error}"))?;
    Ok((cid, device))
}

fn open(device: &Path) -> Result<OwnedFd, String> {
    use rustix::fs::{Mode, OFlags};
    rustix::fs::open(device, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::NOENT => format!("{} does not exist: module `vhost_vsock` is not loaded", device.display()),
        rustix::io::Errno::ACCESS => format!("no permission to open {}", device.display()),
        other => format!("{}: {other}", device.display()),
    })
}

/// Tries CIDs until one is free.
fn claim(mut number: impl FnMut() -> u32, mut take: impl FnMut(u32) -> io::Result<()>) -> io::Result<u32> {
    for _ in 0..TRIES {
        let cid = FIRST + number() % (i32::MAX.unsigned_abs() - FIRST);
        match take(cid) {
            Ok(()) => return Ok(cid),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no free CID found"))
}

fn random() -> u32 {
    // Without randomness the same number is tried again, and `claim` gives up.
    getrandom::u32().unwrap_or_default()
}

/// `VHOST_VSOCK_SET_GUEST_CID`.
#[cfg(target_os = "linux")]
fn set_cid(device: &OwnedFd, cid: u32) -> io::Result<()> {
    use rustix::ioctl::{Setter, ioctl, opcode};
    const SET_GUEST_CID: rustix::ioctl::Opcode = opcode::write::<u64>(0xaf, 0x60);
    #[expect(unsafe_code, reason = "an ioctl has no type but what its documentation says")]
    // SAFETY: the call reads one u64, and changes nothing but the device's number.
    unsafe {
        Ok(ioctl(device, Setter::<SET_GUEST_CID, u64>::new(u64::from(cid)))?)
    }
}

#[cfg(not(target_os = "linux"))]
fn set_cid(_: &OwnedFd, _: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::{FIRST, claim, open, take};
    use std::io::{self, ErrorKind};

    /// Claims, with these numbers taken already; what random numbers come is given, too.
    fn check(random: &[u32], taken: &[u32], expect: Option<u32>) {
        let mut numbers = random.iter().copied().cycle();
        let set = |cid| if taken.contains(&cid) { Err(ErrorKind::AddrInUse.into()) } else { Ok(()) };
        assert_eq!(claim(|| numbers.next().expect("it repeats"), set).ok(), expect, "{random:?}");
    }

    #[test]
    fn the_first_free_number_is_taken() {
        check(&[0], &[], Some(FIRST));
        check(&[0, 0, 7], &[FIRST], Some(FIRST + 7));
        check(&[0], &[FIRST], None);
        check(&[u32::MAX], &[], Some(FIRST + u32::MAX % (0x7fff_ffff - FIRST)));
    }

    #[test]
    fn another_refusal_is_not_tried_again() {
        let mut tries = 0;
        let refuse = |_| -> io::Result<()> {
            tries += 1;
            Err(ErrorKind::PermissionDenied.into())
        };
        assert_eq!(claim(|| 1, refuse).expect_err("refused").kind(), ErrorKind::PermissionDenied);
        assert_eq!(tries, 1);
    }

    #[test]
    fn two_machines_get_two_numbers_or_a_reason() {
        match (take(), take()) {
            (Ok((one, _first)), Ok((two, _second))) => assert_ne!(one, two),
            (Err(why), _) | (_, Err(why)) => {
                eprintln!("skipped: {why}");
                assert!(why.contains("/dev/vhost-vsock"), "{why}");
            }
        }
    }

    #[test]
    fn a_missing_module_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let why = open(&folder.path().join("vhost-vsock")).expect_err("nothing is there");
        assert!(why.ends_with("module `vhost_vsock` is not loaded"), "{why}");
    }
}
