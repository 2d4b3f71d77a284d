//! Sends a request and reads the answer, byte by byte and forgiving: what breaks the rules is kept and named.
//!
//! Every wait and every buffer is bounded, whatever the peer does.

use crate::body;
use crate::request::Request;
use evidence::{Answer, Body, HandshakeFault, Header, Preview, Redactor, Response};
use frame::{Agreed, ExtensionFault, accept_answer, parse_extensions};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// A response head beyond this is no head (nginx sends 8 KiB at the most, node 16).
const HEAD_LIMIT: usize = 64 * 1024;
/// Headers that are kept.
const HEADER_LIMIT: usize = 200;
/// Bytes of a header value that are kept.
const VALUE_LIMIT: usize = 4096;
/// Characters of a body that are kept.
const BODY_KEPT: usize = 2048;
/// Time for a body, which may well have no end.
const BODY_TIME: Duration = Duration::from_millis(700);
/// Interim responses before we stop believing in a final one.
const INTERIM_LIMIT: usize = 8;

/// What came back, and the bytes after the head of a 101.
pub(crate) struct Reply {
    pub answer: Answer,
    pub rest: Vec<u8>,
    /// Time from the end of the request to the end of the head.
    pub took: Duration,
    /// permessage-deflate, if it was agreed.
    pub deflate: Option<Agreed>,
}

/// What an answer is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// The head, and the beginning of the body.
    Head,
    /// All of the body that is read.
    Page,
    /// A tunnel: after a 2xx comes the other host, not a body (RFC 9110 section 9.3.6).
    Tunnel,
}

/// Sends a request and reads its answer. `limit` is for both, up to the end of the head; the body has its own,
/// shorter one.
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin + ?Sized>(
    stream: &mut S,
    request: &Request,
    limit: Duration,
    want: Want,
) -> Reply {
    let deadline = Instant::now() + limit;
    // Whether writing fails shows in what can still be read: a refusal may have been sent before the reset.
    let _ = timeout_at(deadline, async {
        stream.write_all(&request.bytes).await?;
        stream.flush().await
    })
    .await;
    read(stream, request, deadline, want).await
}

/// Reads one answer.
pub(crate) async fn read<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    request: &Request,
    deadline: Instant,
    want: Want,
) -> Reply {
    let began = Instant::now();
    let mut buffer = Vec::with_capacity(2048);
    let mut interim = Vec::new();
    let nothing = |answer| Reply { answer, rest: Vec::new(), took: began.elapsed(), deflate: None };
    loop {
        let head_end = match until_head(stream, &mut buffer, deadline).await {
            Ok(end) => end,
            Err(answer) => return nothing(answer),
        };
        let took = began.elapsed();
        let Some((mut response, bad_lines)) = parse(&buffer[..head_end]) else {
            return nothing(Answer::NotHttp(Preview::new(&buffer, 256)));
        };
        buffer.drain(..head_end);
        if is_interim(response.status) && interim.len() < INTERIM_LIMIT {
            interim.push(response.status);
            continue;
        }
        response.interim = interim;
        let mut deflate = None;
        if response.status == 101 {
            response.faults = bad_lines.into_iter().map(HandshakeFault::HeaderSyntax).collect();
            let (faults, agreed) = judge(&response, request);
            response.faults.extend(faults);
            deflate = agreed;
            response.body = Body { complete: true, ..Body::default() };
        } else if want != Want::Tunnel || !(200..300).contains(&response.status) {
            let body_deadline = deadline.min(Instant::now() + BODY_TIME);
            let kept = if want == Want::Page { body::LIMIT } else { BODY_KEPT };
            response.body = body::read(stream, &mut buffer, &response, body_deadline, kept).await;
            buffer.clear();
        }
        return Reply { answer: Answer::Response(Box::new(response)), rest: buffer, took, deflate };
    }
}

/// Another response follows (RFC 9110 section 15.2).
fn is_interim(status: u16) -> bool {
    (100..200).contains(&status) && status != 101
}

