//! What must hold for any evidence whatever: the engine never panics, always ends, and says the same twice.

use crate::sample::{ADDRESS, faulty_101, leaf, response, trust};
use crate::{Diagnosis, Overall, Symptom, causes, steps, symptoms};
use evidence::{
    Answer, Case, Connection, Echo, Ending, Environment, Evidence, Exchange, Fact, FirstBytes,
    HandshakeFault, Hold, How, Http2, Http2Answer, Page, Ping, Place, Policy, PolicySource, Preview,
    Question, Reached, RecordKind, Resolution, Resolved, Resolver, Session, SizeStep, Sizes, Source, StepEnd,
    Target, Tls, TlsOutcome, TlsVariation, TrustFault, Tunnel, TunnelOutcome, Variation, Via, ViaMode,
};
use proptest::prelude::*;

const BODIES: &[&str] = &[
    "",
    "Upgrade Required",
    "Not Found",
    "No WebSocket UPGRADE hdr: None",
    "No CONNECTION upgrade hdr: close",
    "Can \"Upgrade\" only to \"WebSocket\".",
    "Cross origin websockets not allowed",
    "{\"code\":1,\"message\":\"Session ID unknown\"}",
    "{\"code\":3,\"message\":\"Bad request\"}",
    "<!doctype html><title>App</title>",
    "<html><center>nginx/1.22.1</center></html>",
    "400 The plain HTTP request was sent to HTTPS port",
    "Request Header Or Cookie Too Large",
    "Blocked request. This host (\"x\") is not allowed.",
    "invalid Connection header: close",
];

const HEADERS: &[&str] = &[
    "server: nginx/1.22.1",
    "server: uvicorn",
    "server: cloudflare",
    "server: Caddy",
    "server: envoy",
    "via: 1.1 proxy (squid/5.7)",
    "location: https://app.example/login?next=/ws",
    "location: /ws/",
    "location: :::::",
    "www-authenticate: Basic realm=x",
    "retry-after: 5",
    "date: Fri, 20 Nov 2026 00:00:00 GMT",
    "date: Fri, 20 Nov 1926 00:00:00 GMT",
    "sec-websocket-version: 13",
    "sec-websocket-protocol: chat",
    "cf-mitigated: challenge",
    "content-type: text/html",
    "set-cookie: sid=1; SameSite=Lax",
];

fn any_response() -> impl Strategy<Value = Answer> {
    let faults = prop::sample::select(vec![
        vec![],
        vec![HandshakeFault::AcceptMissing],
        vec![HandshakeFault::AcceptMismatch { got: "x".into(), expected: "y".into() }],
        vec![HandshakeFault::UpgradeMissing, HandshakeFault::ConnectionMissing],
        vec![HandshakeFault::SubprotocolNotAnswered],
        vec![HandshakeFault::ExtensionNotOffered("x".into())],
        vec![HandshakeFault::HeaderSyntax("x".into()), HandshakeFault::OldVersion("HTTP/1.0".into())],
    ]);
    let status = prop::sample::select(vec![
        100_u16, 101, 101, 101, 200, 204, 301, 302, 400, 401, 403, 404, 405, 407, 421, 426, 429, 431, 464,
        500, 501, 502, 503, 504, 505, 521, 525, 999,
    ]);
    let headers = prop::collection::vec(prop::sample::select(HEADERS.to_vec()), 0..4);
    (status, headers, prop::sample::select(BODIES.to_vec()), faults).prop_map(
        |(status, headers, body, faults)| {
            if status == 101 {
                faulty_101(&headers, faults)
            } else {
                Answer::Response(Box::new(response(status, &headers, body)))
            }
        },
    )
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let preview = || Preview::new(b"SSH-2.0-x\r\n", 64);
    prop_oneof![
        8 => any_response(),
        1 => Just(Answer::Ended(preview())),
        1 => Just(Answer::Reset(Preview::default())),
        1 => Just(Answer::Silence(Preview::default())),
        1 => Just(Answer::NotHttp(preview())),
        1 => Just(Answer::TooLarge(70_000)),
        1 => Just(Answer::Alert("certificate_required".into())),
        1 => prop::sample::select(vec!["dns", "tcp", "tls", "tunnel"]).prop_map(|why| Answer::NotSent(why.into())),
    ]
}

