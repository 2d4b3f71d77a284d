//! Whole sessions over bad networks, in virtual time: links are cut at every byte, answers are lost, two links are up
//! at once, handlers are slow, windows run out. Whatever happens, what one side receives is the beginning of what the
//! other sent, once and in order; and what did not arrive is given back. A seed is printed on failure.

// clippy knows only functions with #[test] as tests; all of this is one.
#![allow(clippy::unwrap_used, clippy::panic)]

use keepwire_session::{
    self as session, Class, Event, Frame, Full, Identity, Lost, Next, Opening, PIECE, Range, Reconnect,
    Refused, Session, Settings, Side,
};
use std::collections::{BTreeMap, VecDeque};

/// Networks in the ordinary test; `KEEPWIRE_NETWORKS` plays more of them, `KEEPWIRE_SEED` only one.
const NETWORKS: u64 = 100_000;
/// Milliseconds of trouble, and of quiet afterwards, in which everything has to arrive.
const TROUBLE: u64 = 20_000;
const QUIET: u64 = 400_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn chance(&mut self) -> f64 {
        self.below(1_000_001) as f64 / 1_000_000.0
    }
}

/// One direction of a link. Carrier messages that do not fit into what is left are lost, and the link with them.
#[derive(Default)]
struct Wire {
    left: Option<u64>,
    under_way: VecDeque<(u64, Sent)>,
}

/// What is under way on a link.
enum Sent {
    Bytes(Vec<u8>),
    /// Its sender closed it, with this code.
    End(u16),
}

struct Link {
    up: Wire,
    down: Wire,
    delay: u64,
    /// When each side learns that the link is gone. The other side may learn it much later.
    client_knows: Option<u64>,
    gateway_knows: Option<u64>,
    client_has: bool,
    gateway_has: bool,
    greeted: bool,
}

/// What one side has said and the other has heard, within one session.
#[derive(Default)]
struct Ledger {
    sent: u64,
    received: u64,
}

#[derive(Default, Debug)]
struct Seen {
    cuts: u64,
    resumes: u64,
    takeovers: u64,
    late_resumes: u64,
    resets: u64,
    closes: u64,
    messages: u64,
    pieces: u64,
}

struct World {
    dice: Dice,
    now: u64,
    client: Session,
    gateway: Option<Session>,
    tokens: (String, String),
    made: u64,
    reconnect: Reconnect,
    try_at: Option<u64>,
    stopped: bool,
    links: BTreeMap<u64, Link>,
    up: Ledger,
    down: Ledger,
    /// Messages that wait for their handler: when, and the number.
    client_busy: VecDeque<(u64, u64)>,
    gateway_busy: VecDeque<(u64, u64)>,
    slow: u64,
    settings: Settings,
    to_send: (u64, u64),
    client_over: bool,
    gateway_over: bool,
    quiet: bool,
    seen: Seen,
}

fn payload(number: u64, length: u64) -> Vec<u8> {
    let mut bytes = format!("{number:08}{length:08}").into_bytes();
    bytes.extend_from_slice(pattern(length));
    bytes
}

/// Bytes that differ from those a piece further on, so that a piece in the wrong place shows.
fn pattern(length: u64) -> &'static [u8] {
    static PATTERN: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    &PATTERN.get_or_init(|| (0..120_000_u32).map(|at| (at % 113) as u8).collect())[..length as usize]
}

/// The number of a message, which has to be whole.
fn number_of(bytes: &[u8]) -> u64 {
    let number = |part: &[u8]| std::str::from_utf8(part).unwrap().parse::<u64>().unwrap();
    let (index, length) = (number(&bytes[..8]), number(&bytes[8..16]));
    assert!(&bytes[16..] == pattern(length), "a message is not what was sent");
    index
}

