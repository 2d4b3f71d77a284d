//! Evidence for tests, in a few words.
//!
//! `Sample::ws().answer(426, "Upgrade Required").experiment(Variation::without_upgrade(), 426, "Upgrade Required")`
//! reads like the case that it stands for.
#![allow(clippy::panic, clippy::expect_used, reason = "only tests see this module")]

use evidence::{
    Answer, Body, Case, Certificate, Closing, Connection, Echo, Ending, Environment, Evidence, Exchange,
    Fact, Header, Hold, HoldKind, How, KeyKind, Micros, Ping, Place, Preview, Question, Reached, RecordKind,
    Resolution, Resolved, Resolver, Response, Session, Setting, Source, Target, Tls, TlsOutcome,
    TlsVariation, Trust, TrustFault, Variation,
};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// 2026-11-20 00:00:00 UTC, the day on which every sample takes place.
pub const NOW: i64 = 1_795_132_800;

/// The address that every sample's name has.
pub const ADDRESS: &str = "203.0.113.10";

/// A case for a test.
#[derive(Debug, Clone)]
pub struct Sample {
    evidence: Evidence,
    clock: Micros,
    because: Option<String>,
}

impl Sample {
    /// About this address; nothing is known yet.
    #[must_use]
    pub fn bare(url: &str) -> Self {
        let mut case = Case::new(Target::parse(url).expect("the sample's address parses"));
        case.started_at_unix_us = NOW as u64 * 1_000_000;
        Self { evidence: Evidence::new(case), clock: 0, because: None }
    }

    /// About this address; the name resolves and the port answers.
    #[must_use]
    pub fn at(url: &str) -> Self {
        let sample = Self::bare(url).environment(|_| {});
        let port = sample.evidence.case.target.port;
        sample.resolves(&[ADDRESS]).connection(ADDRESS, port, Reached::Connected)
    }

    /// `ws://app.example/ws`, reached.
    #[must_use]
    pub fn ws() -> Self {
        Self::at("ws://app.example/ws")
    }

    /// `wss://app.example/ws`, reached, with a good certificate.
    #[must_use]
    pub fn wss() -> Self {
        Self::at("wss://app.example/ws").tls(|_| {})
    }

    /// Changes what was asked for.
    #[must_use]
    pub fn case(mut self, change: impl FnOnce(&mut Case)) -> Self {
        change(&mut self.evidence.case);
        self
    }

    /// About a route of an nginx whose configuration is at hand; nothing live is known.
    #[must_use]
    pub fn told() -> Self {
        let route = evidence::RouteSeen {
            product: "nginx".to_owned(),
            version: "1.22.1".to_owned(),
            version_by: evidence::VersionBy::Asked,
            name: "location /ws".to_owned(),
            upstream: Some("http://127.0.0.1:3000".to_owned()),
            believed: Some(evidence::Belief::Path("ws".to_owned())),
        };
        Self::bare("ws://app.example/ws").setting(Setting::Route(route))
    }

    /// What the next setting is because of.
    #[must_use]
    pub fn because(mut self, id: &str) -> Self {
        self.because = Some(id.to_owned());
        self
    }

    /// A setting of the route.
    #[must_use]
    pub fn setting(mut self, what: Setting) -> Self {
        let spot = evidence::Spot {
            file: "nginx.conf".to_owned(),
            line: 42,
            column: 9,
            end_column: 20,
            text: "        proxy_pass http://127.0.0.1:3000;".to_owned(),
        };
        let because = self.because.take();
        let told = evidence::Told { what, by: evidence::Given::Here, because, spot };
        self.clock += 1;
        let source = Source::Config { file: "nginx.conf".to_owned(), line: 42 };
        self.evidence.add(self.clock, source, Place::Server, Fact::Told(Box::new(told)));
        self
    }

    /// Adds any fact.
    #[must_use]
    pub fn fact(mut self, place: Place, fact: Fact) -> Self {
        self.clock += 1_000;
        self.evidence.add(self.clock, Source::Probe, place, fact);
        self
    }

    /// Marks a question as answered.
    #[must_use]
    pub fn answered(self, question: Question) -> Self {
        self.fact(Place::Client, Fact::Answered(question))
    }

    /// This machine: with routes and without proxies, unless changed.
    #[must_use]
    pub fn environment(self, change: impl FnOnce(&mut Environment)) -> Self {
        let mut environment = Environment {
            unix_seconds: NOW,
            route_v4: true,
            route_v6: true,
            os: "linux".to_owned(),
            ..Environment::default()
        };
        change(&mut environment);
        self.fact(Place::Client, Fact::Environment(environment)).answered(Question::Environment)
    }

