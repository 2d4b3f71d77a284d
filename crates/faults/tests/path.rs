//! Every fault in virtual time: what goes in when, what comes out when.

// Helpers outside of test functions are tests too; clippy's exemption does not see that.
#![allow(clippy::panic)]

use keepwire_faults::*;

/// Name, faults, what goes in at which millisecond, what comes out.
type Row<'a> = (&'a str, Vec<Fault>, &'a [(u64, Direction, &'a str)], &'a str);

/// Runs a path until nothing is left to happen, and writes each output as `time:what`.
fn run(faults: &[Fault], inputs: &[(u64, Direction, &str)]) -> String {
    let mut path = Path::new(&Plan { faults: faults.to_vec(), seed: 7 }, 0);
    let mut seen = Vec::new();
    let mut inputs = inputs.iter().peekable();
    let mut now = 0;
    loop {
        while let Some((_, direction, text)) = inputs.next_if(|(at, ..)| *at <= now) {
            let (direction, bytes) = (*direction, text.as_bytes().to_vec());
            path.handle(
                now,
                if *text == "EOF" { Input::Eof { direction } } else { Input::Chunk { direction, bytes } },
            );
        }
        while let Some(output) = path.poll(now) {
            seen.push(match output {
                Output::Chunk { direction, bytes } => {
                    let arrow = if direction == Direction::ToServer { '>' } else { '<' };
                    format!("{now}{arrow}{}", String::from_utf8_lossy(&bytes))
                }
                Output::Eof { direction } => format!("{now}:eof {direction:?}"),
                Output::End(end) => format!("{now}:{end:?}"),
                Output::EndOne { party, end } => format!("{now}:{end:?} {party:?}"),
            });
        }
        let Some(next) = [path.deadline(), inputs.peek().map(|(at, ..)| *at)].into_iter().flatten().min()
        else {
            return seen.join(" ");
        };
        assert!(next > now, "a deadline in the past would make a shell spin");
        now = next;
    }
}

#[test]
fn each_fault_and_the_path_without_it() {
    use Direction::{ToClient as Down, ToServer as Up};
    let cut = |after_bytes, end| Fault::Cut(Cut { direction: Up, after_bytes, end });
    let idle = |end| Fault::Idle(Idle { after_ms: 60, end });
    let rows: &[Row] = &[
        ("none", vec![], &[(0, Up, "ab"), (3, Down, "c"), (4, Up, "EOF")], "0>ab 3<c 4:eof ToServer"),
        (
            "delay",
            vec![Fault::Delay(Delay { one_way_ms: 25, jitter_ms: 0 })],
            &[(1, Up, "ab"), (2, Up, "EOF")],
            "26>ab 27:eof ToServer",
        ),
        (
            "cut in order",
            vec![cut(3, End::Fin)],
            &[(0, Up, "ab"), (1, Up, "cd"), (2, Up, "e")],
            "0>ab 1>c 1:Fin",
        ),
        ("cut by reset", vec![cut(2, End::Reset)], &[(0, Up, "ab"), (1, Up, "cd")], "0>ab 0:Reset"),
        ("cut not reached", vec![cut(3, End::Fin)], &[(0, Up, "ab"), (0, Down, "cdef")], "0>ab 0<cdef"),
        (
            "stall",
            vec![Fault::Stall(Stall { direction: Up, after_bytes: 3 })],
            &[(0, Up, "abcd"), (1, Up, "e"), (2, Down, "f")],
            "0>abc 2<f",
        ),
        ("idle", vec![idle(IdleEnd::Fin)], &[(0, Up, "a"), (59, Down, "b")], "0>a 59<b 119:Fin"),
        (
            "idle, just in time twice",
            vec![idle(IdleEnd::Reset)],
            &[(59, Up, "a"), (118, Up, "b")],
            "59>a 118>b 178:Reset",
        ),
        ("idle, too late", vec![idle(IdleEnd::Reset)], &[(60, Up, "a")], "60:Reset"),
        (
            "idle, forgotten",
            vec![idle(IdleEnd::Silence)],
            &[(1, Up, "a"), (61, Up, "b"), (62, Down, "c")],
            "1>a",
        ),
        (
            "slice",
            vec![Fault::Slice(Slice { piece: 2, pause_ms: 5 })],
            &[(0, Up, "abcde"), (1, Up, "f")],
            "0>ab 5>cd 10>e 10>f",
        ),
        (
            "slice by nothing",
            vec![Fault::Slice(Slice { piece: 0, pause_ms: 1 })],
            &[(0, Up, "ab")],
            "0>a 1>b",
        ),
        (
            "lifetime",
            vec![Fault::Lifetime(Lifetime { after_ms: 30, end: End::Fin })],
            &[(10, Up, "a"), (29, Up, "b"), (31, Up, "c")],
            "10>a 29>b 30:Fin",
        ),
        (
            "delayed bytes before a cut still arrive",
            vec![Fault::Delay(Delay { one_way_ms: 5, jitter_ms: 0 }), cut(1, End::Fin)],
            &[(0, Up, "ab")],
            "5>a 5:Fin",
        ),
    ];
    for (name, faults, inputs, expect) in rows {
        assert_eq!(run(faults, inputs), *expect, "{name}");
    }
}

