//! What a virtual machine gets while it serves already: its network, and vsock.
//!
//! On an emulated processor both take half a second, which nobody who says hello has to wait for. A request that runs
//! anything waits until they are there ([`GuestSystem`]), so none can tell the difference.

use super::cmdline::Net;
use super::modules::{self, Module};
use super::{InitError, network, say};
use crate::guest::GuestSystem;
use tokio::sync::watch;

/// What was put off.
#[derive(Debug)]
pub struct Late {
    modules: Vec<Module>,
    net: Net,
    done: watch::Sender<bool>,
}

impl Late {
    /// What was put off, and the guest that waits for it.
    pub(super) fn put_off(modules: Vec<Module>, net: Net) -> (Self, GuestSystem) {
        let (done, guest) = GuestSystem::incomplete();
        (Self { modules, net, done }, guest)
    }

    /// Does it, once.
    pub async fn complete(self) -> Result<(), InitError> {
        let Self { modules, net, done } = self;
        let load = tokio::task::spawn_blocking(move || modules::load_all(modules));
        load.await.map_err(std::io::Error::other)??;
        bring_up(net).await?;
        done.send_replace(true);
        Ok(())
    }
}

pub(super) async fn bring_up(net: Net) -> Result<(), InitError> {
    network::loopback_up().await?;
    match net {
        Net::None => say("network: loopback only"),
        Net::Slirp => {
            network::slirp_up().await?;
            say("network: user-mode, outgoing");
        }
    }
    Ok(())
}
