//! Through a forward proxy: HTTP CONNECT, SOCKS5, or the handshake itself with an absolute URI.

use crate::dial::{DialError, Dialed, Route, by_family, race};
use crate::head::{self, Want};
use crate::net::BoxStream;
use crate::request::Request;
use crate::settings::Credentials;
use crate::{Limit, Observer, Probe, micros};
use base64::Engine;
use evidence::{Answer, Fact, Place, Preview, Reached, Tunnel, TunnelOutcome, ViaMode};
use std::net::IpAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Connect,
    Socks5 { names: bool },
    Forward,
}

impl Mode {
    fn id(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Socks5 { .. } => "socks5",
            Self::Forward => "forward",
        }
    }
}

/// The proxy in use, read from its URL.
struct Proxy<'a> {
    url: String,
    host: String,
    port: u16,
    mode: Mode,
    credentials: Option<&'a Credentials>,
}

fn proxy<'a>(probe: &'a Probe, route: Route) -> Option<Proxy<'a>> {
    let settings = probe.settings();
    let (text, chosen, credentials) = match (&settings.case.via, &settings.environment_proxy) {
        (Some(via), _) => (via.url.as_str(), via.mode, settings.proxy_credentials.as_ref()),
        (None, Some((url, credentials))) if route.through_proxy => {
            (url.as_str(), ViaMode::Auto, credentials.as_ref())
        }
        _ => return None,
    };
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = url::Url::parse(&full).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    let (mode, default) = match (url.scheme(), chosen) {
        ("socks5", _) => (Mode::Socks5 { names: false }, 1080),
        ("socks5h" | "socks", _) => (Mode::Socks5 { names: true }, 1080),
        (_, ViaMode::Forward) => (Mode::Forward, 80),
        _ => (Mode::Connect, 80),
    };
    Some(Proxy {
        url: settings.redactor.url(text),
        host,
        port: url.port().unwrap_or(default),
        mode,
        credentials,
    })
}

/// Opens a way through the proxy and closes it again.
pub(crate) async fn look(probe: &Probe, port: Option<u16>, observer: &Observer) {
    let route = Route { port, through_proxy: probe.settings().case.via.is_none(), ..Route::default() };
    let Some(proxy) = proxy(probe, route) else { return };
    let port = port.unwrap_or(probe.settings().case.target.port);
    let began = Instant::now();
    let outcome = match open(probe, &proxy, port).await {
        Ok(_) => TunnelOutcome::Open,
        Err(outcome) => outcome,
    };
    let tunnel = Tunnel {
        proxy: proxy.url,
        mode: proxy.mode.id().to_owned(),
        destination: format!("{}:{port}", probe.settings().case.target.bracketed_host()),
        outcome,
        took_us: micros(began.elapsed()),
    };
    observer.saw(Place::ForwardProxy, Fact::Tunnel(tunnel));
}

/// A connection through the proxy.
pub(crate) async fn dial(probe: &Probe, route: Route) -> Result<Dialed, DialError> {
    let Some(proxy) = proxy(probe, route) else {
        return Err(DialError::Tunnel);
    };
    let port = route.port.unwrap_or(probe.settings().case.target.port);
    let stream = open(probe, &proxy, port).await.map_err(|_| DialError::Tunnel)?;
    Ok(Dialed { stream, to: None, absolute: proxy.mode == Mode::Forward })
}

async fn open(probe: &Probe, proxy: &Proxy<'_>, port: u16) -> Result<BoxStream, TunnelOutcome> {
    let mut stream = reach(probe, proxy).await?;
    let host = &probe.settings().case.target.host;
    match proxy.mode {
        Mode::Forward => {}
        Mode::Connect => connect(probe, proxy, &mut stream, port).await?,
        Mode::Socks5 { names } => {
            let family = probe.settings().case.family;
            let address =
                if names { None } else { by_family(probe.addresses().await, family).first().copied() };
            let limit = probe.limit(Limit::Response);
            match timeout(limit, socks5(&mut stream, host, address, port, proxy.credentials)).await {
                Ok(result) => result?,
                Err(_) => return Err(TunnelOutcome::Silence),
            }
        }
    }
    Ok(stream)
}

async fn reach(probe: &Probe, proxy: &Proxy<'_>) -> Result<BoxStream, TunnelOutcome> {
    let limit = probe.limit(Limit::Connect);
    let addresses = match proxy.host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => match timeout(limit, probe.net.resolve(&proxy.host)).await {
            Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
            _ => return Err(TunnelOutcome::NameNotResolved),
        },
    };
    match race(probe, &addresses, proxy.port).await {
        Ok((stream, _)) => Ok(stream),
        Err(last) => Err(TunnelOutcome::Unreached(last.map_or(Reached::Silence, |(_, reached)| reached))),
    }
}

