//! What a hop on the way is told by its configuration, in words that are the same for every product.

use serde::{Deserialize, Serialize};

/// One setting of the route that serves the socket, and how it came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The setting.
    pub what: Setting,
    /// Who set it.
    pub by: Given,
    /// What in this product makes it so: an id of the catalog, such as `nginx-header-inheritance-lost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Where it stands; for a default, where it would stand.
    pub spot: Spot,
}

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Given {
    /// The route itself.
    Here,
    /// A level around it, such as `http` or `defaults`.
    Inherited(String),
    /// Nobody: it is the product's default.
    Default,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// Path of the file, as it was given or included.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// First column in characters, from 1.
    pub column: u32,
    /// Column behind the last character, on the same line.
    pub end_column: u32,
    /// The line, without what ends it; bounded, and printable.
    pub text: String,
}

/// A setting, in neutral words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// The route itself: which requests it takes and where they go. The first observation of every case.
    Route(RouteSeen),
    /// What becomes of the headers that ask for the upgrade.
    Upgrade(Passing),
    /// Upgrades to any protocol are passed on, not only to `websocket` (h2c smuggling).
    AnyProtocol,
    /// HTTP version towards the application: `1.0`, `1.1`, `2`.
    UpstreamHttp(String),
    /// A connection without traffic is ended after this time; none: never.
    Idle {
        /// Milliseconds.
        ms: Option<u64>,
        /// What the timer is called in this product.
        timer: String,
    },
    /// A connection is ended after this time, whatever is sent; none: never.
    Lifetime {
        /// Milliseconds.
        ms: Option<u64>,
        /// What the timer is called in this product.
        timer: String,
    },
    /// The application's own ping interval (told by the user with `--chain`).
    Ping {
        /// Milliseconds.
        ms: u64,
    },
    /// Sockets that are expected at the same time (told by the user).
    Expected {
        /// How many.
        sockets: u64,
    },
    /// The `Host` that the application gets.
    Host(HostSent),
    /// The application is not told whether the client came over TLS.
    SchemeHidden,
    /// A header of the handshake is taken away on the way, by name.
    Cleared(String),
    /// The path that a request for the route's path has when it reaches the application.
    UpstreamPath {
        /// As the client sends it.
        request: String,
        /// As the application gets it.
        upstream: String,
    },
    /// A request without the slash at the end is redirected to the one with it.
    SlashRedirect {
        /// Without.
        from: String,
        /// With.
        to: String,
    },
    /// Another route takes the requests that this one is written for.
    Shadowed {
        /// Which.
        by: String,
        /// For which path.
        path: String,
    },
    /// The application runs on several servers.
    Servers {
        /// How many.
        count: u32,
        /// One client always comes to the same one.
        sticky: bool,
    },
    /// Hop and application disagree on TLS: `http` to a TLS port, or the other way round.
    SchemeMismatch {
        /// The upstream as written.
        upstream: String,
    },
    /// An authorization subrequest gets the upgrade headers, too.
    AuthUpgrade,
    /// Something on the route cannot live with an upgrade, such as a buffering middleware.
    InTheWay(String),
    /// At most so many sockets.
    SocketLimit {
        /// Sockets of clients.
        sockets: u64,
        /// The setting that ends it.
        limit: String,
    },
    /// Fewer source ports than sockets towards one address of the application.
    PortLimit {
        /// Sockets that one address can take.
        sockets: u64,
        /// The address.
        upstream: String,
    },
    /// One client may have only so many connections.
    ClientLimit {
        /// How many.
        connections: u64,
        /// The setting.
        limit: String,
    },
    /// A reload ends open sockets after this time; none: it lets them live.
    Drain {
        /// Milliseconds.
        ms: Option<u64>,
        /// The setting.
        timer: String,
    },
    /// Cookies decide who is logged in, and nobody looks at `Origin`.
    OriginUnchecked,
    /// The product will not load this.
    Refused {
        /// What it says, or would say.
        says: String,
    },
    /// The file cannot be read to its end, or not as what it is.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// A route: which requests it takes, and where they go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSeen {
    /// Name of the product as its makers write it.
    pub product: String,
    /// Version of the product that was reckoned with.
    pub version: String,
    /// Who says so.
    pub version_by: VersionBy,
    /// The route as it is called in the file: `location /ws/`.
    pub name: String,
    /// Where its requests go, as far as it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Why it is believed to carry WebSockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub believed: Option<Belief>,
}

/// Who says which version it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionBy {
    /// The program itself.
    Asked,
    /// The user.
    Given,
    /// Nobody: it is a guess.
    Assumed,
}

/// Why a route is believed to carry WebSockets. The strongest reason first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Belief {
    /// The user said so, or a live handshake goes there.
    Said,
    /// It mentions the upgrade itself.
    Mentions(String),
    /// A comment beside it says so.
    Comment(String),
    /// Its path is one that only sockets have.
    Path(String),
    /// Its application's name is one that only sockets have.
    Upstream(String),
}

/// What becomes of `Upgrade: websocket` and `Connection: Upgrade` on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passing {
    /// Passed on where they are there.
    Passed,
    /// `Upgrade` is passed on, but `Connection: upgrade` goes out with every request.
    ConnectionAlways,
    /// Every request goes out as an upgrade.
    Always,
    /// `Upgrade` is passed on, `Connection` is not.
    ConnectionLost,
    /// Neither is.
    Dropped,
    /// The hop refuses to upgrade.
    Refused,
}

