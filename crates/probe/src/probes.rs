//! One file a probe.

pub(crate) mod burst;
pub(crate) mod dns;
pub(crate) mod environment;
pub(crate) mod first_bytes;
pub(crate) mod forward_proxy;
pub(crate) mod hold;
pub(crate) mod http2;
pub(crate) mod page;
pub(crate) mod session;
pub(crate) mod sizes;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod upgrade;
