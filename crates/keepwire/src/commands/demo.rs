//! A broken deployment on loopback, so that there is something to diagnose on a machine with nothing else.

use super::Problem;
use diagnose::text;
use lab::endpoint::Running;
use lab::{echo, proxy};
use std::net::{Ipv4Addr, SocketAddr};

/// A proxy that drops the upgrade, in front of an echo server that is fine.
pub(super) struct Demo {
    pub url: String,
    _proxy: Running,
    _echo: Running,
}

pub(super) async fn serve() -> Result<Demo, Problem> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let failed =
        |error: std::io::Error| text!("the demo cannot listen on 127.0.0.1: {why}", why = error.to_string());
    let echo = echo::serve(any, echo::Options::default()).await.map_err(failed)?;
    let proxy = proxy::stripping_proxy(any, echo.addr).await.map_err(failed)?;
    Ok(Demo { url: format!("ws://{}/ws", proxy.addr), _proxy: proxy, _echo: echo })
}
