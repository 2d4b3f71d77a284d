//! Long polls: ask, and ask again. What goes up rides on posts of its own.

use super::http::{Wire, failed, first_frame, path, posts, with_key};
use super::{Order, Report, Reports};
use crate::target::Target;
use http_body_util::{BodyExt, Limited};
use session::LinkKey;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// The gateway answers after 25 s at most.
const ANSWER: Duration = Duration::from_secs(35);
/// Bytes of an answer.
const BODY: usize = 8 << 20;

pub(super) async fn run(target: Target, reports: Reports, mut orders: mpsc::Receiver<Order>) {
    if !reports.say(Report::Open).await {
        return;
    }
    let Some(first) = first_frame(&mut orders).await else {
        return reports.gone(None, "ended by this side").await;
    };
    // Posts and polls both need the key, which comes after the welcome.
    let (keys, key) = watch::channel(None::<LinkKey>);
    let (to_posts, for_posts) = mpsc::channel(4);
    let sort = async {
        while let Some(order) = orders.recv().await {
            if let Order::Key(new) = &order {
                keys.send_replace(Some(new.clone()));
            }
            if to_posts.send(order).await.is_err() {
                break;
            }
        }
        // The last order was to end; posts does.
        std::future::pending::<()>().await;
    };
    let why = tokio::select! {
        why = polls(&target, &reports, first, key) => why,
        why = posts(target.clone(), for_posts) => Some(why),
        () = sort => None,
    };
    if let Some(why) = why {
        reports.gone(None, why).await;
    }
}

/// None: it has said itself why.
async fn polls(
    target: &Target,
    reports: &Reports,
    first: Vec<u8>,
    mut key: watch::Receiver<Option<LinkKey>>,
) -> Option<String> {
    let mut wire = Wire::new(target.clone());
    let mut body = first;
    for number in 1.. {
        let address = path(target, "poll");
        let asked = timeout(ANSWER, async {
            let answer = wire.request("POST", &address, body).await?;
            let status = answer.status();
            let body =
                Limited::new(answer.into_body(), BODY).collect().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((status, body.to_bytes()))
        });
        match asked.await {
            Err(_) => return Some("a poll was not answered".to_owned()),
            Ok(Err(why)) => return Some(why),
            Ok(Ok((status, _))) if !status.is_success() => {
                failed(reports, Some(status), format!("a poll was answered {status}")).await;
                return None;
            }
            Ok(Ok((_, bytes))) if bytes.is_empty() => {}
            Ok(Ok((_, bytes))) => {
                if !reports.say(Report::Bytes(bytes.to_vec())).await {
                    return None;
                }
            }
        }
        let known = key.wait_for(Option::is_some).await.ok()?.clone()?;
        body = with_key(&LinkKey { poll: Some(number), ..known }, &[]);
    }
    None
}
