//! The JSON bodies: how a session begins, goes on and ends (`protocol/PROTOCOL.md` sections 3, 6, 7 and 9).
//! Times are in milliseconds.

use serde::{Deserialize, Serialize};

/// The version that is spoken here.
pub const VERSION: u64 = 1;
/// The subprotocol that says so.
pub const SUBPROTOCOL: &str = "keepwire.v1";

/// HELLO.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`].
    pub version: u64,
    /// What the client will take.
    pub credit: u64,
    /// Whatever the application's authentication wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// Name and version of the client, for logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// WELCOME.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Public name of the session.
    pub id: String,
    /// The secret that resumes it.
    pub token: String,
    /// Numbers mean nothing in another one.
    pub epoch: String,
    /// Always 1.
    pub generation: u64,
    /// The application's subprotocol, as the backend chose it.
    #[serde(default)]
    pub protocol: String,
    /// What the gateway will take.
    pub credit: u64,
    /// Bytes of a message.
    pub message_limit: u64,
    /// Who asks whether anybody is there, and how often.
    pub heartbeat: Heartbeat,
    /// How long the session waits for its client.
    pub resume_window: u64,
    /// Between which waits a client draws before it tries again.
    pub reconnect: Range,
    /// Other addresses to resume at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// When the credentials run out, from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

/// How often the gateway asks, and how long it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Between two PINGs.
    pub interval: u64,
    /// For an answer.
    pub grace: u64,
    /// For an answer from a page in the background.
    pub hidden_grace: u64,
}

/// A time to be drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
}

/// RESUME.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// From WELCOME.
    pub id: String,
    /// From the last WELCOME or RESUMED.
    pub token: String,
    /// From WELCOME.
    pub epoch: String,
    /// Counts the client's tries, over the life of the session.
    pub attempt: u64,
    /// The highest number that was taken in order.
    pub received: u64,
    /// The lowest number still held, or the next one.
    pub held: u64,
    /// What the client will take.
    pub credit: u64,
    /// As in [`Hello`], fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
}

/// RESUMED.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// For the next time.
    pub token: String,
    /// Of this link.
    pub generation: u64,
    /// As in [`Resume`], of the gateway.
    pub received: u64,
    /// As in [`Resume`], of the gateway.
    pub held: u64,
    /// What the gateway will take.
    pub credit: u64,
    /// As in [`Welcome`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

/// REFUSED.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// One of the table in section 9.
    pub reason: String,
    /// What to do about it.
    pub class: Class,
    /// Wait at least.
    #[serde(default)]
    pub min: u64,
    /// Wait at most.
    #[serde(default)]
    pub max: u64,
    /// The highest number that the gateway took, if it still knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// The backend's HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// What a client does after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Stops.
    Never,
    /// Gets new credentials; the session is kept.
    Auth,
    /// Gives the session up.
    New,
    /// Tries again after a time.
    Later,
    /// Tries again at once.
    Now,
}

impl Refused {
    /// A refusal with the class that section 9 gives its reason; an unknown reason is tried again later.
    #[must_use]
    pub fn new(reason: &str) -> Refused {
        let class = match reason {
            "version" | "origin" | "forbidden" => Class::Never,
            "unauthorized" => Class::Auth,
            "unknown" | "expired" | "overflow" | "epoch" | "hole" | "identity" | "superseded"
            | "protocol" | "kicked" | "shutdown" => Class::New,
            _ => Class::Later,
        };
        let (min, max) = if class == Class::Later { (1000, 5000) } else { (0, 0) };
        Refused { reason: reason.to_owned(), class, min, max, received: None, status: None }
    }
}

/// AUTH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// Missing in the gateway's wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
}

/// AUTHENTICATED.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authenticated {
    /// As in [`Welcome`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

/// GOAWAY.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoAway {
    /// For logs.
    pub reason: String,
    /// Not before, from now.
    pub min: u64,
    /// Not after, from now.
    pub max: u64,
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// RESET.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// One of section 8.
    pub reason: String,
    /// The highest number that its sender took.
    pub received: u64,
}

/// LINK.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkKey {
    /// From WELCOME.
    pub id: String,
    /// From the last WELCOME or RESUMED.
    pub token: String,
    /// Of the link.
    pub generation: u64,
    /// The polls of a link are numbered from 1, so that one that arrives twice is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<u64>,
}
