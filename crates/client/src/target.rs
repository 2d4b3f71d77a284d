//! Where to connect, and the sockets for it: plain or TLS, one way for all carriers.

use crate::connection::Error;
use crate::options::Options;
use crate::proxy::Proxy;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

/// Either kind of socket.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}
pub(crate) type BoxSocket = Box<dyn Socket>;

/// A server, and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Target {
    pub url: Url,
    pub protocols: Vec<String>,
    pub headers: Vec<(String, String)>,
    pub timeout: Duration,
    tls: Option<TlsConnector>,
    proxy: Option<Proxy>,
}

impl Target {
    pub(crate) fn new(address: &str, options: &Options) -> Result<Target, Error> {
        let url = Url::parse(address).map_err(|error| Error::Address(error.to_string()))?;
        let secure = is_secure(&url)
            .ok_or_else(|| Error::Address(format!("{}:// is no WebSocket address", url.scheme())))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(Error::Address("a host is missing".to_owned()));
        }
        let bad = |text: &str| text.bytes().any(|byte| byte < b' ' || byte == 127);
        if let Some((name, _)) =
            options.headers.iter().find(|(name, value)| bad(name) || bad(value) || name.is_empty())
        {
            return Err(Error::Address(format!("the header {name:?} cannot be sent")));
        }
        let tls = secure.then(|| connector(&options.roots)).transpose()?;
        Ok(Target {
            url,
            protocols: options.protocols.clone(),
            headers: options.headers.clone(),
            timeout: options.connect_timeout,
            tls,
            proxy: options.proxy.clone(),
        })
    }

    /// Another address of the same service. Nobody is sent from a safe one to another kind of one.
    pub(crate) fn elsewhere(&self, address: &str) -> Option<Target> {
        let url = Url::parse(address).ok()?;
        let fits =
            is_secure(&url)? == self.tls.is_some() && url.host_str().is_some_and(|host| !host.is_empty());
        fits.then(|| Target { url, ..self.clone() })
    }

    /// Host and port as a Host header has them.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Path and query of the application's socket.
    pub(crate) fn path(&self) -> String {
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.url.path())
    }

    /// The proxy that answers requests itself, if there is one: it gets them with the whole address.
    pub(crate) fn asks_proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| self.tls.is_none())
    }

    /// A socket for requests: to the server, or to the proxy that asks it.
    pub(crate) async fn connect_for_requests(&self) -> Result<BoxSocket, String> {
        match self.asks_proxy() {
            None => self.connect().await,
            Some(Proxy { host, port, .. }) => {
                self.in_time(open(host, *port)).await.map(|stream| Box::new(stream) as _)
            }
        }
    }

    /// A socket to the server, through the proxy if there is one.
    pub(crate) async fn connect(&self) -> Result<BoxSocket, String> {
        let host = self.url.host_str().unwrap_or_default();
        let bare = host.trim_matches(['[', ']']).to_owned();
        let port = self.url.port().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        self.in_time(async {
            let stream = match &self.proxy {
                None => open(&bare, port).await?,
                Some(proxy) => {
                    let mut stream = open(&proxy.host, proxy.port).await?;
                    proxy.tunnel(&mut stream, &format!("{host}:{port}")).await?;
                    stream
                }
            };
            let Some(tls) = &self.tls else { return Ok(Box::new(stream) as BoxSocket) };
            let name = ServerName::try_from(bare.clone()).map_err(|error| error.to_string())?;
            let stream = tls.connect(name, stream).await.map_err(|error| error.to_string())?;
            Ok(Box::new(stream) as BoxSocket)
        })
        .await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        tokio::time::timeout(self.timeout, work)
            .await
            .unwrap_or_else(|_| Err("the connection did not open in time".to_owned()))
    }
}

async fn open(host: &str, port: u16) -> Result<TcpStream, String> {
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

fn is_secure(url: &Url) -> Option<bool> {
    match url.scheme() {
        "ws" | "http" => Some(false),
        "wss" | "https" => Some(true),
        _ => None,
    }
}

fn connector(roots: &[Vec<u8>]) -> Result<TlsConnector, Error> {
    let mut store = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store.add_parsable_certificates(roots.iter().map(|root| CertificateDer::from(root.clone())));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Address(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Only where a system has no random numbers at all; masking keys are then known, which harms nobody but proxies.
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// Uniform from 0 to 1.
pub(crate) fn chance() -> f64 {
    (u64::from_le_bytes(random::<8>()) >> 11) as f64 / (1_u64 << 53) as f64
}