/// `CONNECT host:port` (RFC 9110 section 9.3.6), with Basic credentials if there are any (RFC 7617).
async fn connect(
    probe: &Probe,
    proxy: &Proxy<'_>,
    stream: &mut BoxStream,
    port: u16,
) -> Result<(), TunnelOutcome> {
    let target = format!("{}:{port}", probe.settings().case.target.bracketed_host());
    let mut text = format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {}\r\n",
        probe.settings().user_agent
    );
    if let Some(Credentials { user, password }) = proxy.credentials {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        text.push_str(&format!("Proxy-Authorization: Basic {pair}\r\n"));
    }
    text.push_str("\r\n");
    // What follows a 200 comes only after we have spoken: nothing is lost behind the head.
    let limit = probe.limit(Limit::Response);
    let mut answer = head::ask(stream, &Request::other(text), limit, Want::Tunnel).await.answer;
    head::redact(probe.settings().redactor, &mut answer);
    match answer {
        Answer::Response(response) if (200..300).contains(&response.status) => Ok(()),
        Answer::Response(response) => Err(TunnelOutcome::Answered(response)),
        Answer::Ended(_) | Answer::Reset(_) | Answer::Alert(_) | Answer::NotSent(_) => {
            Err(TunnelOutcome::Ended)
        }
        Answer::Silence(_) => Err(TunnelOutcome::Silence),
        Answer::NotHttp(preview) => Err(TunnelOutcome::NotAProxy(preview.text)),
        Answer::TooLarge(_) => Err(TunnelOutcome::NotAProxy("a response head without end".to_owned())),
    }
}

/// SOCKS5 (RFC 1928) with name and password where asked for (RFC 1929).
async fn socks5(
    stream: &mut BoxStream,
    host: &str,
    address: Option<IpAddr>,
    port: u16,
    credentials: Option<&Credentials>,
) -> Result<(), TunnelOutcome> {
    let ended = |_: std::io::Error| TunnelOutcome::Ended;
    let methods: &[u8] = if credentials.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    stream.write_all(methods).await.map_err(ended)?;
    stream.flush().await.map_err(ended)?;
    let mut choice = [0; 2];
    stream.read_exact(&mut choice).await.map_err(ended)?;
    if choice[0] != 5 {
        return Err(TunnelOutcome::NotAProxy(Preview::new(&choice, 2).hex));
    }
    match (choice[1], credentials) {
        (0, _) => {}
        (2, Some(Credentials { user, password })) => {
            let (user, password) =
                (&user.as_bytes()[..user.len().min(255)], &password.as_bytes()[..password.len().min(255)]);
            let mut message = vec![1, user.len() as u8];
            message.extend_from_slice(user);
            message.push(password.len() as u8);
            message.extend_from_slice(password);
            stream.write_all(&message).await.map_err(ended)?;
            stream.flush().await.map_err(ended)?;
            let mut answer = [0; 2];
            stream.read_exact(&mut answer).await.map_err(ended)?;
            if answer[1] != 0 {
                return Err(TunnelOutcome::SocksAuthentication);
            }
        }
        _ => return Err(TunnelOutcome::SocksAuthentication),
    }
    let mut message = vec![5, 1, 0];
    match address.or_else(|| host.parse().ok()) {
        Some(IpAddr::V4(address)) => {
            message.push(1);
            message.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            message.push(4);
            message.extend_from_slice(&address.octets());
        }
        None => {
            let name = &host.as_bytes()[..host.len().min(255)];
            message.extend_from_slice(&[3, name.len() as u8]);
            message.extend_from_slice(name);
        }
    }
    message.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&message).await.map_err(ended)?;
    stream.flush().await.map_err(ended)?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await.map_err(ended)?;
    let bound = match reply {
        [5, 0, _, 1] => 4,
        [5, 0, _, 4] => 16,
        [5, 0, _, 3] => usize::from(stream.read_u8().await.map_err(ended)?),
        [5, code, ..] if code != 0 => return Err(TunnelOutcome::Socks(code)),
        other => return Err(TunnelOutcome::NotAProxy(Preview::new(&other, 4).hex)),
    };
    let mut rest = vec![0; bound + 2];
    stream.read_exact(&mut rest).await.map_err(ended)?;
    Ok(())
}

#[cfg(test)]
mod tests;