#[test]
fn jitter_repeats_with_its_seed_and_never_reorders() {
    let jitter = [Fault::Delay(Delay { one_way_ms: 10, jitter_ms: 40 })];
    let texts: Vec<String> = (0..50).map(|n| format!("{n};")).collect();
    let inputs: Vec<(u64, Direction, &str)> =
        texts.iter().zip(0..).map(|(text, at)| (at, Direction::ToServer, text.as_str())).collect();
    let seen = run(&jitter, &inputs);
    assert_eq!(seen, run(&jitter, &inputs));
    let order: String =
        seen.split(' ').filter_map(|word| word.split_once('>')).map(|(_, text)| text).collect();
    assert_eq!(order, texts.concat());
}

#[test]
fn what_breaks_a_connection_and_what_just_does_not() {
    use Direction::{ToClient as Down, ToServer as Up};
    let at = |ms| When::AfterMs(Span::exactly(ms));
    let after = |direction, bytes| When::AfterBytes { direction, bytes: Span::exactly(bytes) };
    let broken = |when, end| Fault::Break(Break { when, end });
    let half = |when, told, end| Fault::HalfOpen(HalfOpen { when, told, end });
    let hole = |when| Fault::BlackHole(BlackHole { when });
    let outage = |effect| {
        let (up_ms, down_ms) = (Span::exactly(20), Span::exactly(10));
        Fault::Outage(Outage { up_ms, down_ms, effect, seed: 3 })
    };
    let delay = Fault::Delay(Delay { one_way_ms: 5, jitter_ms: 0 });
    let rows: &[Row] = &[
        ("reset at a time", vec![broken(at(10), End::Reset)], &[(9, Up, "a"), (10, Up, "b")], "9>a 10:Reset"),
        ("ended at a time", vec![broken(at(10), End::Fin)], &[(9, Down, "a"), (11, Up, "b")], "9<a 10:Fin"),
        (
            "a reset loses what is under way",
            vec![broken(at(10), End::Reset), delay.clone()],
            &[(6, Up, "a")],
            "10:Reset",
        ),
        ("an end does not", vec![broken(at(10), End::Fin), delay.clone()], &[(6, Up, "a")], "11>a 11:Fin"),
        (
            "reset at a byte of both ways",
            vec![broken(after(None, 4), End::Reset)],
            &[(0, Up, "ab"), (1, Down, "cde"), (2, Up, "f")],
            "0>ab 1<cd 1:Reset",
        ),
        (
            "one byte less",
            vec![broken(after(None, 4), End::Reset)],
            &[(0, Up, "ab"), (1, Down, "c")],
            "0>ab 1<c",
        ),
        (
            "the nearer byte wins",
            vec![broken(after(Some(Up), 3), End::Fin), broken(after(Some(Up), 2), End::Reset)],
            &[(0, Down, "xyz"), (1, Up, "abcd")],
            "0<xyz 1>ab 1:Reset",
        ),
        (
            "half-open, the client is told",
            vec![half(at(10), Party::Client, End::Fin)],
            &[(9, Down, "a"), (11, Down, "b"), (12, Up, "c"), (13, Down, "EOF")],
            "9<a 10:Fin Client",
        ),
        (
            "half-open, the server is told",
            vec![half(after(Some(Down), 1), Party::Server, End::Reset)],
            &[(0, Up, "a"), (1, Down, "bc"), (2, Up, "d")],
            "0>a 1<b 1:Reset Server",
        ),
        (
            "half-open, not yet",
            vec![half(after(Some(Down), 2), Party::Client, End::Fin)],
            &[(0, Down, "b")],
            "0<b",
        ),
        (
            "black hole",
            vec![hole(at(10))],
            &[(9, Up, "a"), (10, Up, "b"), (11, Down, "c"), (12, Up, "EOF")],
            "9>a",
        ),
        ("black hole at a byte", vec![hole(after(Some(Up), 2))], &[(0, Up, "abc"), (1, Down, "d")], "0>ab"),
        (
            "black hole, not yet",
            vec![hole(after(Some(Up), 4))],
            &[(0, Up, "abc"), (1, Down, "d")],
            "0>abc 1<d",
        ),
        (
            "outage that holds",
            vec![outage(OutageEffect::Hold)],
            &[
                (19, Up, "a"),
                (20, Up, "b"),
                (29, Down, "c"),
                (29, Up, "EOF"),
                (30, Down, "d"),
                (50, Down, "e"),
            ],
            "19>a 30>b 30:eof ToServer 30<c 30<d 60<e",
        ),
        (
            "what would arrive in an outage arrives after it",
            vec![delay.clone(), outage(OutageEffect::Hold)],
            &[(14, Up, "a"), (15, Up, "b"), (25, Up, "c")],
            "19>a 30>b 30>c",
        ),
        (
            "outage that resets",
            vec![outage(OutageEffect::Break(Breakage::Both(End::Reset)))],
            &[(19, Up, "a"), (20, Up, "b")],
            "19>a 20:Reset",
        ),
        (
            "outage that one side hears of",
            vec![outage(OutageEffect::Break(Breakage::One { told: Party::Client, end: End::Reset }))],
            &[(19, Up, "a"), (31, Down, "b")],
            "19>a 20:Reset Client",
        ),
    ];
    for (name, faults, inputs, expect) in rows {
        assert_eq!(run(faults, inputs), *expect, "{name}");
    }
}

