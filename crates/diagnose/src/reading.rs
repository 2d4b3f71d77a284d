//! Questions to the evidence that many causes share, and small words for their sentences.

use crate::fingerprint::{self, Library, Product};
use crate::text;
use crate::text::Text;
use evidence::{
    Answer, Evidence, Exchange, FirstBytes, How, Micros, Opening, Question, Response, Seen, Tls, TlsOutcome,
    TlsVariation, Variation,
};

/// `1.5 s`, `31 ms`, `0.4 ms`: never translated, so that numbers look the same everywhere.
pub(crate) fn duration(micros: Micros) -> String {
    match micros {
        0..1_000 => format!("0.{} ms", micros / 100),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// `64 KiB`, `1 MiB`, `100 B`.
pub(crate) fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    match bytes {
        0..KIB => format!("{bytes} B"),
        _ if bytes.is_multiple_of(KIB * KIB) => format!("{} MiB", bytes / KIB / KIB),
        _ if bytes.is_multiple_of(KIB) && bytes < KIB * KIB => format!("{} KiB", bytes / KIB),
        _ if bytes < KIB * KIB => format!("{}.{} KiB", bytes / KIB, bytes % KIB * 10 / KIB),
        _ => format!("{}.{} MiB", bytes / KIB / KIB, bytes % (KIB * KIB) * 10 / (KIB * KIB)),
    }
}

/// `426 Upgrade Required`.
pub(crate) fn status_line(response: &Response) -> String {
    if response.reason.is_empty() {
        response.status.to_string()
    } else {
        format!("{} {}", response.status, response.reason)
    }
}

/// What came back, in a few words: `426 Upgrade Required`, "the connection was closed", …
pub(crate) fn answer(answer: &Answer) -> Text {
    match answer {
        Answer::Response(response) => text!("{status}", status = status_line(response)),
        Answer::Ended(_) => text!("the connection was closed"),
        Answer::Reset(_) => text!("the connection was reset"),
        Answer::Silence(_) => text!("no answer"),
        Answer::Alert(name) => text!("TLS alert {name}", name = name),
        Answer::NotHttp(_) => text!("something that is no HTTP"),
        Answer::TooLarge(_) => text!("a response head without end"),
        Answer::NotSent(_) => text!("the request could not be sent"),
    }
}

/// How a connection ended, in a few words.
pub(crate) fn ending(how: &How) -> Text {
    match how {
        How::Close { code: Some(code), reason } if reason.is_empty() => {
            text!("close frame {code}", code = *code)
        }
        How::Close { code: Some(code), reason } => {
            text!("close frame {code} \"{reason}\"", code = *code, reason = reason)
        }
        How::Close { code: None, .. } => text!("a close frame without a code"),
        How::Fin => text!("TCP FIN without a close frame"),
        How::Reset => text!("TCP reset without a close frame"),
        How::Silence => text!("silence"),
        How::Alert(name) => text!("TLS alert {name}", name = name),
    }
}

/// The plain handshake, where it was sent and refused: the exchange and its response.
pub(crate) fn refused(evidence: &Evidence) -> Option<(Seen<'_, Exchange>, &Response)> {
    let handshake = evidence.handshake()?;
    let response = handshake.fact.response()?;
    (response.status != 101).then_some((handshake, response))
}

/// The answer to an experiment, where there was one.
pub(crate) fn experiment<'a>(evidence: &'a Evidence, variation: &Variation) -> Option<Seen<'a, Exchange>> {
    evidence.exchange(variation).filter(|seen| seen.was_sent())
}

/// Whether the answer to the plain handshake is the answer to an ordinary GET (probe D5).
/// None: the experiment was not made.
pub(crate) fn same_without_upgrade(evidence: &Evidence) -> Option<bool> {
    let plain = experiment(evidence, &Variation::without_upgrade())?;
    let (_, response) = refused(evidence)?;
    Some(plain.fact.response().is_some_and(|other| other.says_the_same_as(response)))
}

/// Whether a path that exists nowhere gets the same answer as the plain handshake.
/// None: the experiment was not made.
pub(crate) fn same_at_random_path(evidence: &Evidence) -> Option<bool> {
    let random = experiment(evidence, &Variation::path(evidence::PathVariant::Random))?;
    let (_, response) = refused(evidence)?;
    Some(random.fact.response().is_some_and(|other| {
        other.status == response.status
            && (other.body.digest == response.body.digest
                || is_same_template(&other.body.text, &response.body.text))
    }))
}

/// Error pages repeat the path, so two of them may differ by a little; the beginning tells.
fn is_same_template(one: &str, other: &str) -> bool {
    let start: usize = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let shorter = one.len().min(other.len());
    shorter > 0 && start * 2 >= shorter
}

/// A word as a shell reads it back: people paste our commands, and what servers say must not run there.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-:/@%+,=[]".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The proxy that stands in front, as its headers tell: its name, or "a proxy".
pub(crate) fn front(response: &Response) -> Option<Product> {
    fingerprint::hops(response).first().copied()
}

/// A name for the hop in front that passed something on: the product, or "a proxy on the way".
pub(crate) fn hop(response: &Response) -> Text {
    match front(response) {
        Some(product) => text!("{name}", name = product.name()),
        None => text!("a proxy on the way"),
    }
}

