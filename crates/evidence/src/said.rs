//! What somebody else said: a message of a browser or a library, a line of a log, recognised but not judged.

use crate::Micros;
use serde::{Deserialize, Serialize};

/// A recognised message, with how often it stood there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Said {
    /// What was said, whatever the wording: `unexpected-response-code`, `nginx-upstream-refused`, …
    pub id: String,
    /// Who said it: `Chrome`, `nginx`, `python websockets`, …; empty: nobody can tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// The address that it is about, secrets struck out; of a log often only the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Status of the answer to the handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Close code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Close reason, or the part of the message that tells.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Flags of a proxy's log, as HAProxy's `cD--`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub flags: String,
    /// How long the connection had been there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_us: Option<Micros>,
    /// How often.
    pub count: u64,
    /// The first line that says so, from 1.
    pub first_line: u64,
    /// The last one.
    pub last_line: u64,
    /// When it was first said: seconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<i64>,
    /// When it was last said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<i64>,
    /// The first of these lines: short, printable, secrets struck out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub excerpt: String,
}
