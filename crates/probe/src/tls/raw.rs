//! A hand-made ClientHello: asks for one version with every cipher suite there ever was, and reads the answer
//! without any cryptography. So servers can be seen that no modern library would speak to.

use super::alert_number_name;
use evidence::{Preview, TlsOutcome, VersionTried};
use std::time::Duration;
use tls_parser::{TlsMessage, TlsMessageHandshake};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// Handshake bytes that are read; a chain of thousands of certificates is cut off here.
const READ_LIMIT: usize = 64 * 1024;

/// Content types and an alert level of the record layer (RFC 8446 sections 5.1 and 6).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const WARNING: u8 = 1;

/// What a hand-made ClientHello came to.
pub(crate) struct Hello {
    pub outcome: TlsOutcome,
    pub version: Option<String>,
    pub cipher: Option<String>,
    pub chain: Vec<Vec<u8>>,
}

impl Hello {
    /// No more comes; what was understood before stands.
    fn gave_up(&mut self, outcome: TlsOutcome) {
        if self.outcome == TlsOutcome::Silence {
            self.outcome = outcome;
        }
    }
}

/// Sends the ClientHello and reads what comes.
pub(crate) async fn hello_answer<S: AsyncRead + AsyncWrite + Unpin + ?Sized>(
    stream: &mut S,
    version: VersionTried,
    name: Option<&str>,
    limit: Duration,
) -> Hello {
    let deadline = Instant::now() + limit;
    let mut hello = Hello { outcome: TlsOutcome::Silence, version: None, cipher: None, chain: Vec::new() };
    let sent = timeout_at(deadline, async {
        stream.write_all(&client_hello(version, name)).await?;
        stream.flush().await
    });
    match sent.await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => {
            hello.outcome = TlsOutcome::Reset;
            return hello;
        }
        Err(_) => return hello,
    }
    let mut buffer = Vec::new();
    loop {
        if understand(&buffer, &mut hello) {
            return hello;
        }
        if buffer.len() > READ_LIMIT {
            hello.gave_up(TlsOutcome::Failed("an answer without end".to_owned()));
            return hello;
        }
        match timeout_at(deadline, stream.read_buf(&mut buffer)).await {
            Err(_) => return hello,
            Ok(Ok(0)) => {
                hello.gave_up(TlsOutcome::Ended);
                return hello;
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) => {
                hello.gave_up(TlsOutcome::Reset);
                return hello;
            }
        }
    }
}

/// Reads what has come; true: there is nothing more to learn.
fn understand(buffer: &[u8], hello: &mut Hello) -> bool {
    if buffer.is_empty() {
        return false;
    }
    if !matches!(buffer, [20..=24] | [20..=24, 3, ..]) {
        hello.outcome = TlsOutcome::NotTls(Preview::new(buffer, 64));
        return true;
    }
    let mut rest = buffer;
    // Handshake messages may be spread over records: put the payloads together first.
    let mut handshake = Vec::new();
    while let [kind, _, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(payload) = after.get(..length) else { break };
        match (*kind, payload) {
            (ALERT, [level, code, ..]) => {
                // Behind a ServerHello it is about something else.
                if messages(&handshake, hello) || hello.version.is_some() {
                    return true;
                }
                hello.outcome = TlsOutcome::Alert { code: *code, name: alert_number_name(*code) };
                // After a warning the handshake may go on (RFC 5246 section 7.2): so old servers complain about
                // a name.
                if *level != WARNING {
                    return true;
                }
            }
            (HANDSHAKE, _) => handshake.extend_from_slice(payload),
            (APPLICATION_DATA, _) => {
                // Encrypted from here on: TLS 1.3.
                messages(&handshake, hello);
                hello.gave_up(TlsOutcome::NotTls(Preview::new(buffer, 64)));
                return true;
            }
            _ => {}
        }
        rest = &after[length..];
    }
    messages(&handshake, hello)
}

