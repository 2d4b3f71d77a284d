//! The project's own fault server, for peers that no product imitates. It is no real product.

use std::net::SocketAddr;
use std::process::ExitCode;

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Serves the fault of that name on a free port, in a process of its own.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, name: &str) -> Result<u16> {
    let (label, port) = (stage.label("lab"), stage.port()?);
    let ourselves = std::env::current_exe().map_err(|error| format!("finding our own program: {error}"))?;
    let mut command = stage.command(ourselves);
    command.args(["e2e", "--lab-endpoint", name, &format!("127.0.0.1:{port}")]);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}

/// The other side of `start`: this process is the server, until it is killed.
pub(crate) fn endpoint(name: &str, address: &str) -> ExitCode {
    match serve(name, address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("lab endpoint {name} on {address}: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn serve(name: &str, address: &str) -> Result<()> {
    let address: SocketAddr = address.parse().map_err(|error| format!("reading the address: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("starting a runtime: {error}"))?;
    runtime.block_on(async {
        let running =
            lab::endpoint::serve(address, name).await.map_err(|error| format!("listening: {error}"))?;
        running.wait().await;
        Ok(())
    })
}