fn any_how() -> impl Strategy<Value = How> {
    let codes = vec![
        None,
        Some(1000),
        Some(1001),
        Some(1002),
        Some(1006),
        Some(1008),
        Some(1009),
        Some(1011),
        Some(4401),
        Some(4408),
        Some(0),
    ];
    prop_oneof![
        prop::sample::select(codes).prop_map(|code| How::Close { code, reason: "why".into() }),
        Just(How::Fin),
        Just(How::Reset),
        Just(How::Silence),
        Just(How::Alert("internal_error".into())),
    ]
}

fn any_ending() -> impl Strategy<Value = Option<Ending>> {
    let times = prop::sample::select(vec![
        0_u64,
        1_000,
        999_999,
        3_003_000,
        15_000_000,
        60_010_000,
        100_000_000,
        u64::MAX,
    ]);
    prop::option::of((any_how(), times.clone(), times).prop_map(|(how, after_us, idle_us)| Ending {
        how,
        after_us,
        idle_us,
    }))
}

fn any_session(variation: Variation) -> impl Strategy<Value = Fact> {
    let faults = prop::collection::vec(
        prop::sample::select(vec![
            "masked-by-server",
            "reserved-bits",
            "invalid-utf8",
            "http-in-stream",
            "unknown-opcode",
            "anything",
        ]),
        0..3,
    );
    (any_ending(), faults, any::<bool>(), prop::option::of(0..100_000_u64)).prop_map(
        move |(ending, faults, same, pong)| {
            Fact::Session(Box::new(Session {
                variation: variation.clone(),
                deflate: same,
                pings: vec![Ping { sent_us: 0, round_trip_us: pong }],
                echo: pong.map(|sent_us| Echo { sent_us, same, round_trip_us: None }),
                binary_sent_us: None,
                frames: vec![],
                frame_count: 0,
                messages: vec![],
                faults: faults.into_iter().map(|id| (id.to_owned(), "detail".to_owned())).collect(),
                first_bytes: "48 54 54 50".into(),
                bytes: 4,
                ending,
                closing: None,
                open_us: 1,
            }))
        },
    )
}

fn any_tls(variation: TlsVariation) -> impl Strategy<Value = Fact> {
    let outcome = prop::sample::select(vec![
        TlsOutcome::Completed,
        TlsOutcome::Completed,
        TlsOutcome::Answered,
        TlsOutcome::Alert { code: 70, name: "protocol_version".into() },
        TlsOutcome::Alert { code: 112, name: "unrecognized_name".into() },
        TlsOutcome::Ended,
        TlsOutcome::Reset,
        TlsOutcome::Silence,
        TlsOutcome::NotTls(Preview::new(b"HTTP/1.1 400 Bad Request", 64)),
        TlsOutcome::Failed("odd".into()),
        TlsOutcome::NotConnected,
    ]);
    let fault = prop::sample::select(vec![
        None,
        Some(TrustFault::Expired),
        Some(TrustFault::NotYetValid),
        Some(TrustFault::OtherName),
        Some(TrustFault::UnknownIssuer),
        Some(TrustFault::Revoked),
        Some(TrustFault::Other("x".into())),
    ]);
    (outcome, fault, any::<i64>(), any::<i64>(), 0..3_usize, any::<bool>()).prop_map(
        move |(outcome, fault, from, to, certificates, flag)| {
            let mut certificate = leaf("app.example");
            if flag {
                (certificate.not_before, certificate.not_after) = (from, to);
                certificate.self_issued = true;
            }
            Fact::Tls(Box::new(Tls {
                to: None,
                variation: variation.clone(),
                outcome,
                version: flag.then(|| "1.0".into()),
                cipher: None,
                alpn: flag.then(|| "h2".into()),
                chain: vec![certificate; certificates],
                chain_length: certificates,
                trust: vec![
                    trust("bundled", fault.clone()),
                    trust("system", if flag { None } else { fault }),
                ],
                name: "app.example".into(),
                client_authorities: flag.then(Vec::new),
                stapled: false,
                took_us: 1,
            }))
        },
    )
}

