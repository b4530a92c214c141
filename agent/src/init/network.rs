//! Network interfaces, over rtnetlink.

use super::InitError;
use futures_util::TryStreamExt;
use rtnetlink::packet_route::link::{LinkFlags, LinkMessage};
use rtnetlink::{Error, Handle, LinkUnspec, RouteMessageBuilder, new_connection};
use std::net::Ipv4Addr;

/// The addresses of QEMU's user-mode network (`-netdev user`), which are always these.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const PREFIX: u8 = 24;
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const RESOLV_CONF: &str = "nameserver 10.0.2.3\n";

/// Brings `lo` up, unless it is: a sandbox with its host's network finds it up and may not touch it.
pub(super) async fn loopback_up() -> Result<(), InitError> {
    let netlink = NetlinkSocket::open()?;
    netlink.bring_up("lo").await.map(drop)
}

/// Sets `eth0` up for QEMU's user-mode network, with its name server.
pub(super) async fn slirp_up() -> Result<(), InitError> {
    const NAME: &str = "eth0";
    let netlink = NetlinkSocket::open()?;
    let index = netlink.bring_up(NAME).await?;
    let address = netlink.handle.address().add(index, ADDRESS.into(), PREFIX).execute();
    address.await.map_err(failed("give an address to", NAME))?;
    let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(GATEWAY).output_interface(index).build();
    netlink.handle.route().add(route).execute().await.map_err(failed("route through", NAME))?;
    name_server()
}

/// The file that names the name servers. In some images it is a link into a folder that only their own start-up fills.
const NAME_SERVERS: &str = "/etc/resolv.conf";

/// Moves the system's own file of name servers aside. One that was moved before is not lost.
pub(super) fn keep_name_server() -> Result<(), InitError> {
    let kept = format!("{NAME_SERVERS}.vmbuild");
    if fs_err::symlink_metadata(&kept).is_ok() {
        return Ok(());
    }
    match fs_err::rename(NAME_SERVERS, kept) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn name_server() -> Result<(), InitError> {
    match fs_err::remove_file(NAME_SERVERS) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Ok(fs_err::write(NAME_SERVERS, RESOLV_CONF)?)
}

/// A conversation with the kernel; ends with this value.
struct NetlinkSocket {
    handle: Handle,
    connection: tokio::task::JoinHandle<()>,
}

impl NetlinkSocket {
    fn open() -> Result<Self, InitError> {
        let (connection, handle, _) = new_connection().map_err(InitError::Netlink)?;
        Ok(Self { handle, connection: tokio::spawn(connection) })
    }

    /// Brings an interface up and returns its index.
    async fn bring_up(&self, name: &'static str) -> Result<u32, InitError> {
        let link = self.link(name).await.map_err(failed("look for", name))?.ok_or(InitError::NoInterface(name))?;
        let index = link.header.index;
        if !link.header.flags.contains(LinkFlags::Up) {
            let up = self.handle.link().set(LinkUnspec::new_with_index(index).up().build()).execute();
            up.await.map_err(failed("bring up", name))?;
        }
        Ok(index)
    }

    async fn link(&self, name: &str) -> Result<Option<LinkMessage>, Error> {
        match self.handle.link().get().match_name(name).execute().try_next().await {
            Err(Error::NetlinkError(error)) if error.raw_code() == NO_DEVICE => Ok(None),
            answer => answer,
        }
    }
}

/// `-ENODEV`, as netlink reports it.
const NO_DEVICE: i32 = -rustix::io::Errno::NODEV.raw_os_error();

impl Drop for NetlinkSocket {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn failed(doing: &'static str, interface: &'static str) -> impl FnOnce(Error) -> InitError {
    move |source| InitError::Interface { doing, interface, source }
}

#[cfg(test)]
mod tests {
    use super::{InitError, NetlinkSocket, loopback_up};

    #[tokio::test(flavor = "current_thread")]
    async fn the_loopback_interface_is_up_afterwards() {
        match loopback_up().await {
            Ok(()) => assert!(NetlinkSocket::open().unwrap().link("lo").await.unwrap().is_some()),
            Err(error) => println!("skipped: netlink is not usable here: {error}"),
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_missing_interface_is_said_to_be_missing() {
        let Ok(netlink) = NetlinkSocket::open() else {
            println!("skipped: no netlink here");
            return;
        };
        let error = netlink.bring_up("vmbuild-none0").await.unwrap_err();
        assert!(matches!(error, InitError::NoInterface(_)), "{error:?}");
    }
}
