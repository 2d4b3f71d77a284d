//! One task a connection: the only place where carriers, clocks and chance meet the engine. Which carrier is tried when
//! stands here, too (`protocol/PROTOCOL.md` section 14).

use crate::connection::{Event, Message};
use crate::options::{Mode, Options, Transport};
use crate::target::{Target, chance};
use crate::transports::{Diagnosis, Order, Purpose, Report, Reports, diagnose, start};
use session::{Class, Full, LinkKey, Lost, Next, Reconnect, Session, Side};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Bytes of one carrier message, roughly: small, because one that a cut hits is lost as a whole.
const CARRIER: usize = 4 * 1024;
/// For the proof that a carrier carries both ways.
const PROOF: u64 = 3000;
/// For the last words after the application let go.
const GOODBYE: Duration = Duration::from_secs(5);
/// The wall clock ran so much ahead: the machine slept.
const SLEPT: Duration = Duration::from_secs(15);
/// At least so often the clocks are compared.
const GLANCE: u64 = 10_000;

/// What the application says.
pub(crate) enum Tell {
    Message(Message, OwnedSemaphorePermit),
    Handled(u64),
    Close(u16, String),
    Wake,
    Unacknowledged(oneshot::Sender<usize>),
}

/// What the application gets; messages have a number that it says back.
pub(crate) struct Ask {
    pub event: Event,
    pub number: Option<u64>,
}

/// Nothing is up. As long as nobody has heard it, the latest reason is enough.
pub(crate) fn down(events: &mut VecDeque<Ask>, why: String, code: Option<u16>) {
    if events.back().is_some_and(|last| matches!(last.event, Event::Down { .. })) {
        events.pop_back();
    }
    events.push_back(Ask { event: Event::Down { why, code }, number: None });
}

/// What the driver asked of others.
enum Inner {
    Diagnosis(Diagnosis),
    /// For a carrier, to the gateway's other address if it named one.
    Credentials(Transport, Option<Box<Target>>, Option<String>),
    /// For the session that goes on.
    Renewed(Option<String>),
}

struct Carrier {
    link: u64,
    transport: Transport,
    orders: mpsc::Sender<Order>,
    open: bool,
    /// The engine knows it.
    given: bool,
    credentials: Option<String>,
}

struct Driver {
    target: Target,
    options: Options,
    began: Instant,
    wall: SystemTime,
    session: Session,
    reconnect: Reconnect,
    carriers: Vec<Carrier>,
    links: u64,
    reports: mpsc::Sender<(u64, Report)>,
    inner: mpsc::UnboundedSender<Inner>,
    waiting: VecDeque<(Message, OwnedSemaphorePermit)>,
    events: VecDeque<Ask>,
    /// Carries the session, as far as the application knows.
    up: Option<u64>,
    /// Index of the transport that is tried first.
    choice: usize,
    asked: bool,
    try_at: Option<u64>,
    /// The next carrier is tried beside the one that is slow.
    fallback_at: Option<u64>,
    probe_at: Option<u64>,
    probes: usize,
    /// When the gateway wants the client elsewhere, and where.
    move_at: Option<u64>,
    move_to: Option<Box<Target>>,
    over: bool,
    becomes_plain: bool,
}

pub(crate) async fn run(
    target: Target,
    options: Options,
    told: mpsc::UnboundedReceiver<Tell>,
    asks: mpsc::Sender<Ask>,
) {
    if options.mode == Mode::Plain {
        return crate::plain::run(target, options, told, asks, VecDeque::new()).await;
    }
    let (reports, reported) = mpsc::channel(64);
    let (inner, answers) = mpsc::unbounded_channel();
    let driver = Driver {
        session: Session::client(session::Settings {
            reconnect: options.reconnect,
            ..options.session.clone()
        }),
        reconnect: Reconnect::session(options.reconnect),
        began: Instant::now(),
        wall: SystemTime::now(),
        target,
        options,
        carriers: Vec::new(),
        links: 0,
        reports,
        inner,
        waiting: VecDeque::new(),
        events: VecDeque::new(),
        up: None,
        choice: 0,
        asked: false,
        try_at: Some(0),
        fallback_at: None,
        probe_at: None,
        probes: 0,
        move_at: None,
        move_to: None,
        over: false,
        becomes_plain: false,
    };
    driver.main(told, asks, reported, answers).await;
}

