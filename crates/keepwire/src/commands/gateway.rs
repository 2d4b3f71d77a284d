//! `keepwire gateway`: flags and file become settings; the rest is the crate of that name.

use super::echo::address;
use super::{Context, Problem};
use crate::cli::Gateway;
use ::gateway::{Settings, SettingsError, Tls, start};
use diagnose::{Arg, Text, text};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use url::Url;

pub(super) fn run(context: &Context, arguments: Gateway) -> Result<u8, Problem> {
    let threads =
        arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let settings = settings(arguments)?;
    // One thread has nobody to hand work to, and is a third faster when it does not look for them.
    let mut runtime = if threads > 1 {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = runtime
        .worker_threads(threads.max(1))
        .enable_all()
        .build()
        .map_err(|error| text!("the runtime does not start: {why}", why = error.to_string()))?;
    runtime.block_on(serve(context, settings))
}

/// The file first, then the options.
fn settings(arguments: Gateway) -> Result<Settings, Text> {
    let mut settings = match &arguments.config {
        None => Settings::default(),
        Some(file) => {
            let name = file.display().to_string();
            let content = std::fs::read_to_string(file)
                .map_err(|error| text!("{file}: {why}", file = &name, why = error.to_string()))?;
            Settings::parse(&content)
                .map_err(|error| text!("{file}: {why}", file = &name, why = wrong(error)))?
        }
    };
    if let Some(listen) = &arguments.listen {
        settings.listen = address(listen).ok_or_else(|| {
            text!("{text} is no address to listen on: write :9001 or 127.0.0.1:9001", text = listen)
        })?;
    }
    if let Some(upstream) = &arguments.upstream {
        let url = Url::parse(upstream)
            .map_err(|error| text!("--upstream {url}: {why}", url = upstream, why = error.to_string()))?;
        settings.upstream = Some(url);
    }
    if let (Some(cert), Some(key)) = (arguments.cert, arguments.key) {
        settings.tls = Some(Tls { cert, key });
    }
    settings.files = arguments.files.or(settings.files);
    settings.access.origins.extend(arguments.origin);
    settings.access.hosts.extend(arguments.host);
    if let Some(window) = arguments.resume_window {
        settings.session.resume_window = window.as_millis().try_into().unwrap_or(u64::MAX);
    }
    settings.session.fallback &= !arguments.no_fallback;
    settings.check().map_err(|error| text!("the gateway's settings: {why}", why = wrong(error)))
}

/// What is wrong with settings; the words of the TOML parser stay as they are.
fn wrong(error: SettingsError) -> Arg {
    let text = match error {
        SettingsError::File(why) => return why.into(),
        SettingsError::Scheme(url) => {
            text!("upstream: {url} is no ws:// or http:// address", url = url.to_string())
        }
        SettingsError::Origin(origin) => text!(
            "access.origins: {origin} is no origin; write scheme, host and port alone, as https://app.example",
            origin = origin
        ),
        SettingsError::Range { name, value, least, most } => text!(
            "{name}: {value} is not between {least} and {most}",
            name = name,
            value = value,
            least = least,
            most = most
        ),
    };
    text.into()
}

async fn serve(context: &Context, mut settings: Settings) -> Result<u8, Problem> {
    let stopped = |error: &dyn std::fmt::Display| {
        Problem(text!("the gateway does not start: {why}", why = error.to_string()))
    };
    // Without a server behind, one of our own answers, so that a newcomer sees something.
    let mut own = None;
    if settings.upstream.is_none() {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let echo =
            lab::echo::serve(local, lab::echo::Options { chat: true, ..lab::echo::Options::default() })
                .await
                .map_err(|error| stopped(&error))?;
        settings.upstream = Url::parse(&format!("ws://{}", echo.addr)).ok();
        own = Some(echo);
    }
    let upstream = settings.upstream.as_ref().map(ToString::to_string).unwrap_or_default();
    let scheme = if settings.tls.is_some() { "wss" } else { "ws" };
    let running = start(settings, None).await.map_err(|error| stopped(&error))?;
    let url = format!("{scheme}://{}", running.address);
    let ready = match own {
        Some(_) => text!(
            "{url} in front of an echo of its own; give it your server by --upstream ws://host:port   (Ctrl-C ends it)",
            url = url
        ),
        None => text!("{url} in front of {upstream}   (Ctrl-C ends it)", url = url, upstream = upstream),
    };
    let _ = writeln!(anstream::stderr(), "{}", ready.say(&context.locale));
    interrupted().await;
    running.stop().await;
    Ok(0)
}

/// Ctrl-C, or the wish of whatever started it.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