#[test]
fn what_slows_a_connection() {
    use Direction::{ToClient as Down, ToServer as Up};
    let rate = |direction, bytes_per_s| Fault::Rate(Rate { direction, bytes_per_s });
    let gather = |bytes, after_ms| Fault::Gather(Gather { direction: Some(Down), bytes, after_ms });
    let late = |chance| Fault::Overtake(Overtake { chance: Chance(chance), by_ms: 100 });
    let rows: &[Row] = &[
        ("a byte each 10 ms", vec![rate(None, 100)], &[(0, Up, "abc")], "20>ab 30>c"),
        ("the line is free again", vec![rate(None, 100)], &[(0, Up, "a"), (100, Up, "b")], "10>a 110>b"),
        ("the line is still busy", vec![rate(None, 100)], &[(0, Up, "ab"), (5, Up, "c")], "20>ab 30>c"),
        ("each way for itself", vec![rate(None, 100)], &[(0, Up, "a"), (0, Down, "b")], "10>a 10<b"),
        ("one way only", vec![rate(Some(Up), 100)], &[(0, Up, "a"), (0, Down, "bcd")], "0<bcd 10>a"),
        (
            "buffered until there are enough",
            vec![gather(3, None)],
            &[(0, Down, "ab"), (7, Down, "cd")],
            "7<abcd",
        ),
        ("not enough", vec![gather(3, None)], &[(0, Down, "ab"), (7, Up, "c")], "7>c"),
        (
            "buffered until long enough",
            vec![gather(3, Some(50))],
            &[(0, Down, "a"), (40, Down, "b")],
            "50<ab",
        ),
        (
            "the wait begins anew",
            vec![gather(3, Some(50))],
            &[(0, Down, "abc"), (40, Down, "d")],
            "0<abc 90<d",
        ),
        (
            "the end lets out what is held",
            vec![gather(9, None)],
            &[(0, Down, "ab"), (3, Down, "EOF")],
            "3<ab 3:eof ToClient",
        ),
        (
            "so does a timer that ends in order",
            vec![gather(9, None), Fault::Lifetime(Lifetime { after_ms: 30, end: End::Fin })],
            &[(0, Down, "ab")],
            "30<ab 30:Fin",
        ),
        (
            "a reset does not",
            vec![gather(9, None), Fault::Lifetime(Lifetime { after_ms: 30, end: End::Reset })],
            &[(0, Down, "ab")],
            "30:Reset",
        ),
        (
            "an answer comes late, and in order",
            vec![late(1_000_000)],
            &[(0, Up, "get"), (1, Down, "a"), (2, Down, "b"), (3, Up, "more")],
            "0>get 3>more 101<a 102<b",
        ),
        ("nobody has asked", vec![late(1_000_000)], &[(1, Down, "a")], "1<a"),
        ("no answer is late", vec![late(0)], &[(0, Up, "get"), (1, Down, "a")], "0>get 1<a"),
        (
            "all at once",
            vec![
                rate(None, 100),
                Fault::Slice(Slice { piece: 1, pause_ms: 0 }),
                Fault::Delay(Delay { one_way_ms: 5, jitter_ms: 0 }),
            ],
            &[(0, Up, "ab")],
            "15>a 25>b",
        ),
    ];
    for (name, faults, inputs, expect) in rows {
        assert_eq!(run(faults, inputs), *expect, "{name}");
    }
}

