//! What happened on an open WebSocket.

use crate::{HoldKind, Micros, Variation};
use serde::{Deserialize, Serialize};

/// A short life: open, ping, echo, look, close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// How it was opened.
    pub variation: Variation,
    /// permessage-deflate was agreed.
    #[serde(default)]
    pub deflate: bool,
    /// Each ping that we sent.
    pub pings: Vec<Ping>,
    /// What came of the text message that we sent; none: none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
    /// When a second, binary message was sent, which only servers that echo get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_sent_us: Option<Micros>,
    /// Frames that came from the server, the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<FrameSeen>,
    /// How many frames came in all.
    pub frame_count: u64,
    /// Whole messages that came uninvited, the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Rules of the protocol that the server broke: id and detail, as the judge words them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<(String, String)>,
    /// The first bytes after the head of the 101, in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first_bytes: String,
    /// Bytes received after the head of the 101.
    pub bytes: u64,
    /// How the server ended it, where it did so before we closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// What came of our close frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
    /// How long it was open.
    pub open_us: Micros,
}

impl Session {
    /// Pings that came back.
    pub fn pongs(&self) -> impl Iterator<Item = Micros> + '_ {
        self.pings.iter().filter_map(|ping| ping.round_trip_us)
    }

    /// The server ended it before we sent any message of our own: our message cannot be why.
    #[must_use]
    pub fn ended_uninvited(&self) -> bool {
        match (&self.ending, &self.echo) {
            (Some(ending), Some(echo)) => ending.after_us < echo.sent_us,
            (ending, None) => ending.is_some(),
            (None, Some(_)) => false,
        }
    }

    /// Whether the server broke the rule with this id.
    #[must_use]
    pub fn fault(&self, id: &str) -> Option<&str> {
        self.faults.iter().find(|(fault, _)| fault == id).map(|(_, detail)| detail.as_str())
    }
}

/// One ping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// When it was sent, since the connection was open.
    pub sent_us: Micros,
    /// Time until its pong; none: it never came.
    pub round_trip_us: Option<Micros>,
}

/// What came of a text message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// When it was sent, since the connection was open.
    pub sent_us: Micros,
    /// The very same text came back.
    pub same: bool,
    /// Time until it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<Micros>,
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameSeen {
    /// When, since the connection was open.
    pub at_us: Micros,
    /// `text`, `binary`, `ping`, …
    pub kind: String,
    /// Bytes of payload.
    pub length: u64,
}

/// A message from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When, since the connection was open.
    pub at_us: Micros,
    /// Text or binary.
    pub kind: MessageKind,
    /// Bytes.
    pub length: u64,
    /// Its beginning.
    pub preview: String,
}

/// The two kinds of data message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// How the other side ended a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// In which way.
    pub how: How,
    /// Time since the connection was open.
    pub after_us: Micros,
    /// Time since the last byte in either direction.
    pub idle_us: Micros,
}

/// In which way a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// A close frame; a code is not required in one.
    Close {
        /// Its code.
        code: Option<u16>,
        /// Its reason.
        reason: String,
    },
    /// TCP FIN without a close frame.
    Fin,
    /// TCP RST.
    Reset,
    /// Nothing: what we sent was never answered.
    Silence,
    /// TLS ended with an alert of this name.
    Alert(String),
}

/// What came of our own close frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The code of the close frame that answered ours; none: no such frame came.
    pub answered: Option<u16>,
    /// The server ended TCP afterwards.
    pub ended: bool,
    /// Time until the answer.
    pub took_us: Micros,
}

/// A ladder of message sizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Each step, in the order in which they were tried.
    pub steps: Vec<SizeStep>,
    /// The server echoes, so both directions are covered.
    pub echoes: bool,
}

/// One step of the ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeStep {
    /// Bytes of payload.
    pub size: u64,
    /// Text or binary.
    pub kind: MessageKind,
    /// What came of it.
    pub end: StepEnd,
    /// Time until then.
    pub took_us: Micros,
}

/// What came of one message of the ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEnd {
    /// It came back.
    Echoed,
    /// The server does not echo, but answered a ping sent after it.
    Taken,
    /// The connection ended.
    Ended(Ending),
    /// Neither an answer nor an end.
    Stalled,
    /// The server broke a rule of the protocol: id and detail.
    Broke(String, String),
}

/// A connection that was held open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who sent what meanwhile.
    pub kind: HoldKind,
    /// Which repetition this is, from 0.
    pub run: u8,
    /// How it ended; none: it was still open when we stopped.
    pub ending: Option<Ending>,
    /// A ping at the end of the silence came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alive_after: Option<bool>,
    /// How long it was watched.
    pub held_us: Micros,
    /// The server sent bytes by itself meanwhile (its own pings, messages).
    #[serde(default)]
    pub server_spoke: u64,
    /// Pings from the server among them.
    #[serde(default)]
    pub server_pings: u64,
}
