//! The `Sec-WebSocket-Extensions` header (RFC 6455 section 9.1) as a list, and what can be wrong with it. It
//! reads the syntax only; what the parameters of permessage-deflate mean stands in `agreement.rs`.

use std::fmt;

/// One extension of an offer or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name as written.
    pub name: String,
    /// Its parameters in order, unquoted; `None` where there was no `=`.
    pub params: Vec<(String, Option<String>)>,
}

/// What is wrong with a list of extensions, or with an answer held against its offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionFault {
    /// The header is there and holds nothing; the list needs one element (RFC 6455 section 9.1).
    EmptyHeader,
    /// The header cannot be read at this byte.
    Syntax {
        /// Position in the header's value.
        at: usize,
    },
    /// The server answered an extension that was not offered (RFC 6455 section 4.1, step 5).
    NotOffered(String),
    /// The server answered the same extension twice, so that two would claim RSV1 (RFC 7692 section 5).
    AnsweredTwice(String),
    /// permessage-deflate has no such parameter (RFC 7692 section 7.1).
    UnknownParameter(String),
    /// A parameter stands twice (RFC 7692 section 7.1).
    DuplicateParameter(String),
    /// A parameter has a value that it cannot have (RFC 7692 section 7.1).
    InvalidValue {
        /// The parameter's name.
        parameter: String,
        /// Its value, empty where one was needed and missing.
        value: String,
    },
    /// The answer limits the client's window although the client did not say that it could (7.1.2.2).
    ClientWindowNotOffered,
    /// The answer's server window is larger than the client asked for, or is missing (7.1.2.1).
    ServerWindowTooLarge,
    /// The answer's client window is larger than the client offered (7.1.2.2).
    ClientWindowTooLarge,
    /// The client asked for `server_no_context_takeover`; the answer does not grant it (7.1.1.1).
    ServerContextTakeoverKept,
}

impl ExtensionFault {
    /// The stable name, for reports and case files.
    pub fn id(&self) -> &'static str {
        match self {
            ExtensionFault::EmptyHeader => "empty-header",
            ExtensionFault::Syntax { .. } => "syntax",
            ExtensionFault::NotOffered(_) => "not-offered",
            ExtensionFault::AnsweredTwice(_) => "answered-twice",
            ExtensionFault::UnknownParameter(_) => "unknown-parameter",
            ExtensionFault::DuplicateParameter(_) => "duplicate-parameter",
            ExtensionFault::InvalidValue { .. } => "invalid-value",
            ExtensionFault::ClientWindowNotOffered => "client-window-not-offered",
            ExtensionFault::ServerWindowTooLarge => "server-window-too-large",
            ExtensionFault::ClientWindowTooLarge => "client-window-too-large",
            ExtensionFault::ServerContextTakeoverKept => "server-context-takeover-kept",
        }
    }

    /// What was seen, as one English clause without a full stop.
    pub fn detail(&self) -> String {
        match self {
            ExtensionFault::EmptyHeader => "the Sec-WebSocket-Extensions header is empty".into(),
            ExtensionFault::Syntax { at } => {
                format!("the Sec-WebSocket-Extensions header cannot be read at byte {at}")
            }
            ExtensionFault::NotOffered(name) => format!("extension `{name}` was answered but not offered"),
            ExtensionFault::AnsweredTwice(name) => format!("extension `{name}` was answered twice"),
            ExtensionFault::UnknownParameter(name) => format!("permessage-deflate has no parameter `{name}`"),
            ExtensionFault::DuplicateParameter(name) => format!("parameter `{name}` stands twice"),
            ExtensionFault::InvalidValue { parameter, value } if value.is_empty() => {
                format!("parameter `{parameter}` needs a value")
            }
            ExtensionFault::InvalidValue { parameter, value } => {
                format!("parameter `{parameter}` cannot have the value `{value}`")
            }
            ExtensionFault::ClientWindowNotOffered => {
                "client_max_window_bits was answered but not offered".into()
            }
            ExtensionFault::ServerWindowTooLarge => {
                "the answer keeps a larger server window than asked for".into()
            }
            ExtensionFault::ClientWindowTooLarge => {
                "the answer names a larger client window than offered".into()
            }
            ExtensionFault::ServerContextTakeoverKept => {
                "server_no_context_takeover was asked for and not granted".into()
            }
        }
    }
}

