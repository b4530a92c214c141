//! A connection to a port of the guest, carried by the session: the guest needs no network for it.

use crate::failure::{cancelled, failure};
use crate::request::RequestContext;
use crate::session::{CreditGrants, HostLink, HostMessage, digest};
use bytes::BytesMut;
use sha2::{Digest as _, Sha256};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use vmbuild_protocol::{CHUNK, Connect, FailureKind, FromAgent, RequestFailure};

/// Connects to the guest's loopback and carries bytes both ways until both directions have ended.
pub async fn connect(
    request: &RequestContext,
    order: &Connect,
    link: &HostLink,
    messages: mpsc::UnboundedReceiver<HostMessage>,
) -> Result<(), RequestFailure> {
    let carry = async {
        let stream = reach(order.port).await.map_err(|error| refused(order.port, &error))?;
        let (reader, writer) = stream.into_split();
        let broken = |error| failure(FailureKind::Io, format!("port {} of the guest: {error}", order.port));
        tokio::try_join!(outwards(reader, link), inwards(writer, link, messages)).map_err(broken)
    };
    tokio::select! {
        carried = carry => carried.map(|_| ()),
        () = request.cancel.cancelled() => Err(cancelled()),
    }
}

/// Some servers listen on one of the two only.
async fn reach(port: u16) -> io::Result<TcpStream> {
    match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Err(error) => TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.map_err(|_| error),
        open => open,
    }
}

fn refused(port: u16, error: &io::Error) -> RequestFailure {
    let text = match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("nothing listens on port {port} of the guest"),
        _ => format!("port {port} of the guest cannot be reached: {error}"),
    };
    failure(FailureKind::Io, text)
}

async fn outwards(mut from: OwnedReadHalf, link: &HostLink) -> io::Result<()> {
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    loop {
        let mut piece = BytesMut::with_capacity(CHUNK);
        let count = from.read_buf(&mut piece).await?;
        if count == 0 {
            break;
        }
        hasher.update(&piece);
        bytes += count as u64;
        link.send_data(piece.freeze()).await;
    }
    let digest = digest(bytes, hasher.finalize());
    link.send_message(|id| FromAgent::DataEnd { id, digest });
    Ok(())
}

async fn inwards(
    mut to: OwnedWriteHalf,
    link: &HostLink,
    mut messages: mpsc::UnboundedReceiver<HostMessage>,
) -> io::Result<()> {
    let mut consumed = CreditGrants::default();
    while let Some(inbound) = messages.recv().await {
        match inbound {
            HostMessage::Bytes(bytes) => {
                to.write_all(&bytes).await?;
                consumed.add(bytes.len(), link);
            }
            HostMessage::End(_) => return to.shutdown().await,
            HostMessage::Resize(_) => {}
        }
    }
    Ok(())
}