/// The library that wrote the answer, if its words give it away.
pub(crate) fn author(response: &Response) -> Option<Library> {
    fingerprint::library(response)
}

/// The beginning of a body on one line, for a proof: at most `limit` characters.
pub(crate) fn quote(response: &Response, limit: usize) -> String {
    let flat = response.body.text.replace("\\r", "").replace("\\n", " ");
    let flat = flat.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= limit {
        return flat;
    }
    let mut short: String = flat.chars().take(limit).collect();
    short.push('…');
    short
}

/// Now, by this machine's clock: seconds since 1970 UTC at the beginning of the case.
pub(crate) fn now(evidence: &Evidence) -> i64 {
    i64::try_from(evidence.case.started_at_unix_us / 1_000_000).unwrap_or(i64::MAX)
}

/// `2026-11-17`, in UTC.
pub(crate) fn day(unix_seconds: i64) -> String {
    formatted(unix_seconds, "%Y-%m-%d")
}

/// `2026-11-17 08:12:44 UTC`.
pub(crate) fn moment(unix_seconds: i64) -> String {
    formatted(unix_seconds, "%Y-%m-%d %H:%M:%S UTC")
}

fn formatted(unix_seconds: i64, format: &str) -> String {
    // Certificates can name years that no calendar here reaches; the number itself is then the best there is.
    match jiff::Timestamp::from_second(unix_seconds) {
        Ok(moment) => moment.strftime(format).to_string(),
        Err(_) => format!("{unix_seconds} s since 1970"),
    }
}

/// Seconds since 1970 UTC of an HTTP date in its usual form (RFC 9110 section 5.6.7, IMF-fixdate).
pub(crate) fn http_date(text: &str) -> Option<i64> {
    let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(moment.as_second())
}

/// The plain TLS handshake, where it was made and failed.
pub(crate) fn tls_failed(evidence: &Evidence) -> Option<Seen<'_, Tls>> {
    evidence
        .tls(&TlsVariation::Plain)
        .filter(|tls| !matches!(tls.outcome, TlsOutcome::Completed | TlsOutcome::NotConnected))
}

/// What a TLS handshake came to, in a few words.
pub(crate) fn tls_outcome(outcome: &TlsOutcome) -> Text {
    match outcome {
        TlsOutcome::Completed | TlsOutcome::Answered => text!("a proper answer"),
        TlsOutcome::Alert { name, .. } => text!("TLS alert {name}", name = name),
        TlsOutcome::Ended => text!("the connection was closed"),
        TlsOutcome::Reset => text!("the connection was reset"),
        TlsOutcome::Silence => text!("no answer"),
        TlsOutcome::NotTls(_) => text!("something that is no TLS"),
        TlsOutcome::Failed(why) => text!("{why}", why = why),
        TlsOutcome::NotConnected => text!("the request could not be sent"),
    }
}

/// What a TCP attempt came to, in a few words.
pub(crate) fn reached(outcome: evidence::Reached) -> Text {
    use evidence::Reached;
    match outcome {
        Reached::Connected => text!("connected"),
        Reached::Refused => text!("refused"),
        Reached::Reset => text!("reset"),
        Reached::HostUnreachable => text!("host unreachable"),
        Reached::NetworkUnreachable => text!("network unreachable"),
        Reached::Forbidden => text!("forbidden by a local rule"),
        Reached::NoSourceAddress => text!("no source port is left"),
        Reached::Silence => text!("no answer"),
        Reached::Failed(number) => text!("error {number} of the system", number = i64::from(number)),
    }
}

/// What the port says to an unusual opening. None: it was not asked yet; some none: it was, without result.
pub(crate) fn opening(evidence: &Evidence, sent: Opening) -> Option<Option<Seen<'_, FirstBytes>>> {
    match evidence.first_bytes(sent) {
        Some(seen) => Some(Some(seen)),
        None => evidence.is_answered(&Question::FirstBytes(sent)).then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (micros, shown) in
            [(0, "0.0 ms"), (400, "0.4 ms"), (1_500, "1.5 ms"), (31_400, "31 ms"), (60_049_000, "60.0 s")]
        {
            assert_eq!(duration(micros), shown);
        }
        for (bytes, shown) in [
            (100, "100 B"),
            (1024, "1 KiB"),
            (65_536, "64 KiB"),
            (1 << 20, "1 MiB"),
            (1_048_577, "1.0 MiB"),
            (1536, "1.5 KiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn what_a_server_says_stays_one_word() {
        for (text, word) in [
            ("wss://app.example/ws", "wss://app.example/ws"),
            ("wss://app.example/ws?a=1&b=2", "'wss://app.example/ws?a=1&b=2'"),
            ("http://x/$(reboot)", "'http://x/$(reboot)'"),
            ("a'b", "'a'\\''b'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn dates() {
        assert_eq!(http_date("Fri, 20 Nov 2026 00:00:00 GMT"), Some(1_795_132_800));
        assert_eq!(moment(1_795_132_800), "2026-11-20 00:00:00 UTC");
        for (seconds, shown) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(day(seconds), shown);
        }
        for text in [
            "",
            "now",
            "Fri, 20 Nov 2026",
            "Fri, 99 Nov 2026 00:00:00 GMT",
            "Fri, 20 Foo 2026 00:00:00 GMT",
            "Fri, 20 Nov 2026 99:00:00 GMT",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }
}
