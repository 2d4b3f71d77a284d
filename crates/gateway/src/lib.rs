//! `keepwire gateway`: in front of any plain WebSocket server. Plain clients are relayed, frame by frame as they came;
//! clients of `keepwire.v1` get a session whose backend socket stays open through their blips.
//!
//! ```text
//!   listener ─▶ server ─▶ admission ─▶ plain?   upstream ─▶ relay
//!                                   └▶ keepwire.v1: upstream ─▶ driver (one task a session, the engine inside)
//!                                                       carriers ─▶ hub ──┘
//! ```
//!
//! What a session is stands in the crate `session`; here are sockets, clocks and who may come in.

mod admission;
mod backend;
mod carriers;
mod driver;
mod files;
mod hub;
mod identity;
mod journal;
mod metrics;
mod relay;
mod server;
mod settings;
mod splice;
mod upstream;

pub use server::{Running, StartError, start};
pub use settings::{Access, Limits, SessionSettings, Settings, SettingsError, Tls};
