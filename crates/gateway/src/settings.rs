//! What a gateway is told: the table `[gateway]` of a TOML file. Times are in milliseconds, sizes in bytes.

use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use url::Url;

/// Everything; the defaults are safe to stand on the Internet with.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The server behind: `ws://`, `wss://`, `http://` or `https://` with host and port. Its path is put before each
    /// request's.
    pub upstream: Option<Url>,
    /// TLS in front.
    pub tls: Option<Tls>,
    /// Who may come in.
    pub access: Access,
    /// How many, and how large.
    pub limits: Limits,
    /// What clients of `keepwire.v1` get.
    pub session: SessionSettings,
    /// A folder whose files are served to plain GET requests.
    pub files: Option<PathBuf>,
    /// Whether `/metrics` is answered on this port.
    pub metrics: bool,
}

/// A certificate with its key, PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Who may come in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Origins beside the gateway's own: `https://app.example`; `*` for any. Requests without Origin are no browser's,
    /// and pass.
    pub origins: Vec<String>,
    /// Host names that are served; empty: any. On loopback, names that are not loopback's are refused in any case.
    pub hosts: Vec<String>,
}

/// How many, and how large.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one address.
    pub per_address: usize,
    /// Sessions in all, with a link or without.
    pub sessions: usize,
    /// Bytes of one message.
    pub message: u64,
    /// Bytes that all sessions hold together.
    pub session_memory: usize,
    /// For a request's header.
    pub header_timeout: u64,
    /// For the backend's answer.
    pub upstream_timeout: u64,
}

/// What clients of `keepwire.v1` get.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// How long a session waits for its client.
    pub resume_window: u64,
    /// Bytes that are held each way.
    pub window: u64,
    /// Between two questions whether anybody is there.
    pub heartbeat: u64,
    /// For the answer.
    pub grace: u64,
    /// Between which waits clients draw before they try again.
    pub reconnect_min: u64,
    /// The same, at most.
    pub reconnect_max: u64,
    /// Whether WebSocket, HTTP stream and long poll are all served, or WebSocket alone.
    pub fallback: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            upstream: None,
            tls: None,
            access: Access::default(),
            limits: Limits::default(),
            session: SessionSettings::default(),
            files: None,
            metrics: true,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 9900,
            per_address: 1000,
            sessions: 9900,
            message: 1024 * 1024,
            session_memory: 512 * 1024 * 1024,
            header_timeout: 5000,
            upstream_timeout: 10_000,
        }
    }
}

impl Default for SessionSettings {
    fn default() -> SessionSettings {
        SessionSettings {
            resume_window: 120_000,
            window: 256 * 1024,
            // With the grace a dead link is found within 35 s, on a busy machine as well.
            heartbeat: 24_000,
            grace: 10_000,
            reconnect_min: 250,
            reconnect_max: 20_000,
            fallback: true,
        }
    }
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsError {
    /// The file is no TOML, or a key or a value is none of ours; in the words of the parser, with line and column.
    File(String),
    /// `upstream` is of another kind than `ws`, `wss`, `http` and `https`.
    Scheme(Url),
    /// Not an origin as browsers send it (RFC 6454 section 6.2).
    Origin(String),
    /// A number has to be within a range.
    Range {
        /// The key, with its table.
        name: &'static str,
        /// As given.
        value: u64,
        /// The smallest that is taken.
        least: u64,
        /// The largest.
        most: u64,
    },
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SettingsError::File(why) => out.write_str(why),
            SettingsError::Scheme(url) => write!(out, "upstream: {url} is no ws:// or http:// address"),
            SettingsError::Origin(origin) => write!(out, "access.origins: {origin} is no origin"),
            SettingsError::Range { name, value, least, most } => {
                write!(out, "{name}: {value} is not between {least} and {most}")
            }
        }
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// The table `[gateway]` of a file's text; the file's other tables are left alone.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn parse(text: &str) -> Result<Settings, SettingsError> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            gateway: Settings,
        }
        let file: File = toml::from_str(text).map_err(|error| SettingsError::File(error.to_string()))?;
        file.gateway.check()
    }

    /// The same settings, if they make sense.
    ///
    /// # Errors
    /// What does not.
    pub fn check(self) -> Result<Settings, SettingsError> {
        if let Some(url) = &self.upstream
            && !["ws", "wss", "http", "https"].contains(&url.scheme())
        {
            return Err(SettingsError::Scheme(url.clone()));
        }
        for origin in &self.access.origins {
            let parsed = Url::parse(origin).ok().map(|url| url.origin().ascii_serialization());
            if origin != "*" && parsed.as_deref() != Some(origin.as_str()) {
                return Err(SettingsError::Origin(origin.clone()));
            }
        }
        let range = |name, value, least, most| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(SettingsError::Range { name, value, least, most })
            }
        };
        range("session.resume_window", self.session.resume_window, 1000, 3_600_000)?;
        range("session.window", self.session.window, 65_536, 64 << 20)?;
        range("session.heartbeat", self.session.heartbeat, 1000, 300_000)?;
        range("session.grace", self.session.grace, 500, 300_000)?;
        range("session.reconnect_max", self.session.reconnect_max, 1, 3_600_000)?;
        range("session.reconnect_min", self.session.reconnect_min, 0, self.session.reconnect_max)?;
        range("limits.message", self.limits.message, 125, 1 << 30)?;
        range("limits.header_timeout", self.limits.header_timeout, 100, 300_000)?;
        range("limits.upstream_timeout", self.limits.upstream_timeout, 100, 300_000)?;
        Ok(self)
    }

    /// Limits and times as the engine wants them.
    pub(crate) fn engine(&self) -> session::Settings {
        let defaults = session::Settings::default();
        session::Settings {
            window: self.session.window,
            hold_bytes: self.session.window as usize,
            message_limit: self.limits.message as usize,
            heartbeat: session::Heartbeat {
                interval: self.session.heartbeat,
                grace: self.session.grace,
                ..defaults.heartbeat
            },
            resume_window: self.session.resume_window,
            reconnect: session::Range { min: self.session.reconnect_min, max: self.session.reconnect_max },
            ..defaults
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_settings_gives_the_defaults() {
        for page in [include_str!("../../../docs/gateway.md"), include_str!("../../../docs/gateway.zh-CN.md")]
        {
            let text = page.split("```").nth(1).unwrap().trim_start_matches("toml");
            let mut settings = Settings::parse(text).unwrap();
            assert!(settings.upstream.take().is_some());
            assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
        }
    }

    #[test]
    fn a_file_and_what_is_wrong_with_others() {
        let good = "[lint]\nx = 1\n[gateway]\nlisten = \"0.0.0.0:443\"\nupstream = \"ws://10.0.0.1:3000/app\"\n\
                    [gateway.access]\norigins = [\"https://app.example\"]\n[gateway.session]\nresume_window = 60000\n";
        let settings = Settings::parse(good).unwrap();
        assert_eq!(settings.session.resume_window, 60_000);
        for (text, part) in [
            ("[gateway]\nlisen = 1", "lisen"),
            ("[gateway]\nupstream = \"ftp://x\"", "no ws://"),
            ("[gateway.access]\norigins = [\"app.example\"]", "no origin"),
            ("[gateway.access]\norigins = [\"https://app.example/\"]", "no origin"),
            ("[gateway.session]\nwindow = 1", "not between"),
            ("[gateway", "line 1"),
        ] {
            let error = Settings::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
