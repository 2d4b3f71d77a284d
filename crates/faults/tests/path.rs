//! Every fault in virtual time: what goes in when, what comes out when.

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