/// Opens this many connections on a link, a millisecond apart, and counts what became of them.
fn doors(faults: &[Fault], many: u64) -> (u64, u64, u64, u64) {
    let mut link = Link::new(&Plan { faults: faults.to_vec(), seed: 5 });
    let (mut refused, mut dropped, mut once, mut doubled) = (0, 0, 0, 0);
    for now in 0..many {
        match link.open(now) {
            Welcome::Refuse(_) => refused += 1,
            Welcome::Drop => dropped += 1,
            Welcome::Pass { twice: false, .. } => once += 1,
            Welcome::Pass { twice: true, .. } => doubled += 1,
        }
    }
    (refused, dropped, once, doubled)
}

#[test]
fn whole_connections_are_refused_dropped_and_made_twice() {
    let quarter = Chance(250_000);
    assert_eq!(doors(&[], 100), (0, 0, 100, 0));
    assert_eq!(doors(&[Fault::Refuse(Refuse { chance: Chance(0) })], 100), (0, 0, 100, 0));
    assert_eq!(doors(&[Fault::Refuse(Refuse { chance: Chance(1_000_000) })], 100), (100, 0, 0, 0));
    for (fault, of) in [
        (Fault::Refuse(Refuse { chance: quarter }), 0),
        (Fault::Drop(Drop { chance: quarter }), 1),
        (Fault::Twice(Twice { chance: quarter }), 3),
    ] {
        let seen = doors(std::slice::from_ref(&fault), 4000);
        assert_eq!(seen, doors(&[fault], 4000), "the same seed gives the same");
        let (refused, dropped, _, doubled) = seen;
        let hits = [refused, dropped, 0, doubled];
        assert!((900..1100).contains(&hits[of]), "{hits:?}");
        assert_eq!(hits.iter().sum::<u64>(), hits[of], "and nothing else");
    }
    // Up for 20 ms, down for 10: while it is down, an outage that breaks refuses, one that holds does not.
    let outage = |effect| {
        let (up_ms, down_ms) = (Span::exactly(20), Span::exactly(10));
        [Fault::Outage(Outage { up_ms, down_ms, effect, seed: 3 })]
    };
    let breaks = OutageEffect::Break(Breakage::Both(End::Reset));
    assert_eq!(doors(&outage(breaks), 300), (100, 0, 200, 0));
    assert_eq!(doors(&outage(OutageEffect::Hold), 300), (0, 0, 300, 0));
}

