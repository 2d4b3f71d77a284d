//! A cause that holds: what it rests on, how sure it is, and what to change.

use crate::cause::{Layer, Verdict};
use crate::symptom::Symptom;
use crate::text::Text;
use evidence::{Question, Wish};

/// A cause that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Id of the cause; filled in by the engine.
    pub cause: &'static str,
    /// Id of what in one product makes it so, where the signature is unmistakable.
    pub because: Option<&'static str>,
    /// Layer of the cause; filled in by the engine.
    pub layer: Layer,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// What is wrong, in one sentence that names the guilty hop.
    pub title: Text,
    /// What it rests on.
    pub proof: Vec<Proof>,
    /// Look-alikes that are excluded, each with what excludes it.
    pub not: Vec<Text>,
    /// What the people who use it see.
    pub users: Option<Text>,
    /// What to change.
    pub remedies: Vec<Remedy>,
    /// What of the visible trouble it explains.
    pub explains: Vec<Symptom>,
    /// Looks that would make it surer, or exclude it.
    pub ask: Vec<Question>,
    /// What a person can do to tell it from what else it might be.
    pub would_tell: Option<Text>,
    /// Causes that say the same more precisely: where one of them holds as surely, this one steps back.
    pub yields_to: &'static [&'static str],
}

/// One step of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What was seen, in one sentence with its numbers.
    pub text: Text,
    /// Numbers of the observations.
    pub rests_on: Vec<u32>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// It works, but not for everybody or not for long.
    Warning,
    /// It does not work.
    Error,
}

impl Severity {
    /// The word for it in JSON; never translated.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// It fits; so does something else.
    Possible,
    /// It fits better than anything else.
    Likely,
    /// An experiment, or an answer that has only one meaning, separates it from every look-alike.
    Proven,
}

impl Confidence {
    /// The word for it in JSON; never translated.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Proven => "proven",
        }
    }
}

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What it does, in one sentence.
    pub title: Text,
    /// For which product; none: for any.
    pub stack: Option<Stack>,
    /// The exact lines, in the product's own language.
    pub lines: Option<String>,
    /// Commands to run, in order.
    pub commands: Vec<String>,
    /// May a program do it without asking?
    pub safety: Safety,
    /// What the route should be like; a dialect makes the edits of it.
    pub wish: Option<Wish>,
}

/// May a program apply a remedy?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// Yes: nothing else can change by it.
    Safe,
    /// Only when asked to.
    AskFirst,
    /// No: a person has to decide or to do it.
    ShowOnly,
}

impl Safety {
    /// The word for it in JSON; never translated.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::AskFirst => "ask-first",
            Self::ShowOnly => "show-only",
        }
    }
}

/// Products that remedies are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the products'")]
pub enum Stack {
    Nginx,
    Apache,
    Haproxy,
    Caddy,
    Traefik,
    Envoy,
    Varnish,
    Squid,
    H2o,
    Lighttpd,
    Iis,
    Cloudflare,
    Aws,
    Gcp,
    Azure,
    Heroku,
    Kubernetes,
    Node,
    SocketIo,
    Python,
    Django,
    Rails,
    Go,
    Java,
    DotNet,
    Rust,
    Browser,
    Linux,
    OpenSsl,
    Vite,
}

impl Stack {
    /// The product's name as its makers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "Apache httpd",
            Self::Haproxy => "HAProxy",
            Self::Caddy => "Caddy",
            Self::Traefik => "Traefik",
            Self::Envoy => "Envoy",
            Self::Varnish => "Varnish",
            Self::Squid => "Squid",
            Self::H2o => "H2O",
            Self::Lighttpd => "lighttpd",
            Self::Iis => "IIS",
            Self::Cloudflare => "Cloudflare",
            Self::Aws => "AWS",
            Self::Gcp => "Google Cloud",
            Self::Azure => "Azure",
            Self::Heroku => "Heroku",
            Self::Kubernetes => "Kubernetes",
            Self::Node => "Node.js",
            Self::SocketIo => "Socket.IO",
            Self::Python => "Python",
            Self::Django => "Django",
            Self::Rails => "Rails",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::DotNet => ".NET",
            Self::Rust => "Rust",
            Self::Browser => "JavaScript",
            Self::Linux => "Linux",
            Self::OpenSsl => "OpenSSL",
            Self::Vite => "Vite",
        }
    }
}