impl World {
    fn new(seed: u64) -> World {
        let mut dice = Dice(seed);
        let mut settings = Settings::default();
        if dice.once_in(3) {
            settings.window = 2000 + dice.below(100_000);
            settings.hold_bytes = settings.window as usize;
        }
        if dice.once_in(6) {
            settings.resume_window = 500 + dice.below(5000);
        }
        if dice.once_in(4) {
            settings.full = (500 + dice.below(5000), 1000 + dice.below(20_000));
        }
        let slow = if dice.once_in(4) { 400 } else { 5 };
        let to_send = (dice.below(40), dice.below(40));
        World {
            client: Session::client(settings.clone()),
            reconnect: Reconnect::session(Range { min: 50, max: 2000 }),
            dice,
            now: 1000,
            gateway: None,
            tokens: (String::new(), String::new()),
            made: 0,
            try_at: Some(1000),
            stopped: false,
            links: BTreeMap::new(),
            up: Ledger::default(),
            down: Ledger::default(),
            client_busy: VecDeque::new(),
            gateway_busy: VecDeque::new(),
            slow,
            settings,
            to_send,
            client_over: false,
            gateway_over: false,
            quiet: false,
            seen: Seen::default(),
        }
    }

    fn play(mut self) -> Seen {
        while self.now < 1000 + TROUBLE + QUIET {
            self.quiet = self.now >= 1000 + TROUBLE;
            self.step();
            if self.client_over && self.gateway.is_none() {
                return self.seen;
            }
            if self.quiet && self.idle() {
                if self.client.has_ended() || self.client_over {
                    return self.seen;
                }
                self.client.close(1000, "done", Side::Client);
            }
            let next = self.next_time();
            self.now = next.max(self.now + 1).min(self.now + 30_000);
        }
        assert!(
            self.stopped || self.client_over,
            "no end: to send {:?}, up {}/{}, down {}/{}, busy {} {}, room {} {:?}",
            self.to_send,
            self.up.received,
            self.up.sent,
            self.down.received,
            self.down.sent,
            self.client_busy.len(),
            self.gateway_busy.len(),
            self.client.has_room(),
            self.gateway.as_ref().map(Session::has_room)
        );
        self.seen
    }

    fn idle(&self) -> bool {
        self.to_send == (0, 0)
            && self.up.sent == self.up.received
            && self.down.sent == self.down.received
            && self.client_busy.is_empty()
            && self.gateway_busy.is_empty()
    }

    fn next_time(&mut self) -> u64 {
        let mut times: Vec<u64> = Vec::new();
        times.extend(self.client.deadline());
        times.extend(self.gateway.as_ref().and_then(Session::deadline));
        times.extend(self.try_at);
        for link in self.links.values() {
            times.extend(link.up.under_way.front().map(|next| next.0));
            times.extend(link.down.under_way.front().map(|next| next.0));
            times.extend(link.client_knows.filter(|_| link.client_has));
            times.extend(link.gateway_knows.filter(|_| link.gateway_has));
        }
        times.extend(self.client_busy.front().map(|next| next.0));
        times.extend(self.gateway_busy.front().map(|next| next.0));
        if self.to_send != (0, 0) || !self.quiet {
            times.push(self.now + 1 + self.dice.below(300));
        }
        times.into_iter().min().unwrap_or(self.now + 1000)
    }

    fn step(&mut self) {
        self.trouble();
        self.applications();
        self.client.timeout(self.now);
        if let Some(gateway) = &mut self.gateway {
            gateway.timeout(self.now);
        }
        if self.try_at.is_some_and(|at| at <= self.now) {
            self.try_at = None;
            self.connect();
        }
        self.carry();
        for _ in 0..4 {
            self.transmit();
            self.events();
        }
        self.links.retain(|_, link| {
            link.client_has
                || link.gateway_has
                || !link.up.under_way.is_empty()
                || !link.down.under_way.is_empty()
        });
    }