    /// The system's resolver gives these addresses.
    #[must_use]
    pub fn resolves(self, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        self.resolution(Resolver::System, RecordKind::Addresses, Resolved::Addresses(addresses))
            .answered(Question::Resolve)
    }

    /// A resolver's answer.
    #[must_use]
    pub fn resolution(self, by: Resolver, record: RecordKind, outcome: Resolved) -> Self {
        let name = self.evidence.case.target.host.clone();
        let resolution = Resolution { name, by, record, outcome, took_us: 9_000 };
        self.fact(Place::Resolver, Fact::Resolution(resolution))
    }

    /// A TCP attempt.
    #[must_use]
    pub fn connection(self, address: &str, port: u16, outcome: Reached) -> Self {
        let took_us = match outcome {
            Reached::Silence => 3_000_000,
            _ => 21_000,
        };
        let to = (address.parse::<std::net::IpAddr>().expect("an address"), port).into();
        self.fact(Place::Network, Fact::Connection(Connection { to, outcome, took_us }))
    }

    /// The plain TLS handshake: good, unless changed.
    #[must_use]
    pub fn tls(self, change: impl FnOnce(&mut Tls)) -> Self {
        self.tls_with(TlsVariation::Plain, change)
    }

    /// Another TLS handshake: good, unless changed.
    #[must_use]
    pub fn tls_with(self, variation: TlsVariation, change: impl FnOnce(&mut Tls)) -> Self {
        let host = self.evidence.case.target.host.clone();
        let mut tls = Tls {
            to: Some((ADDRESS.parse::<std::net::IpAddr>().expect("an address"), 443).into()),
            variation: variation.clone(),
            outcome: TlsOutcome::Completed,
            version: Some("1.3".to_owned()),
            cipher: Some("TLS_AES_128_GCM_SHA256".to_owned()),
            alpn: Some("http/1.1".to_owned()),
            chain: vec![leaf(&host), issuer()],
            chain_length: 2,
            trust: vec![trust("bundled", None), trust("system", None)],
            name: host,
            client_authorities: None,
            stapled: false,
            took_us: 23_000,
        };
        change(&mut tls);
        self.fact(Place::Server, Fact::Tls(Box::new(tls))).answered(Question::Tls(variation))
    }

    /// The plain TLS handshake ends well, but no roots trust the certificate, for this reason.
    #[must_use]
    pub fn untrusted(self, fault: TrustFault, change: impl FnOnce(&mut Tls)) -> Self {
        self.tls(|tls| {
            tls.trust = vec![trust("bundled", Some(fault.clone())), trust("system", Some(fault))];
            change(tls);
        })
    }

    /// The answer to the plain handshake.
    #[must_use]
    pub fn answer(self, status: u16, body: &str) -> Self {
        self.experiment(Variation::plain(), status, body)
    }

    /// The answer to the plain handshake, with headers (`"server: nginx"`).
    #[must_use]
    pub fn answer_with(self, status: u16, headers: &[&str], body: &str) -> Self {
        self.experiment_with(Variation::plain(), status, headers, body)
    }

    /// The answer to an experiment.
    #[must_use]
    pub fn experiment(self, variation: Variation, status: u16, body: &str) -> Self {
        self.experiment_with(variation, status, &[], body)
    }

    /// The answer to an experiment, with headers.
    #[must_use]
    pub fn experiment_with(self, variation: Variation, status: u16, headers: &[&str], body: &str) -> Self {
        let response = response(status, headers, body);
        self.exchange(variation, Answer::Response(Box::new(response)))
    }

    /// What any request came to.
    #[must_use]
    pub fn exchange(self, variation: Variation, answer: Answer) -> Self {
        let target = &self.evidence.case.target;
        let exchange = Exchange {
            to: Some((ADDRESS.parse::<std::net::IpAddr>().expect("an address"), target.port).into()),
            tls: target.secure,
            request: vec![format!("GET {} HTTP/1.1", target.path), format!("Host: {}", target.authority())],
            answer,
            took_us: 31_000,
            variation: variation.clone(),
        };
        self.fact(Place::Server, Fact::Exchange(Box::new(exchange))).answered(Question::Upgrade(variation))
    }

    /// A 101 without fault, and a healthy session after it.
    #[must_use]
    pub fn opens(self) -> Self {
        self.opens_with(Variation::plain(), |_| {})
    }

