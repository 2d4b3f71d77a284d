//! What the page that opens the socket says about it.

use crate::Answer;
use serde::{Deserialize, Serialize};

/// The page, as a browser would load it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its address.
    pub url: String,
    /// What loading it came to.
    pub answer: Answer,
    /// Content security policies in force, each whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// `Strict-Transport-Security` of the page's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsts: Option<String>,
    /// Cookies that the page sets, without their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<Cookie>,
    /// `Alt-Svc` of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt_svc: Option<String>,
    /// WebSocket addresses that stand in the page's own text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub socket_urls: Vec<String>,
    /// The page's host resolves to an address on this machine or in a private network.
    #[serde(default)]
    pub local: bool,
    /// The socket's host does.
    #[serde(default)]
    pub target_local: bool,
}

/// One content security policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Where it stands.
    pub source: PolicySource,
    /// The policy's text.
    pub text: String,
}

/// Where a policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySource {
    /// In a response header.
    Header,
    /// In a `<meta http-equiv>` element.
    Meta,
}

/// A cookie, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite`, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_site: Option<String>,
    /// `Domain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// `Path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `Partitioned`.
    #[serde(default)]
    pub partitioned: bool,
}
