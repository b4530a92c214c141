//! The program in the guest.

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use vmbuild_agent::guest::GuestSystem;
use vmbuild_agent::init::{
    AgentRole, NetworkMode, PreparedMachine, fatal, log_line, prepare, prepare_sandbox, prepare_service, spawn_reaper,
};
use vmbuild_agent::listen::{serve_port, serve_stdio, serve_unix, serve_vsock};

/// The program in a vmbuild guest.
#[derive(Debug, Parser)]
#[command(name = "vmbuild-agent", version)]
enum AgentCli {
    /// Serve hosts on a Unix socket, or one host on standard input and output.
    Serve {
        /// The socket to create.
        #[arg(long, required_unless_present = "stdio")]
        unix: Option<PathBuf>,
        /// Serve the process that started this, until its input ends: run by an SSH server.
        #[arg(long, conflicts_with = "unix")]
        stdio: bool,
        /// Memory in bytes that this guest may use, where no visible control group limits it.
        #[arg(long)]
        memory_limit: Option<u64>,
    },
    /// Serve hosts on a virtio-serial port, as a service of a system that has its own first process.
    ServePort {
        /// The port's name.
        #[arg(long)]
        port: String,
        /// The network to set up.
        #[arg(long, value_enum)]
        network: NetworkMode,
    },
}

fn main() -> ExitCode {
    let role = AgentRole::detect();
    let outcome = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
        let outcome = runtime.block_on(run(role));
        // A read of standard input may be under way on a thread of its own, and nothing will end it.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if role == AgentRole::Kernel => fatal(&error),
        Err(error) => {
            log_line(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run(role: AgentRole) -> std::io::Result<()> {
    spawn_reaper();
    if role == AgentRole::Kernel {
        return serve_machine(prepare().await.map_err(std::io::Error::other)?).await;
    }
    let guest = GuestSystem::complete(role.is_init());
    match AgentCli::parse() {
        AgentCli::Serve { unix, memory_limit, .. } => {
            let guest = guest.with_memory_limit(memory_limit);
            if role == AgentRole::Sandbox {
                prepare_sandbox().await.map_err(std::io::Error::other)?;
            }
            match unix {
                Some(unix) => serve_unix(&unix, guest).await,
                None => serve_stdio(guest).await,
            }
        }
        AgentCli::ServePort { port, network } => {
            let device = prepare_service(&port, network).await.map_err(std::io::Error::other)?;
            serve_port(&device, guest).await
        }
    }
}

/// Serves a virtual machine's host: on the port immediately, on vsock once its driver is loaded. The port alone is
/// enough.
async fn serve_machine(PreparedMachine { port, vsock, late, guest }: PreparedMachine) -> std::io::Result<()> {
    let rest = async {
        late.complete().await.map_err(std::io::Error::other)?;
        if let Some(port) = vsock
            && let Err(error) = serve_vsock(port, guest.clone()).await
        {
            log_line(&format!("vsock port {port} is not served: {error}"));
        }
        std::future::pending().await
    };
    tokio::select! {
        ended = serve_port(&port, guest.clone()) => ended,
        failed = rest => failed,
    }
}
