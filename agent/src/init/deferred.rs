//! Setup of a virtual machine that continues while it serves: its network, and vsock.
//!
//! On an emulated processor both take half a second, and a hello does not need them. A request that runs a program
//! waits until they are there ([`GuestSystem`]).

use super::cmdline::NetworkMode;
use super::modules::{self, KernelModule};
use super::{InitError, log_line, network};
use crate::blocking::run_blocking;
use crate::guest::GuestSystem;
use tokio::sync::watch;

/// Setup that was deferred.
#[derive(Debug)]
pub struct DeferredSetup {
    modules: Vec<KernelModule>,
    net: NetworkMode,
    done: watch::Sender<bool>,
}

impl DeferredSetup {
    /// Returns the deferred setup, and the guest that waits for it.
    pub(super) fn defer(modules: Vec<KernelModule>, net: NetworkMode) -> (Self, GuestSystem) {
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
        NetworkMode::None => log_line("network: loopback only"),
        NetworkMode::Slirp => {
            network::slirp_up().await?;
            log_line("network: user-mode, outgoing");
        }
    }
    Ok(())
}