/// When connection `index` of a link breaks.
fn breaks_at(fault: &Fault, index: usize) -> u64 {
    let mut link = Link::new(&Plan { faults: vec![fault.clone()], seed: 9 });
    let mut welcome = link.open(0);
    for _ in 0..index {
        welcome = link.open(0);
    }
    let Welcome::Pass { mut path, .. } = welcome else { panic!("it passes") };
    let at = path.deadline().expect("it breaks at some time");
    assert_eq!(path.poll(at.saturating_sub(1)).is_some(), at == 0, "not earlier");
    assert!(at == 0 || path.poll(at).is_some());
    assert_eq!(path.broken(), Some(Kind::Break));
    at
}

#[test]
fn random_times_have_their_mean_and_repeat_with_the_seed() {
    let at_random = Fault::Break(Break { when: When::MeanMs(1000), end: End::Reset });
    let times: Vec<u64> = (0..400).map(|index| breaks_at(&at_random, index)).collect();
    let mean = times.iter().sum::<u64>() / 400;
    assert!((850..1150).contains(&mean), "{mean}");
    assert!(times.iter().any(|at| *at < 100) && times.iter().any(|at| *at > 2500), "spread like chance");
    assert_eq!(times[17], breaks_at(&at_random, 17));
    let within = Fault::Break(Break { when: When::AfterMs(Span { from: 20, to: 40 }), end: End::Reset });
    let times: Vec<u64> = (0..400).map(|index| breaks_at(&within, index)).collect();
    assert_eq!((times.iter().min(), times.iter().max()), (Some(&20), Some(&40)));
}

#[test]
fn bytes_at_random_cut_within_a_chunk() {
    let fault = Fault::Break(Break { when: When::MeanBytes { direction: None, bytes: 50 }, end: End::Fin });
    let mut link = Link::new(&Plan { faults: vec![fault], seed: 1 });
    let mut lengths = Vec::new();
    for _ in 0..200 {
        let Welcome::Pass { mut path, .. } = link.open(0) else { panic!("it passes") };
        path.handle(0, Input::Chunk { direction: Direction::ToServer, bytes: vec![0; 1000] });
        let mut passed = 0;
        while let Some(output) = path.poll(0) {
            if let Output::Chunk { bytes, .. } = output {
                passed += bytes.len();
            }
        }
        lengths.push(passed);
    }
    let mean = lengths.iter().sum::<usize>() / 200;
    assert!((40..60).contains(&mean), "{mean}");
}

#[test]
fn outages_are_the_same_for_all_connections_of_a_link() {
    let (up_ms, down_ms) = (Span { from: 50, to: 500 }, Span { from: 10, to: 90 });
    let effect = OutageEffect::Break(Breakage::Both(End::Reset));
    let plan = |seed| Plan { faults: vec![Fault::Outage(Outage { up_ms, down_ms, effect, seed })], seed: 1 };
    let (mut one, mut other) = (Link::new(&plan(4)), Link::new(&plan(4)));
    let mut seen = std::collections::BTreeSet::new();
    for now in 0..2000 {
        let (Welcome::Pass { path, .. }, Welcome::Pass { path: later, .. }) =
            (one.open(now), other.open(now + 1))
        else {
            continue;
        };
        let at = path.deadline().expect("there is a next one");
        assert!(at >= now && (at == now + 1 || later.deadline().is_none_or(|next| next >= at)));
        seen.insert(at);
    }
    assert!((4..12).contains(&seen.len()), "{seen:?}");
    let starts = |seed| Path::new(&plan(seed), 0).deadline();
    assert_eq!(starts(4), starts(4));
    assert!((0..9).any(|seed| starts(seed) != starts(4)), "another seed, another timetable");
}