    /// A 101 without fault in answer to an experiment, and the session after it: healthy, unless changed.
    #[must_use]
    pub fn opens_with(self, variation: Variation, change: impl FnOnce(&mut Session)) -> Self {
        let mut session = Session {
            variation: variation.clone(),
            deflate: false,
            pings: (0..5).map(|n| Ping { sent_us: n * 2_000, round_trip_us: Some(18_000) }).collect(),
            echo: Some(Echo { sent_us: 20_000, same: true, round_trip_us: Some(18_000) }),
            binary_sent_us: None,
            frames: Vec::new(),
            frame_count: 6,
            messages: Vec::new(),
            faults: Vec::new(),
            first_bytes: String::new(),
            bytes: 50,
            ending: None,
            closing: Some(Closing { answered: Some(1000), ended: true, took_us: 17_000 }),
            open_us: 60_000,
        };
        change(&mut session);
        let headers = [
            "upgrade: websocket",
            "connection: Upgrade",
            "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ];
        self.experiment_with(variation, 101, &headers, "")
            .fact(Place::Server, Fact::Session(Box::new(session)))
    }

    /// A 101 without fault, and a close frame of the server before anybody said anything.
    #[must_use]
    pub fn closes_early(self, code: u16, reason: &str, after_us: Micros) -> Self {
        let how = How::Close { code: Some(code), reason: reason.to_owned() };
        self.ends_early(how, after_us)
    }

    /// A 101 without fault, and the end of the connection before anybody said anything.
    #[must_use]
    pub fn ends_early(self, how: How, after_us: Micros) -> Self {
        self.opens_with(Variation::plain(), |session| {
            session.echo = None;
            session.pings = Vec::new();
            session.closing = None;
            session.ending = Some(Ending { how, after_us, idle_us: after_us });
        })
    }

    /// What the port says to an unusual opening.
    #[must_use]
    pub fn first_bytes(self, sent: evidence::Opening, answer: Answer) -> Self {
        let to =
            (ADDRESS.parse::<std::net::IpAddr>().expect("an address"), self.evidence.case.target.port).into();
        self.fact(Place::Server, Fact::FirstBytes(evidence::FirstBytes { to, sent, answer }))
            .answered(Question::FirstBytes(sent))
    }

    /// An attempt through the case's forward proxy, to the target's port or another.
    #[must_use]
    pub fn tunnel(self, mode: &str, port: Option<u16>, outcome: evidence::TunnelOutcome) -> Self {
        let target = &self.evidence.case.target;
        let proxy = self.evidence.case.via.as_ref().map(|via| via.url.clone()).unwrap_or_default();
        let destination = format!("{}:{}", target.bracketed_host(), port.unwrap_or(target.port));
        let tunnel = evidence::Tunnel { proxy, mode: mode.to_owned(), destination, outcome, took_us: 12_000 };
        self.fact(Place::ForwardProxy, Fact::Tunnel(tunnel)).answered(Question::Tunnel { port })
    }

    /// The page that opens the socket: loaded, with nothing special about it unless changed.
    #[must_use]
    pub fn page(mut self, url: &str, change: impl FnOnce(&mut evidence::Page)) -> Self {
        self.evidence.case.page = Some(url.to_owned());
        let mut page = evidence::Page {
            url: url.to_owned(),
            answer: Answer::Response(Box::new(response(
                200,
                &["content-type: text/html"],
                "<!doctype html>",
            ))),
            policies: Vec::new(),
            hsts: None,
            cookies: Vec::new(),
            alt_svc: None,
            socket_urls: Vec::new(),
            local: false,
            target_local: false,
        };
        change(&mut page);
        self.fact(Place::Page, Fact::Page(Box::new(page))).answered(Question::Page)
    }

    /// A connection that was held.
    #[must_use]
    pub fn hold(self, kind: HoldKind, run: u8, ended_after_s: Option<f64>, how: How) -> Self {
        let micros = |seconds: f64| (seconds * 1_000_000.0) as Micros;
        let ending = ended_after_s.map(|seconds| Ending {
            how,
            after_us: micros(seconds),
            idle_us: match kind {
                HoldKind::Pings | HoldKind::OneWay => micros(seconds.min(1.0)),
                HoldKind::Quiet | HoldKind::Silent => micros(seconds),
            },
        });
        let alive_after = ending.is_none().then_some(true);
        let held_us = ended_after_s.map_or(150_000_000, micros);
        let hold = Hold { kind, run, ending, alive_after, held_us, server_spoke: 0, server_pings: 0 };
        self.fact(Place::Server, Fact::Hold(hold)).answered(Question::Hold { kind, run, for_ms: 150_000 })
    }

    /// The evidence.
    #[must_use]
    pub fn evidence(self) -> Evidence {
        self.evidence
    }
}

/// A case about this address through a forward proxy that the user named.
#[must_use]
pub fn via(url: &str) -> Sample {
    let via = evidence::Via {
        url: "http://proxy.corp:3128".to_owned(),
        mode: evidence::ViaMode::Auto,
        variable: None,
        credentials: false,
    };
    Sample::bare(url).environment(|_| {}).case(|case| case.via = Some(via))
}

/// A response with these headers (`"server: nginx"`) and this body.
#[must_use]
pub fn response(status: u16, headers: &[&str], body: &str) -> Response {
    let headers = headers
        .iter()
        .map(|line| {
            let (name, value) = line.split_once(':').expect("a header has a colon");
            Header { name: name.to_owned(), value: value.trim().to_owned() }
        })
        .collect();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    Response {
        version: "HTTP/1.1".to_owned(),
        status,
        reason: String::new(),
        headers,
        interim: Vec::new(),
        body: Body {
            text: Preview::new(body.as_bytes(), 4096).text,
            length: body.len() as u64,
            digest: format!("{:016x}", hasher.finish()),
            complete: true,
        },
        faults: Vec::new(),
    }
}

/// A response of a 101 that breaks these rules.
#[must_use]
pub fn faulty_101(headers: &[&str], faults: Vec<evidence::HandshakeFault>) -> Answer {
    Answer::Response(Box::new(Response { faults, ..response(101, headers, "") }))
}

/// What a set of roots says.
#[must_use]
pub fn trust(roots: &str, fault: Option<TrustFault>) -> Trust {
    Trust { roots: roots.to_owned(), fault }
}

/// A good certificate for a name, 30 days old, 60 days to go.
#[must_use]
pub fn leaf(name: &str) -> Certificate {
    Certificate {
        subject: format!("CN={name}"),
        issuer: "C=US, O=Let's Encrypt, CN=R11".to_owned(),
        serial: "04:9c:31:aa".to_owned(),
        not_before: NOW - 30 * 86_400,
        not_after: NOW + 60 * 86_400,
        names: vec![name.to_owned()],
        key: KeyKind::Ec,
        key_bits: 256,
        signature: "sha256WithRSAEncryption".to_owned(),
        version: 3,
        issuer_urls: vec!["http://r11.i.lencr.org/".to_owned()],
        fingerprint: "aa".repeat(32),
        ..Certificate::default()
    }
}

/// The issuer of [`leaf`].
#[must_use]
pub fn issuer() -> Certificate {
    Certificate {
        subject: "C=US, O=Let's Encrypt, CN=R11".to_owned(),
        issuer: "C=US, O=Internet Security Research Group, CN=ISRG Root X1".to_owned(),
        serial: "8a:7d".to_owned(),
        not_before: NOW - 900 * 86_400,
        not_after: NOW + 900 * 86_400,
        authority: true,
        key: KeyKind::Rsa,
        key_bits: 2048,
        signature: "sha256WithRSAEncryption".to_owned(),
        version: 3,
        ..Certificate::default()
    }
}

/// The cause must hold on this evidence; gives the finding.
///
/// # Panics
/// If it does not.
#[track_caller]
#[must_use]
pub fn holds(cause: &crate::Cause, sample: Sample) -> crate::Finding {
    let evidence = sample.evidence();
    match cause.judge(&evidence) {
        crate::Verdict::Holds(finding) => {
            // Every proof must point at observations that exist.
            for proof in &finding.proof {
                for id in &proof.rests_on {
                    assert!(evidence.observation(*id).is_some(), "no observation {id}");
                }
            }
            *finding
        }
        other => panic!("{} must hold, but the verdict is {other:?}", cause.id),
    }
}

/// The cause must not hold on this evidence.
///
/// # Panics
/// If it does.
#[track_caller]
pub fn does_not_hold(cause: &crate::Cause, sample: Sample) {
    if let crate::Verdict::Holds(finding) = cause.judge(&sample.evidence()) {
        panic!("{} must not hold, but it does: {}", cause.id, finding.title);
    }
}

/// The cause must want to know more before it says anything; gives what it asks.
///
/// # Panics
/// If it does not.
#[track_caller]
#[must_use]
pub fn asks(cause: &crate::Cause, sample: Sample) -> Vec<Question> {
    match cause.judge(&sample.evidence()) {
        crate::Verdict::Open(questions) => questions,
        other => panic!("{} must ask, but the verdict is {other:?}", cause.id),
    }
}
