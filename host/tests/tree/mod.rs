//! Helpers of tests with real namespaces.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "each test uses its part; clippy knows tests, not their helpers"
)]

use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vmbuild_machine::Network;
use vmbuild_machine::sandbox::{NamespaceCommand, NamespaceError, NamespaceRoot, set_helper};
use vmbuild_supervise::Deadline;

/// A root file system of one program.
pub(crate) struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    /// A root with busybox in it, and folders for an overlay; or a word about why not.
    pub(crate) async fn new() -> Option<Self> {
        set_helper(PathBuf::from(env!("CARGO_BIN_EXE_vmbuild")));
        let Some(busybox) = static_busybox() else {
            println!("skipped: no static busybox (package busybox-static)");
            return None;
        };
        let tree = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["layer/bin", "layer/etc", "upper", "work"] {
            fs_err::create_dir_all(tree.path(name)).unwrap();
        }
        fs_err::copy(busybox, tree.path("layer/bin/busybox")).unwrap();
        for applet in
            ["sh", "cat", "echo", "ls", "id", "ps", "hostname", "touch", "rm", "sleep", "mount", "chown", "stat"]
        {
            std::os::unix::fs::symlink("busybox", tree.path("layer/bin").join(applet)).unwrap();
        }
        fs_err::write(tree.path("layer/etc/greeting"), "from the layer\n").unwrap();
        match Self::enter(NamespaceRoot::Host, "true").run(limit(), &CancellationToken::new(), |_| ()).await {
            Err(error @ (NamespaceError::Refused { .. } | NamespaceError::Ids(_))) => {
                println!("skipped: {error}");
                None
            }
            _ => Some(tree),
        }
    }

    /// A path in the test's folder: `layer` is the root's.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The tree, with changes going to `upper`.
    pub(crate) fn overlay(&self) -> NamespaceRoot {
        NamespaceRoot::Overlay { layers: vec![self.path("layer")], upper: self.path("upper"), work: self.path("work") }
    }

    /// A shell script in namespaces.
    pub(crate) fn enter(root: NamespaceRoot, script: &str) -> NamespaceCommand {
        NamespaceCommand {
            root,
            network: Network::None,
            binds: Vec::new(),
            hostname: "inside".to_owned(),
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
            env: vec![
                ("PATH".to_owned(), "/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
                ("WORD".to_owned(), "x".to_owned()),
            ],
            cwd: "/".to_owned(),
        }
    }

    /// Output of a script in the overlay.
    pub(crate) async fn says(&self, script: &str) -> String {
        output(&Self::enter(self.overlay(), script)).await
    }
}

impl Drop for Tree {
    /// The kernel makes a folder in an overlay's work folder without any permission; its owner may change that, and then
    /// delete it.
    fn drop(&mut self) {
        use std::os::unix::fs::PermissionsExt;
        for overlay in ["", "store/machines/bench"] {
            let made = self.path(overlay).join("work").join("work");
            let _ = fs_err::set_permissions(made, std::fs::Permissions::from_mode(0o700));
        }
    }
}

fn static_busybox() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&folders).map(|folder| folder.join("busybox")).find(|path| path.is_file())?;
    vmbuild_machine::agent_binary::accepts(&found).then_some(found)
}

/// How long anything here may take.
pub(crate) fn limit() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

/// Runs it and returns what it writes.
pub(crate) async fn output(enter: &NamespaceCommand) -> String {
    let mut text = Vec::new();
    enter.run(limit(), &CancellationToken::new(), |bytes| text.extend_from_slice(bytes)).await.unwrap();
    String::from_utf8(text).unwrap()
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = limit();
    while !condition() {
        assert!(!deadline.passed(), "still waiting: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