/// Strikes secrets out of an answer, for servers send them, too: cookies, tokens in redirects.
pub(crate) fn redact(redactor: Redactor, answer: &mut Answer) {
    match answer {
        Answer::Response(response) => {
            response.reason = redactor.text(&response.reason);
            for header in &mut response.headers {
                header.value = redactor.header(&header.name, &header.value);
            }
            for fault in &mut response.faults {
                if let HandshakeFault::HeaderSyntax(line) = fault {
                    *line = redact_line(redactor, line);
                }
            }
            response.body.text = redactor.text(&response.body.text);
        }
        // The beginning of a head may hold whole headers; its line ends are escapes by now.
        Answer::Ended(preview)
        | Answer::Reset(preview)
        | Answer::Silence(preview)
        | Answer::NotHttp(preview) => {
            let lines = preview.text.split("\\n").map(|line| redact_line(redactor, line));
            let text = lines.collect::<Vec<_>>().join("\\n");
            if text != preview.text {
                preview.text = text;
                preview.hex.clear();
            }
        }
        Answer::TooLarge(_) | Answer::Alert(_) | Answer::NotSent(_) => {}
    }
}

fn redact_line(redactor: Redactor, line: &str) -> String {
    let (line, end) = line.strip_suffix("\\r").map_or((line, ""), |line| (line, "\\r"));
    match line.split_once(':') {
        Some((name, value)) => {
            let blank = if value.starts_with(' ') { " " } else { "" };
            format!("{name}:{blank}{}{end}", redactor.header(name.trim(), value.trim()))
        }
        None => format!("{}{end}", redactor.text(line)),
    }
}

/// Reads until the end of a head; gives the position after it.
async fn until_head<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    deadline: Instant,
) -> Result<usize, Answer> {
    let mut searched = 0;
    loop {
        if let Some(end) = head_end(buffer, searched) {
            return Ok(end);
        }
        searched = buffer.len().saturating_sub(3);
        if !b"HTTP/".starts_with(&buffer[..buffer.len().min(5)]) {
            return Err(Answer::NotHttp(Preview::new(buffer, 256)));
        }
        if buffer.len() > HEAD_LIMIT {
            return Err(Answer::TooLarge(buffer.len() as u64));
        }
        match timeout_at(deadline, stream.read_buf(buffer)).await {
            Err(_) => return Err(Answer::Silence(Preview::new(buffer, 256))),
            Ok(Ok(0)) => return Err(Answer::Ended(Preview::new(buffer, 256))),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(broken(&error, buffer)),
        }
    }
}

/// What an error while reading means.
pub(crate) fn broken(error: &io::Error, so_far: &[u8]) -> Answer {
    if let Some(name) = crate::tls::alert_in(error) {
        return Answer::Alert(name);
    }
    match error.kind() {
        // rustls reports a TLS stream that ends without close_notify as this.
        io::ErrorKind::UnexpectedEof => Answer::Ended(Preview::new(so_far, 256)),
        _ => Answer::Reset(Preview::new(so_far, 256)),
    }
}

/// The position after an empty line. Bare line feeds count: some servers send them, and everybody reads them.
fn head_end(buffer: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = buffer[at..].iter().position(|byte| *byte == b'\n') {
        let after = at + found + 1;
        match &buffer[after..] {
            [b'\n', ..] => return Some(after + 1),
            [b'\r', b'\n', ..] => return Some(after + 2),
            _ => at = after,
        }
    }
    None
}