    /// Something goes wrong.
    fn trouble(&mut self) {
        if self.quiet {
            return;
        }
        if self.dice.once_in(12) {
            let now = self.now;
            let (soon, late) = (self.dice.below(50), self.dice.below(40_000));
            let client_first = self.dice.once_in(2);
            let keys: Vec<u64> = self.links.keys().copied().collect();
            if let Some(link) = keys.last().and_then(|key| self.links.get_mut(key)) {
                self.seen.cuts += 1;
                let (client, gateway) = if client_first { (soon, late) } else { (late, soon) };
                link.client_knows.get_or_insert(now + client);
                link.gateway_knows.get_or_insert(now + gateway);
                if self.dice.once_in(2) {
                    link.up.left = Some(0);
                    link.down.left = Some(0);
                }
            }
        }
        if self.dice.once_in(40) && !self.stopped && self.client.is_up() {
            // A second link beside the first, as when a better carrier becomes possible.
            self.seen.takeovers += 1;
            self.connect();
        }
        if self.dice.once_in(60) {
            self.client.wake(self.now);
        }
        if self.dice.once_in(400) {
            self.client.close(1000, "client", Side::Client);
        }
        if self.dice.once_in(400)
            && let Some(gateway) = &mut self.gateway
        {
            gateway.close(1001, "backend", Side::Backend);
        }
    }

    fn connect(&mut self) {
        if self.client.has_ended() {
            return;
        }
        let number = self.made + 1;
        self.made = number;
        let budget = |dice: &mut Dice, quiet: bool| {
            (!quiet && dice.once_in(2))
                .then(|| if dice.once_in(3) { dice.below(600) } else { dice.below(200_000) })
        };
        let (up, down) = (budget(&mut self.dice, self.quiet), budget(&mut self.dice, self.quiet));
        let slowest = if self.dice.once_in(8) { 4000 } else { 150 };
        let link = Link {
            up: Wire { left: up, ..Wire::default() },
            down: Wire { left: down, ..Wire::default() },
            delay: self.dice.below(slowest),
            client_knows: None,
            gateway_knows: None,
            client_has: true,
            gateway_has: true,
            greeted: false,
        };
        self.links.insert(number, link);
        self.client.link_up(self.now, number, None);
    }

    /// Applications send, and finish what they handle.
    fn applications(&mut self) {
        while self.client_busy.front().is_some_and(|next| next.0 <= self.now) {
            let (_, number) = self.client_busy.pop_front().unwrap();
            self.client.handled(self.now, number);
        }
        while self.gateway_busy.front().is_some_and(|next| next.0 <= self.now) {
            let (_, number) = self.gateway_busy.pop_front().unwrap();
            if let Some(gateway) = &mut self.gateway {
                gateway.handled(self.now, number);
            }
        }
        for _ in 0..self.dice.below(4) {
            let length = match self.dice.below(12) {
                0 => self.dice.below(120_000),
                1 => 0,
                _ => self.dice.below(300),
            };
            let text = self.dice.once_in(2);
            if self.to_send.0 > 0 && self.dice.once_in(2) && !self.client_over {
                match self.client.send(self.now, text, payload(self.up.sent, length)) {
                    Ok(()) => {
                        self.seen.pieces += u64::from(length > PIECE as u64);
                        self.up.sent += 1;
                        self.to_send.0 -= 1;
                    }
                    Err(Full::Held(_)) => {}
                    Err(_) => self.to_send.0 -= 1,
                }
            } else if self.to_send.1 > 0
                && let Some(gateway) = &mut self.gateway
            {
                match gateway.send(self.now, text, payload(self.down.sent, length)) {
                    Ok(()) => {
                        self.down.sent += 1;
                        self.to_send.1 -= 1;
                    }
                    Err(Full::Held(_)) => {}
                    Err(_) => self.to_send.1 -= 1,
                }
            }
        }
        if self.client_over {
            self.to_send = (0, 0);
        }
    }

