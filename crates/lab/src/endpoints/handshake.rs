//! Endpoints whose 101 is wrong in one header.

use super::Names;
use crate::connection::{Connection, Headers, MESSAGE_LIMIT, agree_on_deflate, good_answer};
use crate::head::RequestHead;
use std::io;

pub(crate) const NAMES: Names = &[
    ("upgrade-accept-mismatch", "Hashes the key with one character too many."),
    ("upgrade-accept-missing", "Sends no Sec-WebSocket-Accept."),
    ("upgrade-accept-cached", "Sends the same Sec-WebSocket-Accept whatever the key."),
    ("upgrade-101-missing-upgrade", "Sends no Upgrade header in its 101."),
    ("upgrade-101-missing-connection", "Sends no Connection header in its 101."),
    ("upgrade-101-connection-keepalive", "Sends Connection: keep-alive in its 101."),
    ("upgrade-duplicate-headers", "Sends Upgrade, Connection and Sec-WebSocket-Accept twice."),
    ("upgrade-extension-not-offered", "Answers an extension that nobody offered."),
    ("upgrade-extension-bad-params", "Answers an offer of permessage-deflate with server_max_window_bits=7."),
    ("upgrade-empty-extension-header", "Sends an empty Sec-WebSocket-Extensions header."),
    ("upgrade-subprotocol-not-answered", "Ignores the subprotocols that are offered."),
    ("upgrade-subprotocol-unrequested", "Answers a subprotocol that was not offered."),
    ("upgrade-subprotocol-wrong-dialect", "Closes with 4406 unless graphql-transport-ws is offered."),
    ("upgrade-interim-1xx", "Sends 103 Early Hints before its 101."),
];

pub(crate) async fn play(name: &str, mut connection: Connection) -> io::Result<()> {
    let Some(head) = connection.upgrade_request().await? else { return Ok(()) };
    if name == "upgrade-interim-1xx" {
        let hints: Headers = vec![("Link".into(), "</app.css>; rel=preload; as=style".into())];
        connection.write_head("103 Early Hints", &hints).await?;
    }
    let (mut headers, mut agreed) = good_answer(&head, name == "upgrade-interim-1xx");
    spoil(name, &head, &mut headers);
    if name == "upgrade-extension-bad-params" {
        agreed = agree_on_deflate(&head);
    }
    connection.write_head("101 Switching Protocols", &headers).await?;
    connection.agree(agreed, MESSAGE_LIMIT);
    let offers_dialect = head.subprotocols().iter().any(|offered| offered == "graphql-transport-ws");
    if name == "upgrade-subprotocol-wrong-dialect" && !offers_dialect {
        return connection.close(4406, "Subprotocol not acceptable").await;
    }
    connection.echo().await
}

fn spoil(name: &str, head: &RequestHead, headers: &mut Headers) {
    let remove = |headers: &mut Headers, gone: &str| headers.retain(|(header, _)| header != gone);
    let replace = |headers: &mut Headers, changed: &str, value: String| {
        remove(headers, changed);
        headers.push((changed.into(), value));
    };
    let key = head.header("sec-websocket-key").unwrap_or_default();
    match name {
        // It still looks like a hash, so that only recomputing it tells.
        "upgrade-accept-mismatch" => {
            replace(headers, "Sec-WebSocket-Accept", frame::accept_for(&format!("{key}=")));
        }
        "upgrade-accept-missing" => remove(headers, "Sec-WebSocket-Accept"),
        // The answer to the example key of RFC 6455 section 1.3.
        "upgrade-accept-cached" => {
            replace(headers, "Sec-WebSocket-Accept", frame::accept_for("dGhlIHNhbXBsZSBub25jZQ=="));
        }
        "upgrade-101-missing-upgrade" => remove(headers, "Upgrade"),
        "upgrade-101-missing-connection" => remove(headers, "Connection"),
        "upgrade-101-connection-keepalive" => replace(headers, "Connection", "keep-alive".into()),
        "upgrade-duplicate-headers" => {
            let again: Headers = headers.iter().take(3).cloned().collect();
            headers.extend(again);
        }
        "upgrade-extension-not-offered" => {
            replace(headers, "Sec-WebSocket-Extensions", "x-lab-unoffered".into());
        }
        "upgrade-extension-bad-params" if agree_on_deflate(head).is_some() => {
            replace(
                headers,
                "Sec-WebSocket-Extensions",
                "permessage-deflate; server_max_window_bits=7".into(),
            );
        }
        "upgrade-empty-extension-header" => replace(headers, "Sec-WebSocket-Extensions", String::new()),
        "upgrade-subprotocol-not-answered" => remove(headers, "Sec-WebSocket-Protocol"),
        "upgrade-subprotocol-unrequested" => {
            replace(headers, "Sec-WebSocket-Protocol", "lab.unrequested".into());
        }
        "upgrade-subprotocol-wrong-dialect" => {
            remove(headers, "Sec-WebSocket-Protocol");
            if head.subprotocols().iter().any(|offered| offered == "graphql-transport-ws") {
                headers.push(("Sec-WebSocket-Protocol".into(), "graphql-transport-ws".into()));
            }
        }
        _ => {}
    }
}
