//! What is offered and agreed for permessage-deflate (RFC 7692 section 7.1), on both sides.

use crate::extensions::{Extension, ExtensionFault};

const NAME: &str = "permessage-deflate";

/// What both sides agreed on. Window sizes are powers of two, 8 to 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// The server starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The server's window, 8 to 15.
    pub server_max_window_bits: u8,
    /// The client's window, 8 to 15.
    pub client_max_window_bits: u8,
}

impl Default for Agreed {
    fn default() -> Agreed {
        Agreed {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

impl Agreed {
    /// The header value with which a server answers.
    pub fn header(&self) -> String {
        let mut value = NAME.to_string();
        if self.server_no_context_takeover {
            value += "; server_no_context_takeover";
        }
        if self.client_no_context_takeover {
            value += "; client_no_context_takeover";
        }
        if self.server_max_window_bits < 15 {
            value += &format!("; server_max_window_bits={}", self.server_max_window_bits);
        }
        if self.client_max_window_bits < 15 {
            value += &format!("; client_max_window_bits={}", self.client_max_window_bits);
        }
        value
    }
}

/// What a server wants beyond what the client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preference {
    /// Start each of our messages with an empty window, to save memory between messages.
    pub server_no_context_takeover: bool,
    /// Have the client do the same.
    pub client_no_context_takeover: bool,
}

/// The parameters of one offer or answer, checked by themselves.
#[derive(Debug, Default)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// In an offer the value may be left out: "I could, if you like" (RFC 7692 section 7.1.2.2).
    client_max_window_bits: Option<Option<u8>>,
}

/// The offer that browsers make: `permessage-deflate; client_max_window_bits`.
pub fn offer() -> Extension {
    Extension { name: NAME.into(), params: vec![("client_max_window_bits".into(), None)] }
}

/// A server's side: the first offer it can serve, or nothing if it should answer without compression.
/// Offers with parameters it does not understand are declined (RFC 7692 section 7.1).
pub fn answer_offers(offers: &[Extension], preference: Preference) -> Option<Agreed> {
    let parameters = offers
        .iter()
        .filter(|offer| offer.name.eq_ignore_ascii_case(NAME))
        .filter_map(|offer| read_parameters(offer, true).ok())
        // zlib cannot deflate with a window of 256 bytes, so we cannot promise one.
        .find(|parameters| parameters.server_max_window_bits != Some(8))?;
    Some(Agreed {
        server_no_context_takeover: parameters.server_no_context_takeover
            || preference.server_no_context_takeover,
        client_no_context_takeover: parameters.client_no_context_takeover
            || preference.client_no_context_takeover,
        server_max_window_bits: parameters.server_max_window_bits.unwrap_or(15),
        client_max_window_bits: parameters.client_max_window_bits.flatten().unwrap_or(15),
    })
}

/// A client's side: holds a server's answer against our offers, strictly as browsers do.
///
/// # Errors
/// The first rule that the answer breaks.
pub fn accept_answer(offers: &[Extension], answer: &[Extension]) -> Result<Option<Agreed>, ExtensionFault> {
    let mut agreed = None;
    for extension in answer {
        let offer = offers
            .iter()
            .find(|offer| offer.name.eq_ignore_ascii_case(&extension.name))
            .ok_or_else(|| ExtensionFault::NotOffered(extension.name.clone()))?;
        if !extension.name.eq_ignore_ascii_case(NAME) {
            continue;
        }
        if agreed.is_some() {
            return Err(ExtensionFault::AnsweredTwice(extension.name.clone()));
        }
        agreed = Some(hold_answer(&read_parameters(offer, true)?, &read_parameters(extension, false)?)?);
    }
    Ok(agreed)
}

fn hold_answer(offer: &Parameters, answer: &Parameters) -> Result<Agreed, ExtensionFault> {
    if offer.server_no_context_takeover && !answer.server_no_context_takeover {
        return Err(ExtensionFault::ServerContextTakeoverKept);
    }
    let server_max_window_bits = answer.server_max_window_bits.unwrap_or(15);
    if offer.server_max_window_bits.is_some_and(|bits| server_max_window_bits > bits) {
        return Err(ExtensionFault::ServerWindowTooLarge);
    }
    let client_max_window_bits = match (offer.client_max_window_bits, answer.client_max_window_bits.flatten())
    {
        (None, Some(_)) => return Err(ExtensionFault::ClientWindowNotOffered),
        (Some(Some(bits)), Some(answered)) if answered > bits => {
            return Err(ExtensionFault::ClientWindowTooLarge);
        }
        (_, answered) => answered.unwrap_or(15),
    };
    Ok(Agreed {
        server_no_context_takeover: answer.server_no_context_takeover,
        client_no_context_takeover: answer.client_no_context_takeover,
        server_max_window_bits,
        client_max_window_bits,
    })
}

fn read_parameters(extension: &Extension, is_offer: bool) -> Result<Parameters, ExtensionFault> {
    let mut parameters = Parameters::default();
    for (index, (name, value)) in extension.params.iter().enumerate() {
        if extension.params[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(ExtensionFault::DuplicateParameter(name.clone()));
        }
        let invalid = || ExtensionFault::InvalidValue {
            parameter: name.clone(),
            value: value.clone().unwrap_or_default(),
        };
        match (name.as_str(), value) {
            ("server_no_context_takeover", None) => parameters.server_no_context_takeover = true,
            ("client_no_context_takeover", None) => parameters.client_no_context_takeover = true,
            ("server_max_window_bits", Some(bits)) => {
                parameters.server_max_window_bits = Some(window_bits(bits).ok_or_else(invalid)?);
            }
            ("client_max_window_bits", Some(bits)) => {
                parameters.client_max_window_bits = Some(Some(window_bits(bits).ok_or_else(invalid)?));
            }
            ("client_max_window_bits", None) if is_offer => parameters.client_max_window_bits = Some(None),
            (
                "server_no_context_takeover"
                | "client_no_context_takeover"
                | "server_max_window_bits"
                | "client_max_window_bits",
                _,
            ) => return Err(invalid()),
            _ => return Err(ExtensionFault::UnknownParameter(name.clone())),
        }
    }
    Ok(parameters)
}

/// 8 to 15 in decimal without leading zeros (RFC 7692 section 7.1.2.1).
fn window_bits(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extensions::parse_extensions;

    #[test]
    fn answers_held_against_offers() {
        let browser = "permessage-deflate; client_max_window_bits";
        for (offers, answer, expect) in [
            (browser, "permessage-deflate", "permessage-deflate"),
            (
                browser,
                "permessage-deflate; client_max_window_bits=10",
                "permessage-deflate; client_max_window_bits=10",
            ),
            (
                browser,
                "permessage-deflate; server_max_window_bits=9",
                "permessage-deflate; server_max_window_bits=9",
            ),
            (browser, "permessage-deflate; server_max_window_bits=7", "invalid-value"),
            (browser, "permessage-deflate; server_max_window_bits=16", "invalid-value"),
            (browser, "permessage-deflate; server_max_window_bits=09", "invalid-value"),
            (browser, "permessage-deflate; server_max_window_bits", "invalid-value"),
            (browser, "permessage-deflate; client_max_window_bits", "invalid-value"),
            (browser, "permessage-deflate; server_no_context_takeover=1", "invalid-value"),
            (browser, "permessage-deflate; foo", "unknown-parameter"),
            (
                browser,
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                "duplicate-parameter",
            ),
            (browser, "permessage-deflate, permessage-deflate", "answered-twice"),
            (browser, "x-webkit-deflate-frame", "not-offered"),
            (
                "permessage-deflate",
                "permessage-deflate; client_max_window_bits=10",
                "client-window-not-offered",
            ),
            (
                "permessage-deflate; client_max_window_bits=10",
                "permessage-deflate; client_max_window_bits=11",
                "client-window-too-large",
            ),
            (
                "permessage-deflate; server_max_window_bits=10",
                "permessage-deflate",
                "server-window-too-large",
            ),
            (
                "permessage-deflate; server_no_context_takeover",
                "permessage-deflate",
                "server-context-takeover-kept",
            ),
        ] {
            let (offers, answers) = (parse_extensions(offers).unwrap(), parse_extensions(answer).unwrap());
            let got = match accept_answer(&offers, &answers) {
                Ok(agreed) => agreed.map(|agreed| agreed.header()).unwrap_or_default(),
                Err(fault) => fault.id().to_string(),
            };
            assert_eq!(got, expect, "{answer}");
        }
    }

    #[test]
    fn offers_are_answered_by_what_we_can_do() {
        for (offers, expect) in [
            ("permessage-deflate; client_max_window_bits", Some("permessage-deflate")),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", Some("permessage-deflate")),
            ("permessage-deflate; server_max_window_bits=8", None),
            ("permessage-deflate; unheard_of", None),
            (
                "permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
                Some("permessage-deflate; server_no_context_takeover; server_max_window_bits=10"),
            ),
            ("bzip", None),
        ] {
            let parsed = parse_extensions(offers).unwrap();
            let agreed = answer_offers(&parsed, Preference::default());
            assert_eq!(agreed.map(|agreed| agreed.header()).as_deref(), expect, "{offers}");
        }
    }
}
