//! Many handshakes: one after the other, or at the same time.

use crate::probes::dns::join_all;
use crate::probes::{session, upgrade};
use crate::{Observer, Probe};
use evidence::{Answer, Burst, Fact, Place, Variation};

/// Different bodies that are kept.
const BODIES: usize = 5;
/// Characters of a body that are kept.
const BODY: usize = 120;

pub(crate) async fn look(
    probe: &Probe,
    count: u8,
    parallel: bool,
    variation: &Variation,
    observer: &Observer,
) {
    let one = || async {
        let (exchange, opened) = upgrade::exchange(probe, variation, None).await;
        if let Some(opened) = opened {
            session::leave(probe, opened.into_socket(session::MESSAGE_LIMIT)).await;
        }
        exchange.answer
    };
    let answers = if parallel {
        join_all((0..count).map(|_| one())).await
    } else {
        let mut answers = Vec::new();
        for _ in 0..count {
            answers.push(one().await);
        }
        answers
    };
    let mut bodies: Vec<String> = Vec::new();
    for answer in &answers {
        if let Answer::Response(response) = answer
            && response.status != 101
            && bodies.len() < BODIES
        {
            let retry = response
                .header("retry-after")
                .map(|value| format!(" (Retry-After: {value})"))
                .unwrap_or_default();
            let text: String = response.body.text.chars().take(BODY).collect();
            let body = format!("{} {text}{retry}", response.status);
            if !bodies.contains(&body) {
                bodies.push(body);
            }
        }
    }
    let results = answers.iter().map(word).collect();
    observer
        .saw(Place::Server, Fact::Burst(Burst { parallel, variation: variation.clone(), results, bodies }));
}

fn word(answer: &Answer) -> String {
    match answer {
        Answer::Response(response) => response.status.to_string(),
        Answer::Ended(_) => "ended".to_owned(),
        Answer::Reset(_) | Answer::Alert(_) => "reset".to_owned(),
        Answer::Silence(_) => "silence".to_owned(),
        Answer::NotHttp(_) | Answer::TooLarge(_) => "not-http".to_owned(),
        Answer::NotSent(_) => "not-sent".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, ask, only, settings};
    use evidence::Question;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn each_handshake_has_its_word_in_order() {
        for (parallel, took) in [(false, 4 * 100), (true, 100)] {
            let count = Arc::new(AtomicUsize::new(0));
            let world = World::new().serve("192.0.2.1:80", move |mut peer| {
                let number = count.fetch_add(1, Ordering::SeqCst);
                async move {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    match number {
                        0 => {
                            peer.accept("").await;
                            peer.serve().await;
                        }
                        1 => {
                            peer.head().await;
                            peer.send(
                                "HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nslow",
                            )
                            .await;
                        }
                        2 => peer.reset(),
                        _ => {}
                    }
                }
            });
            let variation = Variation::plain();
            let question = Question::Burst { count: 4, parallel, variation: variation.clone() };
            let (facts, time) = ask(&Arc::new(world), settings("ws://192.0.2.1/"), question).await;
            let results = ["101", "429", "reset", "ended"].map(str::to_owned).to_vec();
            let bodies = vec!["429 slow (Retry-After: 7)".to_owned()];
            assert_eq!(only(facts), Fact::Burst(Burst { parallel, variation, results, bodies }));
            assert_eq!(time, Duration::from_millis(took));
        }
    }
}
