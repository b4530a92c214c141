//! Bringing the agent over. It lies in `.vmbuild/agent` of the user's home. Neither scp nor sftp is asked for: not every server has them.

use super::SshError;
use super::dial::SshConnection;
use super::program::run;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Exit code for bytes that are not those that were sent.
const DAMAGED: u32 = 65;

/// The digest of the agent that lies there. None at all is no failure.
const LOOK: &str = "cd && { [ ! -f .vmbuild/agent ] || sha256sum < .vmbuild/agent; }";

/// Writes beside it, compares and renames: an agent that runs meanwhile keeps its file.
const BRING: &str = r#"set -e
cd
umask 022
mkdir -p .vmbuild
new=.vmbuild/agent.$$
trap 'rm -f "$new"' EXIT
cat > "$new"
[ "$(sha256sum < "$new")" = "@DIGEST@  -" ] || exit 65
chmod 755 "$new"
mv "$new" .vmbuild/agent"#;

/// Sees to it that the agent over there is this one.
pub(super) async fn place(line: &SshConnection, agent: &Path) -> Result<(), SshError> {
    let bytes = fs_err::tokio::read(agent).await?;
    let digest = hex::encode(Sha256::digest(&bytes));
    let there = run(line, "looking for the agent", LOOK, b"").await?;
    if there.status == Some(0) && there.stdout.starts_with(digest.as_bytes()) {
        return Ok(());
    }
    let doing = "bringing the agent over";
    let brought = run(line, doing, &BRING.replace("@DIGEST@", &digest), &bytes).await?;
    match brought.status {
        Some(0) => Ok(()),
        Some(DAMAGED) => Err(SshError::Damaged { tail: brought.tail }),
        status => Err(SshError::Program { doing, status, tail: brought.tail }),
    }
}
