//! `keepwire echo`: something healthy to compare with; with `--reflect` it tells what the hops on the way changed.

use super::{Context, Problem};
use crate::cli::Echo;
use diagnose::text;
use evidence::{Preview, Redactor};
use lab::echo::{Options, serve};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Bytes of a request line that are shown.
const LINE: usize = 200;

pub(super) fn run(context: &Context, arguments: &Echo) -> Result<u8, Problem> {
    let address = address(&arguments.address).ok_or_else(|| {
        text!("{text} is no address to listen on: write :9001 or 127.0.0.1:9001", text = &arguments.address)
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| text!("the runtime does not start: {why}", why = error.to_string()))?;
    runtime.block_on(async {
        let log: lab::echo::OnRequest = Arc::new(|head, peer| {
            // Anybody may write to us, also what would move the cursor, and addresses that hold tokens.
            let target = Redactor::ON.path(&head.target);
            let line = Preview::new(format!("{} {target}", head.method).as_bytes(), LINE).text;
            let _ = writeln!(anstream::stderr(), "{peer}  {line}");
        });
        let options = Options {
            reflect: arguments.reflect,
            compress: !arguments.no_compression,
            on_request: (!context.look.quiet).then_some(log),
            ..Options::default()
        };
        let server = serve(address, options).await.map_err(|error| {
            text!("cannot listen on {address}: {why}", address = address, why = error.to_string())
        })?;
        let url = format!("ws://{}/", server.addr);
        let ready = text!("listening on {url}; try: keepwire check {url}   (Ctrl-C ends it)", url = url);
        let _ = writeln!(anstream::stderr(), "{}", ready.say(&context.locale));
        tokio::select! {
            () = server.wait() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        Ok(0)
    })
}

/// `:9001` is every address of this machine's loopback; other addresses must be named.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim_start_matches("ws://").trim_end_matches('/');
    if let Some(port) = text.strip_prefix(':') {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)));
    }
    if let Ok(port) = text.parse::<u16>() {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.replace("localhost", "127.0.0.1").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn short_forms() {
        for (text, expected) in [
            (":9001", Some("127.0.0.1:9001")),
            ("9001", Some("127.0.0.1:9001")),
            ("localhost:9001", Some("127.0.0.1:9001")),
            ("0.0.0.0:9001", Some("0.0.0.0:9001")),
            ("[::1]:9001", Some("[::1]:9001")),
            ("nowhere", None),
            (":", None),
        ] {
            assert_eq!(address(text).map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }
}
