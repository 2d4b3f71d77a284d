//! A cause: something that can be wrong, how to recognise it, and its page.

use crate::Finding;
use crate::settings;
use crate::text::{Locale, Text};
use evidence::{Evidence, Question};

/// Something that can be wrong with a connection, named for what is wrong.
#[derive(Debug)]
pub struct Cause {
    /// Public id: kebab-case, stable for users, never translated.
    pub id: &'static str,
    /// Where on the way it sits.
    pub layer: Layer,
    /// Its page in Markdown, a line an element: a title, then the four headings.
    pub doc: &'static [&'static str],
    /// Reads the evidence. Pure: the same evidence gives the same verdict.
    pub judge: fn(&Evidence) -> Verdict,
    /// Reads what a configuration says, where one can show this cause.
    pub told: Option<fn(&Evidence) -> Option<Finding>>,
}

/// What the evidence says about one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks for it.
    Unseen,
    /// It would look like this, but something excludes it; what.
    RuledOut(Text),
    /// It may be so; these looks would tell.
    Open(Vec<Question>),
    /// It is so, as far as the finding's confidence goes.
    Holds(Box<Finding>),
}

/// Where on the way a cause sits. The order is the order in which a connection is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The address, the options, this machine.
    Input,
    /// Name resolution.
    Dns,
    /// TCP, firewalls, forward proxies.
    Network,
    /// TLS and certificates.
    Tls,
    /// The opening handshake, up to and including the application's yes or no.
    Upgrade,
    /// Frames and messages.
    Protocol,
    /// Staying connected.
    Alive,
    /// A configuration file.
    Config,
    /// The browser and its rules.
    Browser,
}

impl Layer {
    /// The word for it in JSON and elsewhere; never translated.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Dns => "dns",
            Self::Network => "network",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
            Self::Protocol => "protocol",
            Self::Alive => "alive",
            Self::Config => "config",
            Self::Browser => "browser",
        }
    }

    /// Exit code with `--exit-detail`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Input => 11,
            Self::Dns => 12,
            Self::Network => 13,
            Self::Tls => 14,
            Self::Upgrade => 15,
            Self::Protocol => 16,
            Self::Alive => 17,
            Self::Config => 18,
            Self::Browser => 19,
        }
    }
}

/// Declares the cause of a file: its doc comment is its page, for `explain` and for the book.
#[macro_export]
macro_rules! cause {
    ($(#[doc = $doc:literal])* $id:literal, $layer:ident, $judge:path $(, told: $told:path)?) => {
        $(#[doc = $doc])*
        pub(super) const CAUSE: $crate::Cause = $crate::Cause {
            id: $id,
            layer: $crate::Layer::$layer,
            doc: &[$($doc),*],
            judge: $judge,
            told: $crate::cause!(@told $($told)?),
        };
    };
    (@told) => { None };
    (@told $told:path) => { Some($told) };
}

/// The headings that every page has, in this order.
pub const HEADINGS: [&str; 4] = ["What you see", "Why it happens", "What to do", "How to be sure"];

/// A cause's page in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The cause in one line.
    pub title: String,
    /// Markdown below the title.
    pub body: String,
}

impl Cause {
    /// Its page.
    #[must_use]
    pub fn page(&self, locale: &Locale) -> Page {
        let english = || {
            let lines = self.doc.iter().map(|line| line.strip_prefix(' ').unwrap_or(line));
            lines.collect::<Vec<_>>().join("\n")
        };
        let text = locale.page(self.id).map_or_else(english, str::to_owned);
        let text = text.trim();
        let (title, body) = text.split_once('\n').unwrap_or((text, ""));
        Page { title: title.trim_start_matches("# ").trim().to_owned(), body: body.trim().to_owned() }
    }

    /// The part of its page that says what to do, as one paragraph.
    #[must_use]
    pub fn what_to_do(&self, locale: &Locale) -> String {
        let page = self.page(locale).body;
        // The third of the headings, whatever the language.
        let part = format!("\n{page}").split("\n# ").nth(3).unwrap_or_default().to_owned();
        let lines = part.lines().skip(1).map(str::trim).filter(|line| !line.is_empty());
        lines.fold(String::new(), |mut text, line| {
            // Chinese lines join without a blank.
            let wide = |c: Option<char>| c.is_some_and(|c| !c.is_ascii());
            if !text.is_empty() && !wide(text.chars().last()) && !wide(line.chars().next()) {
                text.push(' ');
            }
            text.push_str(line);
            text
        })
    }

    /// Its verdict on the evidence; a finding gets the cause's own id and layer.
    #[must_use]
    pub fn judge(&self, evidence: &Evidence) -> Verdict {
        let live = (self.judge)(evidence);
        let told = self.told.and_then(|told| told(evidence));
        match settings::join(evidence, live, told) {
            Verdict::Holds(mut finding) => {
                finding.cause = self.id;
                finding.layer = self.layer;
                Verdict::Holds(finding)
            }
            other => other,
        }
    }
}