    fn transmit(&mut self) {
        for (&number, link) in &mut self.links {
            // Small carrier messages, so that a cut falls between any two frames.
            let limit = if self.dice.once_in(2) { 1 } else { 20_000 };
            for _ in 0..3 {
                if link.client_has {
                    let mut out = Vec::new();
                    self.client.transmit(self.now, number, limit, &mut out);
                    put(
                        self.now,
                        link.delay,
                        &mut link.up,
                        out,
                        &mut link.client_knows,
                        &mut link.gateway_knows,
                    );
                }
                if link.gateway_has
                    && let Some(gateway) = &mut self.gateway
                {
                    let mut out = Vec::new();
                    gateway.transmit(self.now, number, limit, &mut out);
                    put(
                        self.now,
                        link.delay,
                        &mut link.down,
                        out,
                        &mut link.client_knows,
                        &mut link.gateway_knows,
                    );
                }
            }
        }
    }

    fn carry(&mut self) {
        let numbers: Vec<u64> = self.links.keys().copied().collect();
        for number in numbers {
            loop {
                let link = self.links.get_mut(&number).unwrap();
                if link.up.under_way.front().is_none_or(|next| next.0 > self.now) {
                    break;
                }
                let (_, sent) = link.up.under_way.pop_front().unwrap();
                match sent {
                    _ if !link.gateway_has => {}
                    Sent::Bytes(bytes) => self.at_gateway(number, &bytes),
                    Sent::End(_) => {
                        link.gateway_has = false;
                        if let Some(gateway) = &mut self.gateway {
                            gateway.link_down(self.now, number);
                        }
                    }
                }
            }
            loop {
                let link = self.links.get_mut(&number).unwrap();
                if link.down.under_way.front().is_none_or(|next| next.0 > self.now) {
                    break;
                }
                let (_, sent) = link.down.under_way.pop_front().unwrap();
                match sent {
                    _ if !link.client_has => {}
                    Sent::Bytes(bytes) => {
                        self.client.receive(self.now, number, &bytes);
                        self.events();
                    }
                    Sent::End(code) => {
                        link.client_has = false;
                        self.client.link_down(self.now, number);
                        self.lost(&Lost::Closed(code));
                    }
                }
            }
            let link = self.links.get_mut(&number).unwrap();
            if link.client_has && link.client_knows.is_some_and(|at| at <= self.now) {
                link.client_has = false;
                self.client.link_down(self.now, number);
                self.lost(&Lost::Broken);
            }
            let link = self.links.get_mut(&number).unwrap();
            if link.gateway_has && link.gateway_knows.is_some_and(|at| at <= self.now) {
                link.gateway_has = false;
                if let Some(gateway) = &mut self.gateway {
                    gateway.link_down(self.now, number);
                }
            }
        }
    }

    /// What a gateway's shell does: the first frame decides, tokens are checked, sessions are found.
    fn at_gateway(&mut self, number: u64, bytes: &[u8]) {
        let link = self.links.get_mut(&number).unwrap();
        if link.greeted {
            if let Some(gateway) = &mut self.gateway {
                gateway.receive(self.now, number, bytes);
            }
            return;
        }
        link.greeted = true;
        let frames = Frame::decode_all(bytes).unwrap();
        let token = format!("token-{number}");
        let opening = Opening { link: number, expires: None, first_ping: self.dice.below(25_000) };
        let refused = match &frames[..] {
            // Its client has given it up; a real gateway would keep a session that nobody ever asks for.
            [Frame::Hello(_)] if !link.client_has => return,
            [Frame::Hello(hello)] => {
                if self.gateway.is_some() && !self.gateway_over {
                    // The client never learned of the session that it has: its answer was lost.
                    self.gateway_ended();
                }
                self.tokens = (token.clone(), token.clone());
                let identity = Identity { id: format!("id-{number}"), token, epoch: "e".into() };
                self.gateway =
                    Some(Session::gateway(self.now, self.settings.clone(), identity, opening, hello, ""));
                self.gateway_over = false;
                self.gateway_busy.clear();
                self.down = Ledger::default();
                self.up.received = 0;
                return;
            }
            [Frame::Resume(resume)] => match &mut self.gateway {
                Some(gateway) if gateway.identity().is_some_and(|identity| identity.id == resume.id) => {
                    if resume.token != self.tokens.0 && resume.token != self.tokens.1 {
                        Refused::new("superseded")
                    } else {
                        match gateway.resume(self.now, opening, resume, token.clone()) {
                            Ok(()) => {
                                self.seen.resumes += 1;
                                self.tokens = (token, resume.token.clone());
                                return;
                            }
                            Err(refused) => {
                                self.seen.late_resumes += u64::from(refused.reason == "superseded");
                                refused
                            }
                        }
                    }
                }
                _ => Refused::new("unknown"),
            },
            other => panic!("a link begins with {other:?}"),
        };
        let link = self.links.get_mut(&number).unwrap();
        let out = Frame::Refused(refused).to_bytes();
        put(self.now, link.delay, &mut link.down, out, &mut link.client_knows, &mut link.gateway_knows);
    }

