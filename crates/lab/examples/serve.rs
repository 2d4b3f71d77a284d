//! Serves one endpoint of the lab: `cargo run -p keepwire-lab --example serve -- NAME ADDR`, or without
//! arguments lists the names.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, address] = arguments.as_slice() else {
        for (name, what) in keepwire_lab::endpoint::names() {
            println!("{name:<36} {what}");
        }
        return Ok(());
    };
    let address = address.parse().map_err(|error| std::io::Error::other(format!("{address}: {error}")))?;
    let running = keepwire_lab::endpoint::serve(address, name).await?;
    println!("{name} on {}", running.addr);
    running.wait().await;
    Ok(())
}
