//! A real dnf over a real repository: what it would install, to the byte, and installing that.
//!
//! The machine is a Debian with dnf in it: publishers of systems with dnf are not reachable everywhere, their package
//! manager is.

use crate::support::store;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vmbuild_core::event::Events;
use vmbuild_core::store::Store;
use vmbuild_image::{Golden, GoldenRole};
use vmbuild_machine::sandbox::{set_helper, works_here};
use vmbuild_machine::{Lifetime, Machine, MachineName, MachineSpec, Network, StartSource};
use vmbuild_protocol::{CommandLine, Exec, Exited, Package, PackageManager, Provision, Stage};

/// Three packages, of which the second needs the first and the third the second.
const REPOSITORY: &str = r#"set -e
mkdir -p /srv/repo /etc/yum.repos.d && cd /root
for words in "lib" "app vb-lib" "tool vb-app"; do
    set -- $words
    printf 'Name: vb-%s\nVersion: 1.5\nRelease: 2\nSummary: test\nLicense: none\nBuildArch: noarch\n' "$1" > "$1.spec"
    [ -z "$2" ] || echo "Requires: $2" >> "$1.spec"
    printf '%%description\ntest\n%%files\n' >> "$1.spec"
    rpmbuild -bb --quiet --define "_rpmdir /srv/repo" "$1.spec"
done
createrepo_c --quiet /srv/repo
"#;

struct Guest {
    machine: Machine,
    cancel: CancellationToken,
}

impl Guest {
    async fn start() -> Option<Self> {
        set_helper(env!("CARGO_BIN_EXE_vmbuild").into());
        let cancel = CancellationToken::new();
        if let Err(reason) = works_here(&cancel).await {
            crate::support::skip("dnf_says_what_it_will_install_and_installs_that", &reason);
            return None;
        }
        let (store, (events, _heard)) = (Store::at(&store()).expect("a store"), Events::channel());
        let agent = vmbuild_machine::agent_binary::find().expect("an agent");
        let golden = Golden::prepare(&store, "debian-12", GoldenRole::Clean, &agent, &events, &cancel).await;
        let golden = golden.expect("a golden machine");
        let archives = golden.sources(&cancel).await.expect("an archive");
        let spec = MachineSpec {
            name: MachineName::for_job(),
            image: "debian-12".to_owned(),
            cpus: 2,
            memory_mib: 1024,
            network: Network::Outgoing,
            lifetime: Lifetime::Job,
            agent,
            start: StartSource::Sandbox { root: golden.tree() },
        };
        let machine = Machine::start(spec, &store, &events, &cancel).await.expect("a machine");
        let guest = Self { machine, cancel };
        guest.run(&["sh", "-c", "printf %s \"$0\" > /etc/apt/sources.list", &archives]).await;
        Some(guest)
    }

    async fn install(&self, manager: PackageManager, stage: Stage, packages: &[&str]) -> Vec<String> {
        let wish = wish(manager, stage, packages);
        let installing = self.machine.session().provision(wish, &self.cancel, |_, _| ());
        let installed = self.machine.ask(installing).await.expect("installed");
        let ours = |package: &&Package| package.name.starts_with("vb-");
        let line = |package: &Package| format!("{} {} {}", package.name, package.version, package.arch);
        installed.iter().filter(ours).map(line).collect()
    }

    async fn resolve(&self, packages: &[&str]) -> Vec<String> {
        let wish = wish(PackageManager::Dnf, Stage::Whole, packages);
        let offered = self.machine.ask(self.machine.session().resolve(wish, &self.cancel, |_, _| ())).await;
        let mut lines = Vec::new();
        for one in offered.expect("an answer") {
            let bytes = self.run(&["cat", &format!("/srv/repo/noarch/{}", one.file)]).await;
            assert_eq!(
                (one.size, one.sha256),
                (bytes.len() as u64, hex::encode(Sha256::digest(&bytes))),
                "{}",
                one.file
            );
            lines.push(format!("{} {} {}", one.name, one.version, one.arch));
        }
        lines
    }

    async fn run(&self, argv: &[&str]) -> Vec<u8> {
        let (mut said, mut complaints) = (Vec::new(), Vec::new());
        let running = self.machine.session().exec(exec(argv), &self.cancel, |stream, bytes| match stream {
            vmbuild_protocol::OutputStream::Stdout => said.extend_from_slice(bytes),
            vmbuild_protocol::OutputStream::Stderr => complaints.extend_from_slice(bytes),
        });
        let ended = self.machine.ask(running).await.expect("it ran");
        assert_eq!(ended, Exited::Code(0), "{argv:?}: {}", String::from_utf8_lossy(&complaints));
        said
    }

    /// Serves the repository until told to stop; the port it got is sent as soon as it is known.
    async fn serve(&self, port: watch::Sender<Option<u16>>, stop: &CancellationToken) {
        let server =
            exec(&["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "/srv/repo", "0"]);
        let mut said = String::new();
        let serving = self.machine.session().exec(server, stop, |_, bytes| {
            said.push_str(&String::from_utf8_lossy(bytes));
            let named = said.split(" port ").nth(1).and_then(|rest| rest.split_once(' ')?.0.parse().ok());
            port.send_if_modified(|known| {
                known.is_none() && {
                    *known = named;
                    named.is_some()
                }
            });
        });
        // It ends by being stopped, which is no success.
        let _ = serving.await;
    }
}

fn wish(manager: PackageManager, stage: Stage, packages: &[&str]) -> Provision {
    let packages = packages.iter().map(ToString::to_string).collect();
    Provision { manager, packages, sources: None, snapshot: None, epoch: None, stage }
}

fn exec(argv: &[&str]) -> Exec {
    let argv = argv.iter().map(ToString::to_string).collect();
    let env = vec![("PATH".to_owned(), "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())];
    let timeout = Duration::from_mins(10).as_millis();
    Exec { command: CommandLine { argv, cwd: "/".to_owned(), env }, timeout_ms: u64::try_from(timeout).ok() }
}

#[tokio::test(flavor = "current_thread")]
async fn dnf_says_what_it_will_install_and_installs_that() {
    let Some(guest) = Guest::start().await else { return };
    guest.install(PackageManager::Apt, Stage::Whole, &["dnf", "rpm", "createrepo-c"]).await;
    guest.run(&["sh", "-c", REPOSITORY]).await;
    let (stop, (sender, mut port)) = (CancellationToken::new(), watch::channel(None));
    let work = async {
        let port = port.wait_for(Option::is_some).await.expect("the server says its port").expect("a port");
        let list = format!("[test]\nname=test\nbaseurl=http://127.0.0.1:{port}/\ngpgcheck=0\n");
        guest.run(&["sh", "-c", "printf %s \"$0\" > /etc/yum.repos.d/test.repo", &list]).await;
        let (app, lib, tool) = ("vb-app 1.5-2 noarch", "vb-lib 1.5-2 noarch", "vb-tool 1.5-2 noarch");
        assert_eq!(guest.resolve(&["vb-app"]).await, [app, lib]);
        assert_eq!(guest.resolve(&["vb-app", "vb-tool"]).await, [app, lib, tool]);
        assert_eq!(guest.install(PackageManager::Dnf, Stage::Install, &["vb-app"]).await, [app, lib]);
        assert_eq!(guest.install(PackageManager::Dnf, Stage::Whole, &["vb-tool"]).await, [app, lib, tool]);
        stop.cancel();
    };
    tokio::join!(guest.serve(sender, &stop), work);
    guest.machine.stop().await.expect("it ends");
}