    fn gateway_ended(&mut self) {
        self.gateway_over = true;
        self.gateway_busy.clear();
    }

    fn lost(&mut self, how: &Lost) {
        if self.client.has_ended() || self.client.is_up() || self.client.is_trying() || self.try_at.is_some()
        {
            return;
        }
        match self.reconnect.lost(self.now, how, self.dice.chance()) {
            Next::TryAt(at) => self.try_at = Some(at),
            Next::Stop => self.stopped = true,
            Next::Credentials => self.try_at = Some(self.now),
        }
    }

    fn events(&mut self) {
        while let Some(event) = self.client.poll() {
            match event {
                Event::Message(message) => {
                    assert_eq!(number_of(&message.payload), self.down.received, "down: not the next message");
                    self.down.received += 1;
                    self.seen.messages += 1;
                    let at = self.client_busy.back().map_or(self.now, |last| last.0).max(self.now)
                        + self.dice.below(self.slow);
                    self.client_busy.push_back((at, message.number));
                }
                Event::Up { resumed, .. } => {
                    self.reconnect.up(self.now, resumed);
                    self.try_at = None;
                }
                Event::DropLink { link, code } => {
                    if let Some(link) = self.links.get_mut(&link) {
                        link.client_has = false;
                        link.up.under_way.push_back((self.now + link.delay, Sent::End(code)));
                    }
                    self.lost(&Lost::Broken);
                }
                Event::Refused(refused) => {
                    assert_ne!(refused.class, Class::Never);
                    self.lost(&Lost::Refused(refused));
                }
                Event::Reset { undelivered, reason } => {
                    lawful(&reason);
                    self.seen.resets += 1;
                    self.check_given_back(&undelivered);
                    // A new session begins; both count anew.
                    self.up = Ledger::default();
                    self.client_busy.clear();
                    self.gateway_ended();
                    self.gateway = None;
                    if self.dice.once_in(2) {
                        self.client_over = true;
                        self.client.abort("shutdown");
                        return;
                    }
                    self.lost(&Lost::Broken);
                }
                Event::Closed { side, undelivered, .. } => {
                    self.seen.closes += 1;
                    self.check_given_back(&undelivered);
                    if side == Side::Backend {
                        let known = self.gateway.is_some();
                        assert!(
                            !known || self.down.received == self.down.sent,
                            "CLOSE overtook a message down"
                        );
                    }
                    self.client_over = true;
                }
                _ => {}
            }
        }
        while let Some(event) = self.gateway.as_mut().and_then(Session::poll) {
            match event {
                Event::Message(message) if !self.gateway_over => {
                    assert_eq!(number_of(&message.payload), self.up.received, "up: not the next message");
                    self.up.received += 1;
                    self.seen.messages += 1;
                    let at = self.gateway_busy.back().map_or(self.now, |last| last.0).max(self.now)
                        + self.dice.below(self.slow);
                    self.gateway_busy.push_back((at, message.number));
                }
                Event::DropLink { link, code } => {
                    if let Some(link) = self.links.get_mut(&link) {
                        link.gateway_has = false;
                        link.down.under_way.push_back((self.now + link.delay, Sent::End(code)));
                    }
                }
                Event::Closed { side: Side::Client, .. } => {
                    assert!(
                        self.client_over || self.up.received == self.up.sent,
                        "CLOSE overtook a message up"
                    );
                }
                Event::Reset { reason, .. } => lawful(&reason),
                Event::Closed { .. } => {}
                _ => {}
            }
        }
    }
}