impl fmt::Display for ExtensionFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail())
    }
}

impl std::error::Error for ExtensionFault {}

/// Reads the value of a `Sec-WebSocket-Extensions` header; several headers are joined with a comma beforehand.
/// Empty list elements are passed over, as RFC 9110 section 5.6.1.2 asks of recipients.
///
/// # Errors
/// [`ExtensionFault::EmptyHeader`] and [`ExtensionFault::Syntax`].
pub fn parse_extensions(value: &str) -> Result<Vec<Extension>, ExtensionFault> {
    let mut reader = Reader { bytes: value.as_bytes(), at: 0 };
    let mut extensions = Vec::new();
    loop {
        reader.spaces();
        if reader.eat(b',') {
            continue;
        }
        if reader.at == reader.bytes.len() {
            break;
        }
        let name = reader.token()?;
        let mut params = Vec::new();
        loop {
            reader.spaces();
            if !reader.eat(b';') {
                break;
            }
            reader.spaces();
            let parameter = reader.token()?;
            reader.spaces();
            let value = if reader.eat(b'=') {
                reader.spaces();
                Some(if reader.eat(b'"') { reader.quoted()? } else { reader.token()? })
            } else {
                None
            };
            params.push((parameter, value));
        }
        extensions.push(Extension { name, params });
        if reader.at < reader.bytes.len() && !reader.eat(b',') {
            return Err(ExtensionFault::Syntax { at: reader.at });
        }
    }
    if extensions.is_empty() { Err(ExtensionFault::EmptyHeader) } else { Ok(extensions) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn spaces(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn token(&mut self) -> Result<String, ExtensionFault> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|byte| is_token(*byte)) {
            self.at += 1;
        }
        if self.at == start {
            return Err(ExtensionFault::Syntax { at: start });
        }
        Ok(String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned())
    }

    /// RFC 6455 section 9.1 lets a value be quoted, and wants it to be a token once unquoted.
    fn quoted(&mut self) -> Result<String, ExtensionFault> {
        let mut value = Vec::new();
        loop {
            let mut byte = *self.bytes.get(self.at).ok_or(ExtensionFault::Syntax { at: self.at })?;
            if byte == b'"' {
                self.at += 1;
                return Ok(String::from_utf8_lossy(&value).into_owned());
            }
            if byte == b'\\' {
                self.at += 1;
                byte = *self.bytes.get(self.at).ok_or(ExtensionFault::Syntax { at: self.at })?;
            }
            if !is_token(byte) {
                return Err(ExtensionFault::Syntax { at: self.at });
            }
            value.push(byte);
            self.at += 1;
        }
    }
}

/// The token characters of RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes what was read in one canonical form, so that a row is two strings.
    fn read(value: &str) -> String {
        match parse_extensions(value) {
            Err(fault) => format!("{fault:?}"),
            Ok(extensions) => extensions
                .iter()
                .map(|extension| {
                    let params = extension.params.iter().map(|(name, value)| match value {
                        Some(value) => format!(";{name}={value}"),
                        None => format!(";{name}"),
                    });
                    format!("{}{}", extension.name, params.collect::<String>())
                })
                .collect::<Vec<_>>()
                .join(","),
        }
    }

    #[test]
    fn lists() {
        for (value, expect) in [
            ("permessage-deflate", "permessage-deflate"),
            ("permessage-deflate; client_max_window_bits", "permessage-deflate;client_max_window_bits"),
            ("a;b=1 ; c = \"2\", d", "a;b=1;c=2,d"),
            (" , a,, b ,", "a,b"),
            ("a;b=\"\\x\"", "a;b=x"),
            ("", "EmptyHeader"),
            (" ,\t", "EmptyHeader"),
            ("a b", "Syntax { at: 2 }"),
            ("a;", "Syntax { at: 2 }"),
            ("a;b=", "Syntax { at: 4 }"),
            ("a;b=\"1", "Syntax { at: 6 }"),
            ("a;b=\"1 2\"", "Syntax { at: 6 }"),
            ("é", "Syntax { at: 0 }"),
        ] {
            assert_eq!(read(value), expect, "{value:?}");
        }
    }
}
