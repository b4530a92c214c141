//! From an address to an authenticated connection.

use super::host_key::{HostKeyVerifier, expected};
use super::{SshError, SshWay};
use russh::Preferred;
use russh::client::{AuthResult, Config, Handle, connect_stream};
use russh::keys::{PrivateKeyWithHashAlg, load_secret_key};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long the network has to find the server.
const REACH: Duration = Duration::from_secs(10);
/// Silence after which the server is asked for a sign of life; three unanswered ones end the connection.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// An authenticated connection.
pub(super) type SshConnection = Handle<HostKeyVerifier>;

/// Connects, verifies the server's key and logs in.
pub(super) async fn dial(way: &SshWay) -> Result<SshConnection, SshError> {
    let verifier = HostKeyVerifier::new(way);
    let config = Arc::new(config(way)?);
    let stream = reach(way).await?;
    let mut connection = match connect_stream(config, stream, verifier.clone()).await {
        Ok(connection) => connection,
        Err(source) => return Err(verifier.refusal().unwrap_or_else(|| broken(way, "greeting", source))),
    };
    for file in &way.keys {
        if log_in(way, &mut connection, file).await? {
            return Ok(connection);
        }
    }
    Err(SshError::Refused { at: way.to_string(), keys: way.keys.clone() })
}

async fn reach(way: &SshWay) -> Result<TcpStream, SshError> {
    let unreachable = |source| SshError::Unreachable { at: way.to_string(), source };
    let reaching = tokio::time::timeout(REACH, TcpStream::connect((way.host.as_str(), way.port)));
    let stream = reaching.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(unreachable)?;
    // Small frames go both ways, and none may be delayed.
    stream.set_nodelay(true).map_err(unreachable)?;
    Ok(stream)
}

async fn log_in(way: &SshWay, connection: &mut SshConnection, file: &std::path::Path) -> Result<bool, SshError> {
    let key = load_secret_key(file, None).map_err(|source| SshError::KeyFile { file: file.to_owned(), source })?;
    let lost = |source| broken(way, "logging in", source);
    // Old RSA keys are signed with whatever newer hash the server knows.
    let hash = if key.algorithm().is_rsa() {
        connection.best_supported_rsa_hash().await.map_err(lost)?.flatten()
    } else {
        None
    };
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    match connection.authenticate_publickey(way.user.clone(), key).await.map_err(lost)? {
        AuthResult::Success => Ok(true),
        // The library takes a connection that ends for a refusal.
        AuthResult::Failure { .. } if connection.is_closed() => Err(lost(russh::Error::HUP)),
        AuthResult::Failure { .. } => Ok(false),
    }
}

fn broken(way: &SshWay, doing: &'static str, source: russh::Error) -> SshError {
    SshError::Broken { at: way.to_string(), doing, source }
}

fn config(way: &SshWay) -> Result<Config, SshError> {
    let mut preferred = Preferred::default();
    if let Some(expected) = expected(&way.host_keys)? {
        // The sort is stable: the order of the others stays.
        preferred.key.to_mut().sort_by_key(|algorithm| *algorithm != expected);
    }
    Ok(Config { preferred, keepalive_interval: Some(KEEPALIVE), nodelay: true, ..Config::default() })
}