/// What was sent and not received has to be among what is given back, and nothing that is certain twice.
impl World {
    fn check_given_back(&self, undelivered: &[session::Undelivered]) {
        let first = self.up.sent - undelivered.len() as u64;
        assert!(
            first <= self.up.received,
            "a message up is neither delivered nor given back: {first} given back, {} received, {} sent",
            self.up.received,
            self.up.sent
        );
        for (index, message) in undelivered.iter().enumerate() {
            let number = number_of(&message.payload);
            assert_eq!(number, first + index as u64, "given back out of order");
            assert!(message.uncertain || number >= self.up.received, "given back as missing, but delivered");
        }
    }
}

/// Both ends keep the rules here, so no session may end because one did not.
fn lawful(reason: &str) {
    assert!(["expired", "overflow", "unknown", "epoch", "shutdown"].contains(&reason), "RESET {reason}");
}

/// Puts a carrier message on the way, or ends the link where it does not fit.
fn put(
    now: u64,
    delay: u64,
    wire: &mut Wire,
    bytes: Vec<u8>,
    client: &mut Option<u64>,
    gateway: &mut Option<u64>,
) {
    if bytes.is_empty() {
        return;
    }
    if let Some(left) = &mut wire.left {
        if *left < bytes.len() as u64 {
            *left = 0;
            client.get_or_insert(now + delay);
            gateway.get_or_insert(now + delay);
            return;
        }
        *left -= bytes.len() as u64;
    }
    wire.under_way.push_back((now + delay, Sent::Bytes(bytes)));
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_the_network_does_nothing_is_lost_doubled_or_reordered() {
    if let Some(seed) = asked("KEEPWIRE_SEED") {
        println!("{:?}", World::new(seed).play());
        return;
    }
    let networks = asked("KEEPWIRE_NETWORKS").unwrap_or(NETWORKS);
    let halves = [0, 1].map(|half| {
        std::thread::spawn(move || {
            let mut sum = Seen::default();
            for seed in (half..networks).step_by(2) {
                let one = std::panic::catch_unwind(|| World::new(seed).play());
                let Ok(one) = one else { panic!("KEEPWIRE_SEED={seed} shows it") };
                sum.add(&one);
            }
            sum
        })
    });
    let mut sum = Seen::default();
    for half in halves {
        sum.add(&half.join().expect("a network"));
    }
    println!("{networks} networks: {sum:?}");
    // What is not exercised is not tested.
    let enough = networks / 10;
    assert!(sum.resumes > networks, "{sum:?}");
    assert!(sum.cuts > networks && sum.takeovers > enough && sum.messages > networks, "{sum:?}");
    assert!(sum.resets > enough / 10 && sum.closes > enough && sum.pieces > enough, "{sum:?}");
    assert!(sum.late_resumes > 0, "{sum:?}");
}

impl Seen {
    fn add(&mut self, other: &Seen) {
        self.cuts += other.cuts;
        self.resumes += other.resumes;
        self.takeovers += other.takeovers;
        self.late_resumes += other.late_resumes;
        self.resets += other.resets;
        self.closes += other.closes;
        self.messages += other.messages;
        self.pieces += other.pieces;
    }
}