impl Remedy {
    /// Advice in one sentence.
    #[must_use]
    pub fn new(title: Text) -> Self {
        Self { title, stack: None, lines: None, commands: Vec::new(), safety: Safety::ShowOnly, wish: None }
    }

    /// The exact lines for one product.
    #[must_use]
    pub fn for_stack(stack: Stack, title: Text, lines: impl Into<String>) -> Self {
        Self { stack: Some(stack), lines: Some(lines.into()), safety: Safety::AskFirst, ..Self::new(title) }
    }

    /// A change of the configuration at hand.
    #[must_use]
    pub fn wish(safety: Safety, title: Text, wish: Wish) -> Self {
        Self { safety, wish: Some(wish), ..Self::new(title) }
    }

    /// Adds a command.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

impl Finding {
    /// An error: it does not work.
    #[must_use]
    pub fn error(confidence: Confidence, title: Text) -> Self {
        Self {
            cause: "",
            because: None,
            layer: Layer::Input,
            severity: Severity::Error,
            confidence,
            title,
            proof: Vec::new(),
            not: Vec::new(),
            users: None,
            remedies: Vec::new(),
            explains: Vec::new(),
            ask: Vec::new(),
            would_tell: None,
            yields_to: &[],
        }
    }

    /// A warning: it works, but not for everybody or not for long.
    #[must_use]
    pub fn warning(confidence: Confidence, title: Text) -> Self {
        Self { severity: Severity::Warning, ..Self::error(confidence, title) }
    }

    /// A note: good to know.
    #[must_use]
    pub fn note(confidence: Confidence, title: Text) -> Self {
        Self { severity: Severity::Note, ..Self::error(confidence, title) }
    }

    /// Adds a step of the proof, with the numbers of the observations that it rests on.
    #[must_use]
    pub fn proof(mut self, rests_on: &[u32], text: Text) -> Self {
        self.proof.push(Proof { text, rests_on: rests_on.to_vec() });
        self
    }

    /// Adds a step of the proof, if there is one.
    #[must_use]
    pub fn proof_if(self, proof: Option<(u32, Text)>) -> Self {
        match proof {
            Some((id, text)) => self.proof(&[id], text),
            None => self,
        }
    }

    /// With this confidence instead.
    #[must_use]
    pub fn with_confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Adds a look-alike that is excluded.
    #[must_use]
    pub fn not(mut self, text: Text) -> Self {
        self.not.push(text);
        self
    }

    /// Names what in one product makes it so.
    #[must_use]
    pub fn because(mut self, id: impl Into<Option<&'static str>>) -> Self {
        self.because = id.into();
        self
    }

    /// Says what people see.
    #[must_use]
    pub fn users(mut self, text: Text) -> Self {
        self.users = Some(text);
        self
    }

    /// Adds something to change.
    #[must_use]
    pub fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedies.push(remedy);
        self
    }

    /// Adds several things to change.
    #[must_use]
    pub fn remedies(mut self, remedies: impl IntoIterator<Item = Remedy>) -> Self {
        self.remedies.extend(remedies);
        self
    }

    /// Names the trouble that it explains.
    #[must_use]
    pub fn explains(mut self, symptom: Symptom) -> Self {
        self.explains.push(symptom);
        self
    }

    /// Adds looks that would make it surer, or exclude it.
    #[must_use]
    pub fn ask(mut self, questions: impl IntoIterator<Item = Question>) -> Self {
        self.ask.extend(questions);
        self
    }

    /// Says what would tell it from what else it might be.
    #[must_use]
    pub fn would_tell(mut self, text: Text) -> Self {
        self.would_tell = Some(text);
        self
    }

    /// Steps back where one of these causes holds as surely.
    #[must_use]
    pub fn yields_to(mut self, causes: &'static [&'static str]) -> Self {
        self.yields_to = causes;
        self
    }

    /// As a verdict.
    #[must_use]
    pub fn holds(self) -> Verdict {
        Verdict::Holds(Box::new(self))
    }
}
