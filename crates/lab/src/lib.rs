//! Broken and healthy endpoints on loopback: every way in which a WebSocket server, or what stands before it, is
//! known to go wrong, playable by name. Tests, benches and demonstrations use it; it is no server for others.

pub mod chaos;
mod connection;
pub mod echo;
pub mod endpoint;
mod endpoints;
mod head;
pub mod pipe;
pub mod plan;
pub mod proxy;
mod relay;
pub mod serve;

pub use endpoint::Running;
pub use faults;
pub use head::RequestHead;