/// Reads the handshake messages so far; true: there is nothing more to learn.
fn messages(mut bytes: &[u8], hello: &mut Hello) -> bool {
    while let [_, high, middle, low, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        if rest.len() < length {
            return false; // the rest is under way
        }
        let Ok((_, message)) = tls_parser::parse_tls_message_handshake(&bytes[..4 + length]) else {
            hello.gave_up(TlsOutcome::Failed("an answer that does not parse".to_owned()));
            return true;
        };
        if let TlsMessage::Handshake(message) = message {
            match message {
                TlsMessageHandshake::ServerHello(server) => {
                    let in_extension = server.ext.is_some_and(|extensions| {
                        tls_parser::parse_tls_extensions(extensions).is_ok_and(|(_, list)| {
                            list.iter().any(|extension| {
                                matches!(extension, tls_parser::TlsExtension::SupportedVersions(versions) if versions.iter().any(|version| version.0 == 0x0304))
                            })
                        })
                    });
                    let number = if in_extension { 0x0304 } else { server.version.0 };
                    hello.version = Some(version_text(number));
                    hello.cipher =
                        Some(server.get_cipher().map_or_else(
                            || format!("0x{:04x}", server.cipher.0),
                            |suite| suite.name.to_owned(),
                        ));
                    hello.outcome = TlsOutcome::Answered;
                    if in_extension {
                        return true;
                    }
                }
                TlsMessageHandshake::Certificate(contents) => {
                    hello.chain = contents
                        .cert_chain
                        .iter()
                        .take(20)
                        .map(|certificate| certificate.data.to_vec())
                        .collect();
                    return true;
                }
                TlsMessageHandshake::ServerDone(_) => return true,
                _ => {}
            }
        }
        bytes = &rest[length..];
    }
    false
}