#[test]
fn a_slow_reader_makes_the_sender_wait_and_a_slow_line_does_not() {
    let window = 1000;
    let chunk = |direction| Input::Chunk { direction, bytes: vec![0; 100] };
    let reader = Fault::SlowReader(SlowReader { party: Party::Client, bytes_per_s: 1000, window: 120 });
    let mut path = Path::new(&Plan { faults: vec![reader], seed: 0 }, 0);
    assert_eq!(path.room(Direction::ToClient, window), 120);
    path.handle(0, chunk(Direction::ToClient));
    path.handle(0, chunk(Direction::ToServer));
    assert_eq!(path.room(Direction::ToClient, window), 20);
    assert!(path.room(Direction::ToServer, window) > 120, "the other way is free");
    let read = |path: &mut Path, now| {
        let mut read = 0;
        while let Some(output) = path.poll(now) {
            match output {
                Output::Chunk { direction: Direction::ToClient, bytes } => read += bytes.len(),
                _ => continue,
            }
        }
        read
    };
    assert_eq!(read(&mut path, 19), 0);
    assert_eq!(read(&mut path, 20), 20);
    assert_eq!(read(&mut path, 100), 80);
    assert_eq!(path.room(Direction::ToClient, window), 120);
    let line = Fault::Rate(Rate { direction: None, bytes_per_s: 1000 });
    let mut path = Path::new(&Plan { faults: vec![line], seed: 0 }, 0);
    path.handle(0, chunk(Direction::ToClient));
    assert!(path.room(Direction::ToClient, window) > 120);
    // Many small pieces count as what they cost, and not as nothing.
    let mut path =
        Path::new(&Plan { faults: vec![Fault::Slice(Slice { piece: 1, pause_ms: 9 })], seed: 0 }, 0);
    path.handle(0, chunk(Direction::ToClient));
    assert_eq!(path.room(Direction::ToClient, window), 0);
}

#[test]
fn a_plan_can_be_lifted_and_a_connection_be_cut_by_hand() {
    use Direction::ToServer as Up;
    let healthy = Plan::default();
    let held =
        Plan { faults: vec![Fault::Gather(Gather { direction: None, bytes: 99, after_ms: None })], seed: 0 };
    let mut path = Path::new(&held, 0);
    let chunk = |text: &str| Input::Chunk { direction: Up, bytes: text.into() };
    path.handle(0, chunk("ab"));
    assert_eq!((path.poll(1000), path.deadline()), (None, None));
    path.change(1000, &healthy);
    assert_eq!(path.poll(1000), Some(Output::Chunk { direction: Up, bytes: b"ab".to_vec() }));
    path.handle(1001, chunk("c"));
    assert_eq!(path.poll(1001), Some(Output::Chunk { direction: Up, bytes: b"c".to_vec() }));
    path.break_now(1002, Breakage::Both(End::Reset));
    assert_eq!(path.poll(1002), Some(Output::End(End::Reset)));
    assert_eq!((path.poll(1003), path.broken()), (None, Some(Kind::ByHand)));
    // What has vanished stays away.
    let hole = Fault::BlackHole(BlackHole { when: When::AfterMs(Span::exactly(5)) });
    let mut path = Path::new(&Plan { faults: vec![hole], seed: 0 }, 0);
    path.handle(5, chunk("a"));
    path.change(6, &healthy);
    path.handle(6, chunk("b"));
    assert_eq!((path.poll(99), path.broken()), (None, Some(Kind::BlackHole)));
}