/// The `Host` that the application gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostSent {
    /// The client's, with its port.
    Client,
    /// The client's without its port, though it is not the default one.
    WithoutPort,
    /// The name of the upstream.
    Upstream(String),
    /// This one.
    Fixed(String),
}

/// How a route should be. A dialect turns it into edits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// Pass the upgrade on, over HTTP/1.1, where the client asks for it.
    PassUpgrade,
    /// Ask the application for an upgrade only where the client does.
    UpgradeOnlyWhenAsked,
    /// Pass on upgrades to `websocket` only.
    OnlyWebSocket,
    /// HTTP/1.1 towards the application.
    UpstreamHttp11,
    /// No idle limit below this, milliseconds.
    IdleAtLeast(u64),
    /// No lifetime limit below this, milliseconds.
    LifetimeAtLeast(u64),
    /// The client's `Host`, with its port.
    PassHost,
    /// Tell the application the client's scheme.
    PassScheme,
    /// Leave this header alone.
    LeaveHeader(String),
    /// The client's path reaches the application unchanged.
    KeepPath,
    /// Requests without the slash at the end are served, too.
    ServeWithoutSlash,
    /// This route comes before what takes its requests.
    ComesFirst,
    /// One client always comes to the same server.
    Sticky,
    /// No upgrade headers in authorization subrequests.
    PlainAuth,
    /// The scheme that the upstream's port speaks.
    MatchScheme,
    /// Nothing in the way of the upgrade.
    ClearTheWay,
    /// Room for this many sockets.
    Sockets(u64),
    /// One client may have this many connections.
    ClientConnections(u64),
    /// Sockets survive a reload for this long, milliseconds.
    DrainAtLeast(u64),
    /// What the product refuses is written so that it takes it.
    Acceptable,
}

impl Wish {
    /// Whether a route with these settings is as wished. A setting that nobody tells of counts as met.
    #[must_use]
    pub fn is_met_by(&self, told: &[Told]) -> bool {
        told.iter().all(|told| !self.is_broken_by(&told.what))
    }

    fn is_broken_by(&self, setting: &Setting) -> bool {
        match (self, setting) {
            (Self::PassUpgrade, Setting::Upgrade(passing)) => {
                matches!(passing, Passing::Dropped | Passing::ConnectionLost | Passing::Refused)
            }
            (Self::UpgradeOnlyWhenAsked, Setting::Upgrade(passing)) => {
                matches!(passing, Passing::Always | Passing::ConnectionAlways)
            }
            (Self::PassUpgrade | Self::UpstreamHttp11, Setting::UpstreamHttp(version)) => version != "1.1",
            (Self::OnlyWebSocket, Setting::AnyProtocol)
            | (Self::PassScheme, Setting::SchemeHidden)
            | (Self::PlainAuth, Setting::AuthUpgrade)
            | (Self::ClearTheWay, Setting::InTheWay(_))
            | (Self::ComesFirst, Setting::Shadowed { .. })
            | (Self::MatchScheme, Setting::SchemeMismatch { .. })
            | (Self::ServeWithoutSlash, Setting::SlashRedirect { .. })
            | (Self::Acceptable, Setting::Refused { .. }) => true,
            (Self::IdleAtLeast(wanted), Setting::Idle { ms: Some(ms), .. })
            | (Self::LifetimeAtLeast(wanted), Setting::Lifetime { ms: Some(ms), .. })
            | (Self::DrainAtLeast(wanted), Setting::Drain { ms: Some(ms), .. }) => ms < wanted,
            (Self::PassHost, Setting::Host(host)) => *host != HostSent::Client,
            (Self::LeaveHeader(wanted), Setting::Cleared(header)) => wanted.eq_ignore_ascii_case(header),
            (Self::KeepPath, Setting::UpstreamPath { request, upstream }) => request != upstream,
            (Self::Sticky, Setting::Servers { count, sticky }) => *count > 1 && !sticky,
            (Self::Sockets(wanted), Setting::SocketLimit { sockets, .. }) => sockets < wanted,
            (Self::ClientConnections(wanted), Setting::ClientLimit { connections, .. }) => {
                connections < wanted
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(what: Setting) -> Told {
        let spot = Spot { file: "a.conf".into(), line: 1, column: 1, end_column: 2, text: "x".into() };
        Told { what, by: Given::Here, because: None, spot }
    }

    #[test]
    fn a_wish_knows_what_breaks_it() {
        let idle = |ms| vec![told(Setting::Idle { ms, timer: "t".into() })];
        for (wish, settings, met) in [
            (Wish::IdleAtLeast(3_600_000), idle(Some(60_000)), false),
            (Wish::IdleAtLeast(60_000), idle(Some(60_000)), true),
            (Wish::IdleAtLeast(60_000), idle(None), true),
            (Wish::PassUpgrade, vec![told(Setting::Upgrade(Passing::Dropped))], false),
            (Wish::PassUpgrade, vec![told(Setting::Upgrade(Passing::ConnectionAlways))], true),
            (Wish::UpgradeOnlyWhenAsked, vec![told(Setting::Upgrade(Passing::Always))], false),
            (Wish::PassUpgrade, vec![told(Setting::UpstreamHttp("1.0".into()))], false),
            (Wish::Sticky, vec![told(Setting::Servers { count: 1, sticky: false })], true),
            (
                Wish::LeaveHeader("sec-websocket-protocol".into()),
                vec![told(Setting::Cleared("Sec-WebSocket-Protocol".into()))],
                false,
            ),
        ] {
            assert_eq!(wish.is_met_by(&settings), met, "{wish:?}");
        }
    }
}