impl Driver {
    async fn main(
        mut self,
        mut told: mpsc::UnboundedReceiver<Tell>,
        asks: mpsc::Sender<Ask>,
        mut reported: mpsc::Receiver<(u64, Report)>,
        mut answers: mpsc::UnboundedReceiver<Inner>,
    ) {
        let mut leave_at = None;
        loop {
            let now = self.now();
            self.session.timeout(now);
            self.due(now);
            let blocked = self.perform(now);
            if self.becomes_plain {
                return crate::plain::run(self.target, self.options, told, asks, self.waiting).await;
            }
            if self.over && (self.events.is_empty() || asks.is_closed()) {
                return;
            }
            let deadline = self.deadline(now);
            tokio::select! {
                tell = told.recv(), if leave_at.is_none() => match tell {
                    Some(tell) => self.tell(tell),
                    None => {
                        // Nobody holds the connection any more.
                        self.session.close(1000, "", Side::Client);
                        leave_at = Some(Instant::now() + GOODBYE);
                    }
                },
                Some((link, report)) = reported.recv() => self.report(link, report),
                Some(answer) = answers.recv() => self.answer(answer),
                permit = asks.reserve(), if !self.events.is_empty() && !asks.is_closed() => match permit {
                    Ok(permit) => if let Some(ask) = self.events.pop_front() { permit.send(ask) },
                    Err(_) => self.events.clear(),
                },
                _ = async { blocked.as_ref().map(|orders| orders.reserve())?.await.ok() }, if blocked.is_some() => {}
                () = sleep_until(deadline) => {}
                () = async { sleep_until(leave_at.unwrap_or_else(Instant::now)).await }, if leave_at.is_some() => return,
            }
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn deadline(&self, now: u64) -> Instant {
        let times = [self.session.deadline(), self.try_at, self.fallback_at, self.probe_at, self.move_at];
        let at = times.into_iter().flatten().min().unwrap_or(u64::MAX).min(now + GLANCE);
        self.began + Duration::from_millis(at)
    }

    /// What time has brought.
    fn due(&mut self, now: u64) {
        let wall = self.wall.elapsed().unwrap_or_default();
        if wall > self.began.elapsed() + SLEPT {
            self.wall = SystemTime::now().checked_sub(self.began.elapsed()).unwrap_or(self.wall);
            self.wake(now);
        }
        let passed = |at: &mut Option<u64>| at.take_if(|at| *at <= now).is_some();
        if passed(&mut self.try_at) && !self.session.is_up() {
            self.open(self.transport());
        }
        if passed(&mut self.fallback_at) && !self.over {
            self.ask_what_is_wrong();
        }
        if passed(&mut self.probe_at) {
            self.schedule_probe(now);
            if let (true, Some(best)) = (self.choice > 0, self.options.transports.first().copied()) {
                self.open(best);
            }
        }
        if passed(&mut self.move_at) {
            let to = self.move_to.take();
            self.open_at(self.transport(), to);
        }
    }

    fn transport(&self) -> Transport {
        self.options.transports.get(self.choice).copied().unwrap_or(Transport::WebSocket)
    }

    fn wake(&mut self, now: u64) {
        self.session.wake(now);
        if let Some(Next::TryAt(at)) = self.reconnect.wake(now) {
            self.try_at = self.try_at.map(|_| at);
        }
    }

    /// Opens a carrier; with credentials, once they are there.
    fn open(&mut self, transport: Transport) {
        self.open_at(transport, None);
    }

    fn open_at(&mut self, transport: Transport, to: Option<Box<Target>>) {
        if self.over
            || self
                .carriers
                .iter()
                .any(|carrier| carrier.transport == transport && Some(carrier.link) != self.up)
        {
            return;
        }
        match self.options.credentials.clone() {
            None => self.start(transport, to, None),
            Some(credentials) => {
                let inner = self.inner.clone();
                tokio::spawn(async move {
                    let _ = inner.send(Inner::Credentials(transport, to, (credentials.0)().await));
                });
            }
        }
    }

    fn start(&mut self, transport: Transport, to: Option<Box<Target>>, credentials: Option<String>) {
        self.links += 1;
        let link = self.links;
        let purpose = if self.session.identity().is_some() { Purpose::Resume } else { Purpose::Begin };
        let reports = Reports { link, sender: self.reports.clone() };
        let orders = start(transport, to.as_deref().unwrap_or(&self.target), purpose, reports);
        self.carriers.push(Carrier { link, transport, orders, open: false, given: false, credentials });
        if !self.session.is_up() && self.choice + 1 < self.options.transports.len() {
            self.fallback_at = Some(self.now() + self.options.fallback_after.as_millis() as u64);
        }
    }

    fn tell(&mut self, tell: Tell) {
        match tell {
            Tell::Message(message, permit) => self.waiting.push_back((message, permit)),
            Tell::Handled(number) => self.session.handled(self.now(), number),
            Tell::Close(code, reason) => {
                self.send_waiting();
                self.session.close(code, &reason, Side::Client);
            }
            Tell::Wake => self.wake(self.now()),
            Tell::Unacknowledged(answer) => {
                let waiting = self.waiting.iter().map(|(message, _)| match message {
                    Message::Text(text) => text.len(),
                    Message::Binary(bytes) => bytes.len(),
                });
                let _ = answer.send(self.session.unacknowledged() + waiting.sum::<usize>());
            }
        }
    }

    fn answer(&mut self, answer: Inner) {
        let now = self.now();
        match answer {
            Inner::Credentials(transport, to, Some(credentials)) => {
                self.start(transport, to, Some(credentials));
            }
            Inner::Credentials(_, _, None) => self.fail("nobody is logged in"),
            Inner::Renewed(Some(credentials)) => self.session.authenticate(credentials),
            // The gateway refuses in its own time, and then they are asked for again.
            Inner::Renewed(None) => {}
            Inner::Diagnosis(diagnosis) => {
                self.asked = false;
                if self.session.is_up() && !self.unproven() || self.over {
                    return;
                }
                match diagnosis {
                    Diagnosis::Gateway => {
                        let next = self.choice + 1;
                        if let Some(transport) = self.options.transports.get(next).copied() {
                            self.choice = next;
                            self.try_at = None;
                            self.open(transport);
                        } else {
                            self.choice = 0;
                            self.try_again(now, &Lost::Broken);
                        }
                    }
                    Diagnosis::NoGateway
                        if self.options.mode == Mode::Auto && self.session.identity().is_none() =>
                    {
                        self.becomes_plain = true;
                    }
                    // The network is down, or the server is: no carrier would help.
                    Diagnosis::NoGateway | Diagnosis::Nothing => self.try_again(now, &Lost::Broken),
                }
            }
        }
    }

    fn unproven(&self) -> bool {
        self.fallback_at.is_some()
    }

    fn ask_what_is_wrong(&mut self) {
        if std::mem::replace(&mut self.asked, true) {
            return;
        }
        let (inner, target) = (self.inner.clone(), self.target.clone());
        tokio::spawn(async move {
            let _ = inner.send(Inner::Diagnosis(diagnose(target).await));
        });
    }

    fn report(&mut self, link: u64, report: Report) {
        let now = self.now();
        let Some(carrier) = self.carriers.iter_mut().find(|carrier| carrier.link == link) else { return };
        match report {
            Report::Open => {
                carrier.open = true;
                self.give_next(now);
            }
            Report::Bytes(bytes) => self.session.receive(now, link, &bytes),
            Report::Text(_) | Report::Protocol(_) => {}
            Report::Gone { code, status, why } => {
                let given = carrier.given;
                self.carriers.retain(|carrier| carrier.link != link);
                if given {
                    self.session.link_down(now, link);
                }
                let how = match (code, status) {
                    (Some(code), _) => Lost::Closed(code),
                    (None, Some(401)) => Lost::Refused(session::Refused::new("unauthorized")),
                    (None, Some(403)) => Lost::Refused(session::Refused::new("forbidden")),
                    (None, _) => Lost::Broken,
                };
                let was_up = self.up.take_if(|up| *up == link).is_some();
                if was_up {
                    // What has not opened beside it is not waited for: it may hang, as a WebSocket does behind some
                    // proxies.
                    self.carriers.retain(|carrier| carrier.open);
                }
                if was_up || self.carriers.is_empty() && !self.session.is_up() {
                    down(&mut self.events, why, code);
                }
                self.give_next(now);
                self.lost(now, &how, was_up);
            }
        }
    }

    /// The engine takes one link at a time; the best of those that wait comes next.
    fn give_next(&mut self, now: u64) {
        if self.session.is_trying() {
            return;
        }
        let rank =
            |transport: Transport| self.options.transports.iter().position(|other| *other == transport);
        let next = self
            .carriers
            .iter_mut()
            .filter(|carrier| carrier.open && !carrier.given)
            .min_by_key(|carrier| rank(carrier.transport));
        if let Some(carrier) = next {
            carrier.given = true;
            self.session.link_up(now, carrier.link, carrier.credentials.clone());
        }
    }

    /// A link is gone. If nothing else is up or on its way, another try is needed.
    fn lost(&mut self, now: u64, how: &Lost, was_up: bool) {
        if self.over
            || self.session.has_ended()
            || self.session.is_up()
            || !self.carriers.is_empty()
            || self.asked
        {
            return;
        }
        if was_up
            || matches!(how, Lost::Refused(_))
            || self.reconnect.tries() == 0 && self.session.identity().is_some()
        {
            self.try_again(now, how);
        } else {
            // It never came about: the carrier, the server or the network?
            self.fallback_at = None;
            self.ask_what_is_wrong();
        }
    }

    fn try_again(&mut self, now: u64, how: &Lost) {
        if self.over || self.session.has_ended() {
            return;
        }
        match self.reconnect.lost(now, how, chance()) {
            Next::TryAt(at) => self.try_at = Some(at),
            Next::Credentials if self.options.credentials.is_some() => {
                // They are asked for before each try; not in a circle without a pause.
                if let Next::TryAt(at) = self.reconnect.lost(now, &Lost::Broken, chance()) {
                    self.try_at = Some(at);
                }
            }
            Next::Credentials => self.fail("the gateway wants credentials"),
            Next::Stop => self.fail("the gateway does not want this client"),
        }
    }

    fn fail(&mut self, why: &str) {
        self.over = true;
        self.say(Event::Failed(why.to_owned()));
    }

    fn say(&mut self, event: Event) {
        self.events.push_back(Ask { event, number: None });
    }

    fn send_waiting(&mut self) {
        while self.session.has_room()
            && let Some((message, permit)) = self.waiting.pop_front()
        {
            let (text, payload) = match message {
                Message::Text(text) => (true, text.into_bytes()),
                Message::Binary(bytes) => (false, bytes),
            };
            match self.session.send(self.now(), text, payload) {
                Ok(()) => {}
                Err(Full::Held(payload)) => {
                    self.waiting.push_front((message_of(text, payload), permit));
                    return;
                }
                Err(Full::TooLarge(payload)) => self.say(Event::Reset {
                    reason: "a message is larger than the gateway takes; it was not sent".to_owned(),
                    undelivered: vec![session::Undelivered { text, payload, uncertain: false }],
                }),
                Err(Full::Ended(_)) => {}
            }
        }
    }

    /// Does what the engine says; gives the carrier that takes nothing more.
    fn perform(&mut self, now: u64) -> Option<mpsc::Sender<Order>> {
        loop {
            // Events first: a carrier has to know its key before it is given frames to post.
            while let Some(event) = self.session.poll() {
                self.event(now, event);
            }
            self.send_waiting();
            let mut blocked = None;
            for carrier in self.carriers.iter().filter(|carrier| carrier.given) {
                loop {
                    let Ok(permit) = carrier.orders.try_reserve() else {
                        blocked = Some(carrier.orders.clone()).filter(|orders| !orders.is_closed());
                        break;
                    };
                    let mut bytes = Vec::new();
                    self.session.transmit(now, carrier.link, CARRIER, &mut bytes);
                    if bytes.is_empty() {
                        break;
                    }
                    permit.send(Order::Bytes(bytes));
                }
            }
            let mut nothing = true;
            while let Some(event) = self.session.poll() {
                nothing = false;
                self.event(now, event);
            }
            if nothing {
                return blocked.filter(|_| self.session.wants_to_transmit(now));
            }
        }
    }

    fn event(&mut self, now: u64, event: session::Event) {
        match event {
            session::Event::Message(message) => self.events.push_back(Ask {
                event: Event::Message(message_of(message.text, message.payload)),
                number: Some(message.number),
            }),
            session::Event::Up { link, resumed } => self.up(now, link, resumed),
            session::Event::Proven { link, .. } => {
                self.fallback_at = None;
                // This one carries both ways: slower ones need not go on.
                let keep = self.rank_of(link);
                let transports = self.options.transports.clone();
                self.carriers.retain(|carrier| {
                    carrier.given || transports.iter().position(|other| *other == carrier.transport) < keep
                });
                if self.choice > 0 && self.probe_at.is_none() {
                    self.schedule_probe(now);
                }
                self.give_next(now);
            }
            session::Event::DropLink { link, code } => {
                if let Some(at) = self.carriers.iter().position(|carrier| carrier.link == link) {
                    let carrier = self.carriers.remove(at);
                    let _ = carrier.orders.try_send(Order::Close(code));
                }
                let was_up = self.up.take_if(|up| *up == link).is_some();
                if was_up && !self.session.is_up() && !self.session.has_ended() {
                    self.say(Event::Down { why: "the link is silent".to_owned(), code: Some(code) });
                }
                self.give_next(now);
                // A refusal says itself what comes next.
                if code != 4003 {
                    self.lost(now, &Lost::Broken, was_up);
                }
            }
            session::Event::Refused(refused) => {
                if !self.session.is_up() && self.carriers.is_empty() {
                    self.try_again(now, &Lost::Refused(refused.clone()));
                }
                if refused.class != Class::New {
                    self.say(Event::Refused(refused));
                }
            }
            session::Event::GoAway(go_away) => {
                let width = go_away.max.saturating_sub(go_away.min) as f64;
                self.move_at =
                    Some(now.saturating_add(go_away.min).saturating_add((width * chance()) as u64));
                self.move_to = go_away.url.and_then(|url| self.target.elsewhere(&url)).map(Box::new);
            }
            session::Event::Reset { reason, undelivered } => {
                self.say(Event::Reset { reason, undelivered });
                self.lost(now, &Lost::Broken, true);
            }
            session::Event::Closed { code, reason, side, undelivered } => {
                self.over = true;
                self.say(Event::Closed { code, reason, side, undelivered });
            }
            session::Event::CredentialsWanted => {
                if let Some(credentials) = self.options.credentials.clone() {
                    let inner = self.inner.clone();
                    tokio::spawn(async move {
                        let _ = inner.send(Inner::Renewed((credentials.0)().await));
                    });
                }
            }
            session::Event::Credentials(_) | session::Event::Authenticated(_) => {}
        }
    }

    fn rank_of(&self, link: u64) -> Option<usize> {
        let transport = self.carriers.iter().find(|carrier| carrier.link == link)?.transport;
        self.options.transports.iter().position(|other| *other == transport)
    }

    fn up(&mut self, now: u64, link: u64, resumed: bool) {
        self.up = Some(link);
        self.try_at = None;
        self.reconnect.set_range(self.session.reconnect());
        self.reconnect.up(now, resumed);
        let rank = self.rank_of(link).unwrap_or(0);
        if rank == 0 {
            self.probe_at = None;
            self.probes = 0;
        }
        self.choice = rank;
        // Open is not proof: something on the way may let only the beginning through.
        self.fallback_at = (rank + 1 < self.options.transports.len()).then_some(now + PROOF);
        let Some(carrier) = self.carriers.iter().find(|carrier| carrier.link == link) else { return };
        if let Some(identity) = self.session.identity() {
            let key = LinkKey {
                id: identity.id.clone(),
                token: identity.token.clone(),
                generation: self.session.generation(),
                poll: None,
            };
            let _ = carrier.orders.try_send(Order::Key(key));
        }
        let transport = carrier.transport;
        self.say(Event::Up { transport, resumed, protocol: self.session.protocol().to_owned() });
    }

    fn schedule_probe(&mut self, now: u64) {
        let list = &self.options.probe_again;
        let Some(wait) = list.get(self.probes.min(list.len().saturating_sub(1))) else { return };
        self.probes += 1;
        self.probe_at = Some(now + (wait.as_millis() as f64 * (0.5 + chance())) as u64);
    }
}

fn message_of(text: bool, payload: Vec<u8>) -> Message {
    if !text {
        return Message::Binary(payload);
    }
    // The engine has checked it.
    Message::Text(String::from_utf8(payload).unwrap_or_default())
}
