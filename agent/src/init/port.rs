//! The virtio-serial port that leads to the host.

use super::InitError;
use super::disk::{PATIENCE, names_in, poll};
use std::path::{Path, PathBuf};

const CLASS: &str = "/sys/class/virtio-ports";

/// Waits for the port called `name`. The kernel learns the name from QEMU some time after it found the device.
pub(super) async fn wait_for(name: &str) -> Result<PathBuf, InitError> {
    let device = || find(Path::new(CLASS), name).map(|node| Path::new("/dev").join(node)).filter(|path| path.exists());
    poll(PATIENCE, device).await.ok_or_else(|| InitError::NoPort {
        port: name.to_owned(),
        seconds: PATIENCE.as_secs(),
        seen: describe(Path::new(CLASS)),
    })
}

/// The device (`vport0p1`) whose `name` file says `name`.
fn find(class: &Path, name: &str) -> Option<String> {
    names_in(class).into_iter().find(|device| name_of(class, device).is_some_and(|said| said == name))
}

fn name_of(class: &Path, device: &str) -> Option<String> {
    let text = fs_err::read_to_string(class.join(device).join("name")).ok()?;
    Some(text.trim_end().to_owned())
}

fn describe(class: &Path) -> String {
    let each = names_in(class).into_iter();
    each.map(|device| format!("{device}={}", name_of(class, &device).unwrap_or_default())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{describe, find};

    #[test]
    fn a_port_is_found_by_its_name() {
        let class = tempfile::tempdir().unwrap();
        for (device, name) in [("vport1p1", "org.other.0\n"), ("vport1p2", "org.vmbuild.agent.0\n")] {
            fs_err::create_dir(class.path().join(device)).unwrap();
            fs_err::write(class.path().join(device).join("name"), name).unwrap();
        }
        // A console port has no name.
        fs_err::create_dir(class.path().join("vport0p0")).unwrap();
        assert_eq!(find(class.path(), "org.vmbuild.agent.0").as_deref(), Some("vport1p2"));
        assert_eq!(find(class.path(), "org.vmbuild.agent"), None);
        assert_eq!(describe(class.path()), "vport0p0= vport1p1=org.other.0 vport1p2=org.vmbuild.agent.0");
    }
}
