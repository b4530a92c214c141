//! Installing the agent as `.vmbuild/agent` in the user's home. Neither scp nor sftp is used: not every server has them.

use super::SshError;
use super::dial::SshConnection;
use super::program::run_script;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Exit code if the bytes that arrived are not those that were sent.
const DAMAGED: u32 = 65;

/// Prints the digest of the installed agent. A missing one is not a failure.
const FIND_AGENT: &str = "cd && { [ ! -f .vmbuild/agent ] || sha256sum < .vmbuild/agent; }";

/// Writes a temporary file, compares and renames it: a running agent keeps its file.
const INSTALL_AGENT: &str = r#"set -e
cd
umask 022
mkdir -p .vmbuild
new=.vmbuild/agent.$$
trap 'rm -f "$new"' EXIT
cat > "$new"
[ "$(sha256sum < "$new")" = "@DIGEST@  -" ] || exit 65
chmod 755 "$new"
mv "$new" .vmbuild/agent"#;

/// Makes sure that the installed agent is this one.
pub(super) async fn place_agent(connection: &SshConnection, agent: &Path) -> Result<(), SshError> {
    let bytes = fs_err::tokio::read(agent).await?;
    let digest = hex::encode(Sha256::digest(&bytes));
    let there = run_script(connection, "looking for the agent", FIND_AGENT, b"").await?;
    if there.status == Some(0) && there.stdout.starts_with(digest.as_bytes()) {
        return Ok(());
    }
    let doing = "copying the agent";
    let brought = run_script(connection, doing, &INSTALL_AGENT.replace("@DIGEST@", &digest), &bytes).await?;
    match brought.status {
        Some(0) => Ok(()),
        Some(DAMAGED) => Err(SshError::Damaged { tail: brought.tail }),
        status => Err(SshError::Program { doing, status, tail: brought.tail }),
    }
}
