//! An HTTP stream: one endless answer down, posts up.

use super::http::{Wire, failed, first_frame, path, posts};
use super::{Order, Report, Reports};
use crate::target::Target;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// For the first byte of the answer's body: who waits longer sits behind a buffer.
const FIRST_BYTE: Duration = Duration::from_secs(3);
/// Between two bytes: the gateway beats every 10 s.
const SILENCE: Duration = Duration::from_secs(25);
/// Bytes of one event.
const EVENT: usize = 8 << 20;

pub(super) async fn run(target: Target, reports: Reports, mut orders: mpsc::Receiver<Order>) {
    if !reports.say(Report::Open).await {
        return;
    }
    let Some(first) = first_frame(&mut orders).await else {
        return reports.gone(None, "ended by this side").await;
    };
    let mut wire = Wire::new(target.clone());
    let answer = timeout(target.timeout, wire.request("POST", &path(&target, "stream"), first)).await;
    let answer = match answer {
        Ok(Ok(answer)) if answer.status().is_success() => answer,
        Ok(Ok(answer)) => {
            let status = answer.status();
            return failed(&reports, Some(status), format!("the stream was answered {status}")).await;
        }
        Ok(Err(why)) => return reports.gone(None, why).await,
        Err(_) => return reports.gone(None, "the stream was not answered").await,
    };
    let (code, why) = tokio::select! {
        end = read(answer.into_body(), &reports) => end,
        why = posts(target, orders) => (None, why),
    };
    reports.gone(code, why).await;
}

async fn read(mut body: Incoming, reports: &Reports) -> (Option<u16>, String) {
    let mut text = Vec::new();
    let mut searched = 0;
    let mut patience = FIRST_BYTE;
    loop {
        let frame = match timeout(patience, body.frame()).await {
            Err(_) => return (None, "the stream is silent".to_owned()),
            Ok(None) => return (None, "the stream ended".to_owned()),
            Ok(Some(Err(error))) => return (None, error.to_string()),
            Ok(Some(Ok(frame))) => frame,
        };
        patience = SILENCE;
        let Ok(data) = frame.into_data() else { continue };
        text.extend_from_slice(&data);
        // Events end with an empty line; the gateway writes no carriage returns.
        let mut begin = 0;
        while let Some(end) =
            text.get(searched..).unwrap_or_default().windows(2).position(|two| two == b"\n\n")
        {
            let end = searched + end;
            let event = String::from_utf8_lossy(text.get(begin..end).unwrap_or_default()).into_owned();
            if let Some(code) = event.strip_prefix("event: close\ndata: ") {
                return (code.trim().parse().ok(), "the gateway ended the stream".to_owned());
            }
            if let Some(data) = event.strip_prefix("data: ") {
                let Ok(bytes) = STANDARD.decode(data.trim()) else {
                    return (None, "an event is no base64".to_owned());
                };
                if !reports.say(Report::Bytes(bytes)).await {
                    return (None, "nobody listens any more".to_owned());
                }
            }
            begin = end + 2;
            searched = begin;
        }
        text.drain(..begin);
        searched = text.len().saturating_sub(1);
        if text.len() > EVENT {
            return (None, "an event does not end".to_owned());
        }
    }
}