fn version_text(number: u16) -> String {
    match number {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301 => "1.0".to_owned(),
        0x0302 => "1.1".to_owned(),
        0x0303 => "1.2".to_owned(),
        0x0304 => "1.3".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

/// A ClientHello for one version (RFC 5246 section 7.4.1.2, RFC 8446 section 4.1.2).
pub(crate) fn client_hello(version: VersionTried, name: Option<&str>) -> Vec<u8> {
    let number: u16 = match version {
        VersionTried::V1_0 => 0x0301,
        VersionTried::V1_1 => 0x0302,
        VersionTried::V1_2 | VersionTried::V1_3 => 0x0303,
    };
    let mut random = [0; 32];
    let _ = getrandom::fill(&mut random);
    let mut body = number.to_be_bytes().to_vec();
    body.extend_from_slice(&random);
    body.push(0); // no session to resume
    let suites: Vec<u8> = if version == VersionTried::V1_3 {
        [0x1301_u16, 0x1302, 0x1303].iter().flat_map(|suite| suite.to_be_bytes()).collect()
    } else {
        // Every suite in the registry but TLS 1.3's and the signalling ones, strongest last in the numbering.
        let mut all: Vec<u16> =
            (0..=u16::MAX).filter(|id| tls_parser::TlsCipherSuite::from_id(*id).is_some()).collect();
        all.retain(|id| !(0x1300..=0x13ff).contains(id) && *id != 0x00ff && *id != 0x5600 && *id != 0);
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.iter().flat_map(|suite| suite.to_be_bytes()).collect()
    };
    put_u16(&mut body, &suites);
    body.extend_from_slice(&[1, 0]); // no compression
    let mut extensions = Vec::new();
    if let Some(name) = name.filter(|name| name.parse::<std::net::IpAddr>().is_err()) {
        let mut entry = vec![0];
        put_u16(&mut entry, name.as_bytes());
        let mut list = Vec::new();
        put_u16(&mut list, &entry);
        extension(&mut extensions, 0, &list);
    }
    // Curves, point formats, signature schemes: broad on purpose.
    extension(&mut extensions, 10, &listed(&[0x001d, 0x0017, 0x0018, 0x0019]));
    extension(&mut extensions, 11, &[1, 0]);
    let schemes = [
        0x0804, 0x0805, 0x0806, 0x0403, 0x0503, 0x0603, 0x0807, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
        0x0202,
    ];
    extension(&mut extensions, 13, &listed(&schemes));
    if version == VersionTried::V1_3 {
        extension(&mut extensions, 43, &[2, 3, 4]);
        let mut share = 0x001d_u16.to_be_bytes().to_vec();
        put_u16(&mut share, &random); // any 32 bytes are a point of Curve25519 (RFC 7748 section 5)
        let mut shares = Vec::new();
        put_u16(&mut shares, &share);
        extension(&mut extensions, 51, &shares);
    }
    put_u16(&mut body, &extensions);
    let mut handshake = vec![1, 0];
    put_u16(&mut handshake, &body);
    let mut record = vec![22, 3, 1];
    put_u16(&mut record, &handshake);
    record
}

fn listed(numbers: &[u16]) -> Vec<u8> {
    let mut list = Vec::new();
    put_u16(&mut list, &numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>());
    list
}

fn extension(out: &mut Vec<u8>, number: u16, content: &[u8]) {
    out.extend_from_slice(&number.to_be_bytes());
    put_u16(out, content);
}

/// Appends the length in two bytes, and the content. Everything here is far shorter than 64 KiB.
fn put_u16(out: &mut Vec<u8>, content: &[u8]) {
    out.extend_from_slice(&(content.len() as u16).to_be_bytes());
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_parser::parse_tls_plaintext;

    #[test]
    fn a_client_hello_can_be_read_back() {
        for version in [VersionTried::V1_0, VersionTried::V1_2, VersionTried::V1_3] {
            let bytes = client_hello(version, Some("app.example"));
            let (rest, record) = parse_tls_plaintext(&bytes).expect("it parses");
            assert!(rest.is_empty());
            let [TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))] = record.msg.as_slice()
            else {
                panic!("no ClientHello");
            };
            assert!(hello.ciphers.len() >= 3);
            let extensions = hello.ext.expect("extensions");
            assert!(tls_parser::parse_tls_extensions(extensions).is_ok());
        }
    }

    #[tokio::test]
    async fn answers_are_told_apart() {
        for (answer, expected) in [
            (
                &b"\x15\x03\x01\x00\x02\x02\x46"[..],
                TlsOutcome::Alert { code: 70, name: "protocol_version".into() },
            ),
            (
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
                TlsOutcome::NotTls(Preview::new(b"HTTP/1.1 400 Bad Request\r\n\r\n", 64)),
            ),
            (b"", TlsOutcome::Ended),
        ] {
            let (mut here, mut there) = tokio::io::duplex(64 * 1024);
            let mut sink = vec![0; 16 * 1024];
            let server = async {
                let _ = there.read(&mut sink).await;
                let _ = there.write_all(answer).await;
                drop(there);
            };
            let client = hello_answer(&mut here, VersionTried::V1_2, None, Duration::from_secs(1));
            let (hello, ()) = tokio::join!(client, server);
            assert_eq!(hello.outcome, expected);
        }
    }

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut record = vec![kind, 3, 3];
        put_u16(&mut record, payload);
        record
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![kind, 0];
        put_u16(&mut message, body);
        message
    }

    /// A ServerHello (RFC 5246 section 7.4.1.3, RFC 8446 section 4.1.3).
    fn server_hello(suite: u16, extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(0);
        body.extend(suite.to_be_bytes());
        body.push(0);
        put_u16(&mut body, extensions);
        message(2, &body)
    }

    fn certificate(der: &[u8]) -> Vec<u8> {
        let mut one = vec![0];
        put_u16(&mut one, der);
        let mut list = vec![0];
        put_u16(&mut list, &one);
        message(11, &list)
    }

    /// The answer to a server that sends these pieces, a moment apart, and hangs up.
    async fn said(pieces: Vec<Vec<u8>>) -> Hello {
        let (mut here, mut there) = tokio::io::duplex(64 * 1024);
        let server = async move {
            for piece in pieces {
                let _ = there.write_all(&piece).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let client = hello_answer(&mut here, VersionTried::V1_3, None, Duration::from_secs(1));
        tokio::join!(client, server).0
    }

    #[tokio::test(start_paused = true)]
    async fn borders_of_records_and_packets_change_nothing() {
        let der = vec![0x30; 40];
        let flight = [server_hello(0xc02f, &[]), certificate(&der), message(14, &[])].concat();
        for cut in 1..flight.len() {
            let records = [record(HANDSHAKE, &flight[..cut]), record(HANDSHAKE, &flight[cut..])].concat();
            for pieces in [vec![records.clone()], vec![records[..cut].to_vec(), records[cut..].to_vec()]] {
                let hello = said(pieces).await;
                assert_eq!(hello.outcome, TlsOutcome::Answered, "cut at {cut}");
                assert_eq!(hello.version.as_deref(), Some("1.2"));
                assert_eq!(hello.cipher.as_deref(), Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
                assert_eq!(hello.chain, std::slice::from_ref(&der), "cut at {cut}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_first_decides() {
        let mut versions = Vec::new();
        extension(&mut versions, 43, &[3, 4]);
        let modern = record(HANDSHAKE, &server_hello(0x1301, &versions));
        let old = record(HANDSHAKE, &server_hello(0xc02f, &[]));
        let encrypted = record(APPLICATION_DATA, &[0; 300]);
        let alert = |level, code| record(ALERT, &[level, code]);
        let refused = TlsOutcome::Alert { code: 40, name: "handshake_failure".to_owned() };
        let warned = TlsOutcome::Alert { code: 112, name: "unrecognized_name".to_owned() };
        let failed = |why: &str| TlsOutcome::Failed(why.to_owned());
        for (what, bytes, outcome, version) in [
            (
                "1.3 in one flight",
                [modern.clone(), encrypted.clone()].concat(),
                TlsOutcome::Answered,
                Some("1.3"),
            ),
            ("a refusal", alert(2, 40), refused, None),
            ("a warning, and on", [alert(1, 112), old.clone()].concat(), TlsOutcome::Answered, Some("1.2")),
            ("a warning, and the end", alert(1, 112), warned, None),
            ("an alert after the answer", [modern, alert(2, 40)].concat(), TlsOutcome::Answered, Some("1.3")),
            ("an alert in the middle", [old, alert(2, 80)].concat(), TlsOutcome::Answered, Some("1.2")),
            ("data first", encrypted.clone(), TlsOutcome::NotTls(Preview::new(&encrypted, 64)), None),
            (
                "a ServerHello of nothing",
                record(HANDSHAKE, &message(2, &[])),
                failed("an answer that does not parse"),
                None,
            ),
            ("half a record", vec![22, 3, 3, 1, 0, 2], TlsOutcome::Ended, None),
            ("a certificate without end", record(HANDSHAKE, &[11, 255, 255, 255]), TlsOutcome::Ended, None),
        ] {
            for pieces in [vec![bytes.clone()], bytes.chunks(1).map(<[u8]>::to_vec).collect()] {
                let whole = pieces.len() == 1;
                let hello = said(pieces).await;
                if let (TlsOutcome::NotTls(_), false) = (&outcome, whole) {
                    assert!(matches!(hello.outcome, TlsOutcome::NotTls(_)), "{what}");
                } else {
                    assert_eq!(hello.outcome, outcome, "{what}, whole: {whole}");
                }
                assert_eq!(hello.version.as_deref(), version, "{what}, whole: {whole}");
            }
        }
        let endless = record(HANDSHAKE, &[&[11, 255, 255, 255][..], &[0; 16_000]].concat()).repeat(8);
        let hello = said(vec![endless]).await;
        assert_eq!(hello.outcome, failed("an answer without end"));
    }
}
