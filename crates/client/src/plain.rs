//! A connection without a session: any WebSocket server, and reconnecting to it. What was sent while nobody was there
//! waits; what was under way when the connection broke may be lost, as with any WebSocket.

use crate::connection::{Event, Message};
use crate::driver::{Ask, Tell, down};
use crate::options::{Options, Transport};
use crate::target::{Target, chance};
use crate::transports::{Order, Purpose, Report, Reports, start};
use session::{Lost, Next, Reconnect, Side};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until};

type Waiting = VecDeque<(Message, OwnedSemaphorePermit)>;

pub(crate) async fn run(
    target: Target,
    options: Options,
    mut told: mpsc::UnboundedReceiver<Tell>,
    asks: mpsc::Sender<Ask>,
    mut waiting: Waiting,
) {
    let began = Instant::now();
    let now = || began.elapsed().as_millis() as u64;
    let mut reconnect = Reconnect::plain(options.reconnect);
    let (reports, mut reported) = mpsc::channel(64);
    let mut events: VecDeque<Ask> = VecDeque::new();
    let mut orders: Option<mpsc::Sender<Order>> = None;
    let (mut open, mut link, mut protocol) = (false, 0, String::new());
    let mut try_at = Some(0);
    let mut closing: Option<(u16, String)> = None;
    let mut over = false;
    loop {
        if over && (events.is_empty() || asks.is_closed()) {
            return;
        }
        if try_at.take_if(|at| *at <= now()).is_some() && !over {
            link += 1;
            open = false;
            orders = Some(start(
                Transport::WebSocket,
                &target,
                Purpose::Plain,
                Reports { link, sender: reports.clone() },
            ));
        }
        if closing.is_some() && orders.is_none() && !over {
            over = true;
            let (code, reason) = closing.clone().unwrap_or_default();
            events.push_back(plain(Event::Closed {
                code,
                reason,
                side: Side::Client,
                undelivered: Vec::new(),
            }));
        }
        let speak = orders.clone().filter(|_| open && (!waiting.is_empty() || closing.is_some()));
        let deadline = began + Duration::from_millis(try_at.unwrap_or_else(|| now() + 60_000));
        tokio::select! {
            tell = told.recv(), if closing.is_none() => match tell {
                Some(Tell::Message(message, permit)) => waiting.push_back((message, permit)),
                Some(Tell::Close(code, reason)) => closing = Some((code, reason)),
                Some(Tell::Unacknowledged(answer)) => { let _ = answer.send(0); }
                Some(Tell::Wake) => if let Some(Next::TryAt(at)) = reconnect.wake(now()) { try_at = try_at.map(|_| at) },
                Some(Tell::Handled(_)) => {}
                None => closing = Some((1000, String::new())),
            },
            permit = asks.reserve(), if !events.is_empty() && !asks.is_closed() => match permit {
                Ok(permit) => if let Some(ask) = events.pop_front() { permit.send(ask) },
                Err(_) => events.clear(),
            },
            permit = async { speak.as_ref().map(|orders| orders.reserve())?.await.ok() }, if speak.is_some() => {
                let Some(permit) = permit else { continue };
                match waiting.pop_front() {
                    Some((Message::Text(text), _)) => permit.send(Order::Text(text)),
                    Some((Message::Binary(bytes), _)) => permit.send(Order::Bytes(bytes)),
                    None => if let Some((code, _)) = &closing {
                        permit.send(Order::Close(*code));
                        open = false;
                    },
                }
            }
            // As long as the application does not take what is there, nothing more is read: TCP tells the server.
            Some((from, report)) = reported.recv(), if events.len() < 64 => {
                if from != link {
                    continue;
                }
                match report {
                    Report::Protocol(chosen) => protocol = chosen,
                    Report::Open => {
                        open = true;
                        reconnect.up(now(), false);
                        let protocol = protocol.clone();
                        events.push_back(plain(Event::Up { transport: Transport::WebSocket, resumed: false, protocol }));
                    }
                    Report::Text(text) => events.push_back(plain(Event::Message(Message::Text(text)))),
                    Report::Bytes(bytes) => events.push_back(plain(Event::Message(Message::Binary(bytes)))),
                    Report::Gone { code, why, .. } => {
                        orders = None;
                        open = false;
                        if closing.is_some() {
                            continue;
                        }
                        let how = code.map_or(Lost::Broken, Lost::Closed);
                        match reconnect.lost(now(), &how, chance()) {
                            Next::TryAt(at) => {
                                try_at = Some(at);
                                down(&mut events, why, code);
                            }
                            Next::Stop | Next::Credentials => {
                                over = true;
                                let code = code.unwrap_or(1006);
                                let undelivered = Vec::new();
                                events.push_back(plain(Event::Closed { code, reason: why, side: Side::Backend, undelivered }));
                            }
                        }
                    }
                }
            }
            () = sleep_until(deadline) => {}
        }
    }
}

fn plain(event: Event) -> Ask {
    Ask { event, number: None }
}