/// Any answer to a question, good or bad.
fn any_facts(question: &Question) -> BoxedStrategy<Vec<(Place, Fact)>> {
    let reached = prop::sample::select(vec![
        Reached::Connected,
        Reached::Connected,
        Reached::Refused,
        Reached::Reset,
        Reached::HostUnreachable,
        Reached::NetworkUnreachable,
        Reached::Silence,
        Reached::Forbidden,
        Reached::Failed(5),
    ]);
    let one = |place: Place| move |fact: Fact| vec![(place, fact)];
    match question.clone() {
        Question::Environment => (any::<bool>(), any::<bool>())
            .prop_map(|(route_v4, route_v6)| {
                Fact::Environment(Environment { route_v4, route_v6, ..Environment::default() })
            })
            .prop_map(one(Place::Client))
            .boxed(),
        Question::Resolve | Question::NameServers => {
            let system = question == &Question::Resolve;
            let outcomes = vec![
                Resolved::Addresses(vec![ADDRESS.parse().expect("an address")]),
                Resolved::Addresses(vec![
                    "2001:db8::1".parse().expect("an address"),
                    ADDRESS.parse().expect("an address"),
                ]),
                Resolved::Addresses(vec!["0.0.0.0".parse().expect("an address")]),
                Resolved::Addresses(vec![]),
                Resolved::NoSuchName,
                Resolved::NoData,
                Resolved::ServerFailure { answers_unchecked: true },
                Resolved::TimedOut,
                Resolved::Failed("odd".into()),
            ];
            prop::sample::select(outcomes)
                .prop_map(move |outcome| {
                    let by = if system { Resolver::System } else { Resolver::Server("192.0.2.53:53".into()) };
                    Fact::Resolution(Resolution {
                        name: "app.example".into(),
                        by,
                        record: RecordKind::Addresses,
                        outcome,
                        took_us: 1,
                    })
                })
                .prop_map(one(Place::Resolver))
                .boxed()
        }
        Question::Connect { port } => (reached, prop::option::of(Just(())))
            .prop_map(move |(outcome, second)| {
                let port = port.unwrap_or(443);
                let mut facts = vec![(ADDRESS, outcome)];
                if second.is_some() {
                    facts.push(("2001:db8::1", Reached::Silence));
                }
                let fact = |(address, outcome): (&str, Reached)| {
                    let to = (address.parse::<std::net::IpAddr>().expect("an address"), port).into();
                    (Place::Network, Fact::Connection(Connection { to, outcome, took_us: 3_000_000 }))
                };
                facts.into_iter().map(fact).collect()
            })
            .boxed(),
        Question::Tunnel { .. } => (any_response(), 0..8_u8)
            .prop_map(|(answer, kind)| {
                let outcome = match (kind, answer) {
                    (0, _) => TunnelOutcome::Unreached(Reached::Refused),
                    (1, _) => TunnelOutcome::Socks(2),
                    (2, _) => TunnelOutcome::Silence,
                    (3, _) => TunnelOutcome::NotAProxy("x".into()),
                    (4..=5, Answer::Response(response)) => TunnelOutcome::Answered(response),
                    _ => TunnelOutcome::Open,
                };
                Fact::Tunnel(Tunnel {
                    proxy: "http://proxy:3128".into(),
                    mode: "connect".into(),
                    destination: "app.example:443".into(),
                    outcome,
                    took_us: 1,
                })
            })
            .prop_map(one(Place::ForwardProxy))
            .boxed(),
        Question::Tls(variation) => any_tls(variation).prop_map(one(Place::Server)).boxed(),
        Question::Upgrade(variation) => {
            (any_answer(), any_session(variation.clone()), any_tls(TlsVariation::Plain))
                .prop_map(move |(answer, session, tls)| {
                    let exchange = Exchange {
                        variation: variation.clone(),
                        to: Some((ADDRESS.parse::<std::net::IpAddr>().expect("an address"), 443).into()),
                        tls: true,
                        request: vec!["GET /ws HTTP/1.1".into()],
                        answer,
                        took_us: 31_000,
                    };
                    let mut facts = vec![];
                    if variation.is_plain() {
                        facts.push((Place::Server, tls));
                    }
                    let opened = exchange.opened();
                    facts.push((Place::Server, Fact::Exchange(Box::new(exchange))));
                    if opened {
                        facts.push((Place::Server, session));
                    }
                    facts
                })
                .boxed()
        }
        Question::Burst { count, parallel, variation } => prop::collection::vec(
            prop::sample::select(vec!["101", "400", "429", "503", "reset", "silence"]),
            usize::from(count),
        )
        .prop_map(move |results| {
            Fact::Burst(evidence::Burst {
                parallel,
                variation: variation.clone(),
                results: results.into_iter().map(str::to_owned).collect(),
                bodies: vec!["429 slow down (Retry-After: 5)".into()],
            })
        })
        .prop_map(one(Place::Server))
        .boxed(),
        Question::FirstBytes(sent) => any_answer()
            .prop_map(move |answer| {
                let to = (ADDRESS.parse::<std::net::IpAddr>().expect("an address"), 443).into();
                Fact::FirstBytes(FirstBytes { to, sent, answer })
            })
            .prop_map(one(Place::Server))
            .boxed(),
        Question::Http2 => (any::<bool>(), any::<bool>(), 0..3_u8)
            .prop_map(|(negotiated, extended_connect, kind)| {
                let answer = match kind {
                    0 => None,
                    1 => Some(Http2Answer::Status(200)),
                    _ => Some(Http2Answer::StreamReset("PROTOCOL_ERROR".into())),
                };
                Fact::Http2(Http2 { negotiated, extended_connect, answer, get: None, took_us: 1 })
            })
            .prop_map(one(Place::Server))
            .boxed(),
        Question::Sizes { kind, .. } => (any_ending(), 0..4_u8)
            .prop_map(move |(ending, which)| {
                let end = match (which, ending) {
                    (0, Some(ending)) => StepEnd::Ended(ending),
                    (1, _) => StepEnd::Stalled,
                    (2, _) => StepEnd::Broke("invalid-utf8".into(), "x".into()),
                    _ => StepEnd::Echoed,
                };
                let first = SizeStep { size: 125, kind, end: StepEnd::Taken, took_us: 1 };
                Fact::Sizes(Sizes {
                    steps: vec![first, SizeStep { size: 65_537, kind, end, took_us: 1 }],
                    echoes: true,
                })
            })
            .prop_map(one(Place::Server))
            .boxed(),
        Question::Hold { kind, run, .. } => (any_ending(), prop::option::of(any::<bool>()), 0..3_u64)
            .prop_map(move |(ending, alive_after, server_pings)| {
                Fact::Hold(Hold {
                    kind,
                    run,
                    ending,
                    alive_after,
                    held_us: 150_000_000,
                    server_spoke: server_pings,
                    server_pings,
                })
            })
            .prop_map(one(Place::Server))
            .boxed(),
        Question::Page => any_answer()
            .prop_map(|answer| {
                Fact::Page(Box::new(Page {
                    url: "https://app.example/".into(),
                    answer,
                    policies: vec![Policy {
                        source: PolicySource::Meta,
                        text: "connect-src 'self'; ;;".into(),
                    }],
                    hsts: Some("max-age=1; includeSubDomains".into()),
                    cookies: vec![],
                    alt_svc: Some("h3=\":443\"".into()),
                    socket_urls: vec!["ws://localhost:1/".into(), "wss://".into()],
                    local: false,
                    target_local: true,
                }))
            })
            .prop_map(one(Place::Page))
            .boxed(),
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let urls = vec![
        "ws://app.example/ws",
        "wss://app.example/ws",
        "ws://localhost:8080/",
        "wss://[::1]:1/x?token=1#f",
        "ws://10.0.0.1/",
    ];
    (prop::sample::select(urls), any::<[bool; 6]>()).prop_map(
        |(url, [via, page, origin, hold, size, insecure])| {
            let mut case = Case::new(Target::parse(url).expect("it parses"));
            case.started_at_unix_us = crate::sample::NOW as u64 * 1_000_000;
            case.via = via.then(|| Via {
                url: "http://proxy:3128".into(),
                mode: ViaMode::Auto,
                variable: None,
                credentials: false,
            });
            case.page = page.then(|| "https://app.example/index".into());
            if origin {
                case.origin = evidence::Origin::Given("null".into());
                case.subprotocols = vec!["chat".into()];
                case.header_names = vec!["Cookie".into(), "Authorization".into()];
            }
            case.hold_us = hold.then_some(60_000_000);
            case.size = size.then_some(1 << 20);
            case.insecure = insecure;
            case
        },
    )
}

/// Plays a whole case: whatever is asked gets some answer.
fn play(case: Case, runner: &mut proptest::test_runner::TestRunner) -> Evidence {
    let mut diagnosis = Diagnosis::new(case);
    let mut asked = 0;
    let mut clock = 0;
    while let Some(question) = diagnosis.poll() {
        asked += 1;
        assert!(asked <= 40, "the engine asks for ever");
        let facts = any_facts(&question).new_tree(runner).expect("a value").current();
        for (place, fact) in facts {
            clock += 1_000;
            diagnosis.handle(clock, Source::Probe, place, fact);
        }
        diagnosis.handle(clock, Source::Probe, Place::Client, Fact::Answered(question));
    }
    diagnosis.evidence().clone()
}

fn check(evidence: &Evidence) {
    let one = Diagnosis::resume(evidence.clone()).conclude();
    let two = Diagnosis::resume(Evidence::load(&evidence.save()).expect("our own file loads")).conclude();
    assert_eq!(one, two, "the same evidence, the same conclusion");
    let symptoms = symptoms(evidence);
    for symptom in &symptoms {
        let explained = one.findings.iter().any(|finding| finding.explains.contains(symptom));
        assert_ne!(
            explained,
            one.unexplained.contains(symptom),
            "{symptom:?} is explained, or said to be unexplained"
        );
    }
    if symptoms.iter().any(Symptom::is_failure) {
        assert_eq!(one.overall, Overall::Fails);
    }
    for finding in &one.findings {
        assert!(causes::find(finding.cause).is_some(), "{}", finding.cause);
        assert!(!finding.proof.is_empty(), "{} has no proof", finding.cause);
        for proof in &finding.proof {
            assert!(proof.rests_on.iter().all(|id| evidence.observation(*id).is_some()), "{}", finding.cause);
            assert!(!proof.text.english().is_empty());
        }
    }
    let _ = steps(evidence);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_case_ends_and_is_judged_twice_alike(case in any_case(), seed in any::<[u8; 32]>()) {
        let rng = proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &seed);
        let mut runner = proptest::test_runner::TestRunner::new_with_rng(ProptestConfig::default(), rng);
        check(&play(case, &mut runner));
    }

    #[test]
    fn any_facts_in_any_order_are_judged(case in any_case(), seed in any::<[u8; 32]>(), skip in any::<u64>()) {
        let rng = proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &seed);
        let mut runner = proptest::test_runner::TestRunner::new_with_rng(ProptestConfig::default(), rng);
        let whole = play(case.clone(), &mut runner);
        // Some observations are missing, and the rest come the other way round.
        let mut broken = Evidence::new(case);
        for (index, observation) in whole.observations().iter().rev().enumerate() {
            if skip >> (index % 64) & 1 == 0 {
                broken.add(observation.at_us, observation.source.clone(), observation.place, observation.fact.clone());
            }
        }
        check(&broken);
    }
}
