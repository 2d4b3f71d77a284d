//! A WebSocket that survives: `keepwire.v1` sessions through a gateway, over WebSocket, HTTP stream or long poll, and
//! plain reconnecting connections to any server.
//!
//! ```no_run
//! # async fn example() -> Result<(), keepwire_client::Error> {
//! use keepwire_client::{Connection, Event, Message, Options};
//!
//! let mut connection = Connection::open("ws://127.0.0.1:8000/chat", Options::default())?;
//! connection.send(Message::Text("hello".into())).await?;
//! while let Some(event) = connection.next().await {
//!     match event {
//!         Event::Message(message) => println!("{message:?}"),
//!         Event::Down { why, .. } => println!("away: {why}"),
//!         Event::Up { .. } => println!("back"),
//!         Event::Reset { undelivered, .. } => println!("{} messages may be lost", undelivered.len()),
//!         Event::Closed { .. } => break,
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What a session is stands in the crate `session`; here are sockets, clocks and chance.

mod connection;
mod driver;
mod options;
mod plain;
mod proxy;
mod target;
mod transports;

pub use connection::{Connection, Error, Event, Message, SendError};
pub use options::{Credentials, Mode, Options, Transport};
pub use proxy::Proxy;
pub use session::{Class, Range, Refused, Side, Undelivered};
