//! The cases, by the layer at which the connection breaks.

mod app;
mod dns;
mod forward_proxy;
mod frames;
mod healthy;
mod hostile;
mod idle;
mod page;
mod tcp;
mod tls;
mod upgrade;
mod upgrade_lab;
mod upstream;

use super::case::Case;

/// Every case, in the order of the layers.
pub(crate) fn all() -> Vec<Case> {
    [
        healthy::cases(),
        page::cases(),
        dns::cases(),
        tcp::cases(),
        forward_proxy::cases(),
        tls::cases(),
        upgrade::cases(),
        upgrade_lab::cases(),
        upstream::cases(),
        app::cases(),
        frames::cases(),
        idle::cases(),
        hostile::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
