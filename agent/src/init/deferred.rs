//! What a virtual machine gets while it serves already: its network, and vsock.
//!
//! On an emulated processor both take half a second, which nobody who says hello has to wait for. A request that runs
//! anything waits until they are there ([`GuestSystem`]), so none can tell the difference.

use super::cmdline::NetworkMode;
use super::modules::{self, Module};
use super::{InitError, network, say};
use crate::blocking::run_blocking;
use crate::guest::GuestSystem;
use tokio::sync::watch;

/// What was put off.
#[derive(Debug)]
pub struct DeferredSetup {
    modules: Vec<Module>,
    net: NetworkMode,
    done: watch::Sender<bool>,
}

impl DeferredSetup {
    /// What was put off, and the guest that waits for it.
    pub(super) fn defer(modules: Vec<Module>, net: NetworkMode) -> (Self, GuestSystem) {
        let (done, guest) = GuestSystem::incomplete();
        (Self { modules, net, done }, guest)
    }

    /// Does it, once.
    pub async fn complete(self) -> Result<(), InitError> {
        let Self { modules, net, done } = self;
        run_blocking(move || modules::load_all(modules)).await?;
        bring_up(net).await?;
        done.send_replace(true);
        Ok(())
    }
}

pub(super) async fn bring_up(net: NetworkMode) -> Result<(), InitError> {
    network::loopback_up().await?;
    match net {
        NetworkMode::None => say("network: loopback only"),
        NetworkMode::Slirp => {
            network::slirp_up().await?;
            say("network: user-mode, outgoing");
        }
    }
    Ok(())
}
