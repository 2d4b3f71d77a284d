//! The chat of every gateway in a terminal, beside the page of `examples/chat`:
//!
//! ```sh
//! cargo run -p keepwire-client --example chat -- [ADDRESS] [PROXY]
//! ```
//!
//! Cut it with `keepwire lab chaos` and go on typing: lines arrive once and in order.

use keepwire_client::{Connection, Event, Message, Options, Proxy};
use std::io::BufRead;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), keepwire_client::Error> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "ws://127.0.0.1:8000/chat".to_owned());
    let proxy = arguments.next().map(|address| Proxy::new(&address)).transpose()?;
    let mut connection = Connection::open(&address, Options { proxy, ..Options::default() })?;

    // Standard input blocks, so it has a thread of its own.
    let (lines, mut typed) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });

    let mut typing = true;
    loop {
        tokio::select! {
            line = typed.recv(), if typing => match line {
                // Waits while too much waits already; the connection may be away.
                Some(line) => connection.send(Message::Text(line)).await?,
                None => {
                    typing = false;
                    // After everything that was sent.
                    connection.close(1000, "");
                }
            },
            event = connection.next() => match event {
                Some(Event::Message(Message::Text(text))) => println!("{text}"),
                Some(Event::Message(Message::Binary(bytes))) => println!("{} bytes", bytes.len()),
                Some(Event::Up { transport, resumed, .. }) => {
                    eprintln!("{} by {transport:?}", if resumed { "back, nothing lost," } else { "connected" });
                }
                Some(Event::Down { why, .. }) => eprintln!("away: {why}"),
                Some(Event::Reset { reason, undelivered }) => {
                    eprintln!("a new session ({reason}); {} messages may be missing", undelivered.len());
                }
                Some(Event::Refused(refused)) => eprintln!("refused: {}", refused.reason),
                Some(Event::Closed { code, reason, .. }) => eprintln!("closed: {code} {reason}"),
                Some(Event::Failed(why)) => eprintln!("given up: {why}"),
                None => return Ok(()),
            },
        }
    }
}