/// A head as a response, with the lines that are no headers. None: the status line is none.
fn parse(head: &[u8]) -> Option<(Response, Vec<String>)> {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let status_line = lines.next()?;
    let text = Preview::new(status_line, 512).text;
    let mut parts = text.splitn(3, ' ');
    let version = parts.next().filter(|version| version.starts_with("HTTP/"))?.to_owned();
    let status = parts.next()?.trim();
    if status.len() != 3 {
        return None;
    }
    let status: u16 = status.parse().ok().filter(|status| *status >= 100)?;
    let reason = parts.next().unwrap_or_default().trim().to_owned();
    let mut headers: Vec<Header> = Vec::new();
    let mut bad = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if headers.len() >= HEADER_LIMIT {
            break;
        }
        match line.iter().position(|byte| *byte == b':') {
            Some(colon) if colon > 0 && line[..colon].iter().all(|byte| is_token(*byte)) => {
                let name = String::from_utf8_lossy(&line[..colon]).into_owned();
                let value = Preview::new(line[colon + 1..].trim_ascii(), VALUE_LIMIT).text;
                headers.push(Header { name, value });
                // Browsers refuse a head with such a byte in it (RFC 9110 section 5.5).
                if line.contains(&0) {
                    bad.push(Preview::new(line, 80).text);
                }
            }
            _ => bad.push(Preview::new(line, 80).text),
        }
    }
    let response = Response {
        version,
        status,
        reason,
        headers,
        interim: Vec::new(),
        body: Body::default(),
        faults: Vec::new(),
    };
    Some((response, bad))
}

/// A `tchar` of RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Holds a 101 against RFC 6455 section 4.1 and RFC 7692 section 5, as strictly as browsers do.
fn judge(response: &Response, request: &Request) -> (Vec<HandshakeFault>, Option<Agreed>) {
    let mut faults = Vec::new();
    if response.version == "HTTP/1.0" {
        faults.push(HandshakeFault::OldVersion(response.version.clone()));
    }
    let values = |name: &'static str| response.headers_named(name).collect::<Vec<_>>();
    match values("upgrade").as_slice() {
        [] => faults.push(HandshakeFault::UpgradeMissing),
        [one] if one.eq_ignore_ascii_case("websocket") => {}
        [one] => faults.push(HandshakeFault::UpgradeOther((*one).to_owned())),
        _ => faults.push(HandshakeFault::Duplicate("Upgrade".to_owned())),
    }
    match values("connection").as_slice() {
        [] => faults.push(HandshakeFault::ConnectionMissing),
        all if !response.header_has("connection", "upgrade") => {
            faults.push(HandshakeFault::ConnectionOther(all.join(", ")));
        }
        _ => {}
    }
    if let Some(expected) = &request.expected_accept {
        match values("sec-websocket-accept").as_slice() {
            [] => faults.push(HandshakeFault::AcceptMissing),
            [one] if one == expected => {}
            [one] => faults
                .push(HandshakeFault::AcceptMismatch { got: (*one).to_owned(), expected: expected.clone() }),
            _ => faults.push(HandshakeFault::Duplicate("Sec-WebSocket-Accept".to_owned())),
        }
    }
    match values("sec-websocket-protocol").as_slice() {
        [] if !request.subprotocols.is_empty() => faults.push(HandshakeFault::SubprotocolNotAnswered),
        [] => {}
        [one] if request.subprotocols.iter().any(|offered| offered == one) => {}
        [one] => faults.push(HandshakeFault::SubprotocolNotOffered((*one).to_owned())),
        _ => faults.push(HandshakeFault::Duplicate("Sec-WebSocket-Protocol".to_owned())),
    }
    let extensions = values("sec-websocket-extensions");
    let agreed = if extensions.is_empty() {
        None
    } else {
        match agree(&extensions.join(", "), request) {
            Ok(agreed) => agreed,
            Err(fault) => {
                faults.push(fault);
                None
            }
        }
    };
    (faults, agreed)
}

fn agree(value: &str, request: &Request) -> Result<Option<Agreed>, HandshakeFault> {
    if value.trim().is_empty() {
        return Err(HandshakeFault::ExtensionEmpty);
    }
    let answer =
        parse_extensions(value).map_err(|fault| HandshakeFault::ExtensionParameters(fault.detail()))?;
    accept_answer(&request.extensions, &answer).map_err(|fault| match fault {
        ExtensionFault::NotOffered(name) => HandshakeFault::ExtensionNotOffered(name),
        other => HandshakeFault::ExtensionParameters(other.detail()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            bytes: Vec::new(),
            lines: Vec::new(),
            expected_accept: Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned()),
            extensions: vec![frame::offer()],
            subprotocols: Vec::new(),
        }
    }

    async fn answer(bytes: &[u8]) -> Reply {
        let mut stream = bytes;
        read(&mut stream, &request(), Instant::now() + Duration::from_secs(1), Want::Head).await
    }

    fn response(reply: &Reply) -> &Response {
        match &reply.answer {
            Answer::Response(response) => response,
            other => panic!("no response: {other:?}"),
        }
    }

    const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    #[tokio::test]
    async fn a_good_101_has_no_fault_and_keeps_what_follows() {
        let reply = answer(format!("{GOOD}\r\n\u{1}x").as_bytes()).await;
        assert_eq!(response(&reply).faults, []);
        assert_eq!(reply.rest, b"\x01x");
    }

    #[tokio::test]
    async fn every_rule_has_its_fault() {
        let with = |line: &str| format!("{GOOD}{line}\r\n\r\n");
        for (head, fault) in [
            (with("Upgrade: websocket"), HandshakeFault::Duplicate("Upgrade".into())),
            (with("Sec-WebSocket-Extensions:"), HandshakeFault::ExtensionEmpty),
            (with("Sec-WebSocket-Extensions: foo"), HandshakeFault::ExtensionNotOffered("foo".into())),
            (with("Sec-WebSocket-Protocol: chat"), HandshakeFault::SubprotocolNotOffered("chat".into())),
            (with("no header at all"), HandshakeFault::HeaderSyntax("no header at all".into())),
            (GOOD.replace("upgrade: WebSocket\r\n", "") + "\r\n", HandshakeFault::UpgradeMissing),
            (GOOD.replace("WebSocket\r", "h2c\r") + "\r\n", HandshakeFault::UpgradeOther("h2c".into())),
            (
                GOOD.replace("keep-alive, upgrade", "keep-alive") + "\r\n",
                HandshakeFault::ConnectionOther("keep-alive".into()),
            ),
            (GOOD.replace("HTTP/1.1", "HTTP/1.0") + "\r\n", HandshakeFault::OldVersion("HTTP/1.0".into())),
        ] {
            let reply = answer(head.as_bytes()).await;
            assert_eq!(response(&reply).faults, [fault], "{head}");
        }
        let bad_parameters = answer(
            with("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99").as_bytes(),
        )
        .await;
        assert!(matches!(
            response(&bad_parameters).faults.as_slice(),
            [HandshakeFault::ExtensionParameters(_)]
        ));
    }

    #[tokio::test]
    async fn bodies_end_where_they_say() {
        for (bytes, body, complete) in [
            (&b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\n\r\nwxyzREST"[..], "wxyz", true),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc", true),
            (b"HTTP/1.1 200 OK\n\nto the end", "to the end", true),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "abc", false),
            (b"HTTP/1.1 204 No Content\r\n\r\n", "", true),
        ] {
            let reply = answer(bytes).await;
            let got = &response(&reply).body;
            assert_eq!(
                (got.text.as_str(), got.complete),
                (body, complete),
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_response_is_told_apart() {
        assert!(matches!(answer(b"").await.answer, Answer::Ended(_)));
        assert!(matches!(answer(b"HTTP/1.1 101 Swi").await.answer, Answer::Ended(_)));
        assert!(matches!(answer(b"SSH-2.0-OpenSSH_9.2\r\n").await.answer, Answer::NotHttp(_)));
        assert!(matches!(answer(b"HTTP/1.1 abc\r\n\r\n").await.answer, Answer::NotHttp(_)));
        let endless = [b"HTTP/1.1 101 x\r\n".to_vec(), b"a: b\r\n".repeat(20_000)].concat();
        assert!(matches!(answer(&endless).await.answer, Answer::TooLarge(_)));
    }

    #[tokio::test]
    async fn interim_responses_are_counted() {
        let reply = answer(format!("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n{GOOD}\r\n").as_bytes()).await;
        assert_eq!(response(&reply).interim, [103]);
        assert_eq!(response(&reply).status, 101);
    }
}
