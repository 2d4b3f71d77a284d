//! `keepwire lab`: broken servers and broken networks, to try any client, server or tool against.

use super::{Context, Problem, echo};
use crate::cli::lab::{Chaos, Lab, Serve};
use crate::report::style::{BOLD, pad, paint, width};
use ::lab::chaos::{Running, Statistics};
use ::lab::faults::Kind;
use ::lab::plan::{ChaosPlan, PRESETS, PlanError, Wanted, Wrong};
use ::lab::{chaos, endpoint, serve};
use diagnose::{Locale, Text, text};
use evidence::{Preview, Redactor};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a request line that are shown.
const LINE: usize = 200;
/// How often the line of a terminal is drawn anew.
const DRAWN: Duration = Duration::from_millis(250);
/// How often a line is written where nobody can draw.
const WRITTEN: Duration = Duration::from_secs(5);

pub(super) fn run(context: &Context, arguments: &Lab) -> Result<u8, Problem> {
    match arguments {
        Lab::List => list(context),
        Lab::Serve(arguments) => block_on(serve_all(context, arguments)),
        Lab::Chaos(arguments) => match &arguments.preset {
            Some(name) if arguments.print => print(name),
            _ => block_on(relay(context, arguments)),
        },
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| text!("the runtime does not start: {why}", why = error.to_string()))?;
    runtime.block_on(work)
}

fn list(context: &Context) -> Result<u8, Problem> {
    let endpoints = endpoint::names();
    let names = endpoints.iter().map(|(name, _)| *name).chain(PRESETS.iter().map(|(name, ..)| *name));
    let widest = names.map(width).max().unwrap_or(0);
    let mut out = String::new();
    let mut line = |name: &str, what: &str| {
        out.push_str(&format!("{}  {}\n", paint(BOLD, &pad(name, widest)), context.locale.translate(what)));
    };
    endpoints.iter().for_each(|(name, what)| line(name, what));
    PRESETS.iter().for_each(|(name, what, _)| line(name, what));
    let _ = anstream::stdout().write_all(out.as_bytes());
    if context.look.terminal && !context.look.quiet {
        let hint = text!(
            "An endpoint is a path of keepwire lab serve, N a number of seconds; the last {count} are presets of keepwire lab chaos.",
            count = PRESETS.len()
        );
        let _ = writeln!(anstream::stderr(), "{}", hint.say(&context.locale));
    }
    Ok(0)
}

fn print(name: &str) -> Result<u8, Problem> {
    let text = PRESETS.iter().find(|(known, ..)| *known == name).map_or("", |(.., text)| *text);
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(0)
}

async fn serve_all(context: &Context, arguments: &Serve) -> Result<u8, Problem> {
    let address = listen_address(&arguments.listen)?;
    let locale = &context.locale;
    let log: serve::OnRequest = Arc::new(|head, peer, _| {
        // Anybody may write to us, also what would move the cursor, and addresses that hold tokens.
        let target = Redactor::ON.path(&head.target);
        let line = Preview::new(format!("{} {target}", head.method).as_bytes(), LINE).text;
        let _ = writeln!(anstream::stderr(), "{peer}  {line}");
    });
    let rows = endpoint::names().iter();
    let index = serve::Index {
        language: locale.name().to_owned(),
        title: text!("The lab of Keepwire").say(locale),
        intro: text!("Each path is an endpoint, N a number of seconds; what follows in the path is the endpoint's own. Try: keepwire check ws://{host}/upgrade-200-html", host = "{host}").say(locale),
        unknown: text!("There is no endpoint {name}; did you mean /{like}? All of them: /", name = "{name}", like = "{like}").say(locale),
        rows: rows.map(|(name, what)| ((*name).to_owned(), locale.translate(what).to_owned())).collect(),
    };
    let server = serve::serve(address, index, (!context.look.quiet).then_some(log)).await;
    let server = server.map_err(|error| cannot_listen(address, &error))?;
    let interrupted = interrupted();
    let ready = text!(
        "{count} endpoints on http://{address}/; try: keepwire check ws://{address}/upgrade-200-html   (Ctrl-C ends it)",
        count = endpoint::names().len(),
        address = server.addr
    );
    let _ = writeln!(anstream::stderr(), "{}", ready.say(locale));
    tokio::select! {
        () = server.wait() => {}
        () = interrupted => {}
    }
    Ok(0)
}

async fn relay(context: &Context, arguments: &Chaos) -> Result<u8, Problem> {
    let listen = listen_address(&arguments.listen)?;
    let wanted = arguments.upstream.as_deref().unwrap_or_default();
    let upstream = upstream_address(wanted).await?;
    let (plan, name) = match (&arguments.plan, &arguments.preset) {
        (Some(file), _) => (read_plan(file)?, Some(file.display().to_string())),
        (None, Some(name)) => (ChaosPlan::preset(name).unwrap_or_default(), Some(name.clone())),
        (None, None) => (ChaosPlan::default(), None),
    };
    let seed = arguments.seed.or(Some(plan.faults.seed).filter(|seed| *seed != 0)).unwrap_or_else(new_seed);
    let running = chaos::run(listen, upstream, plan.with_seed(seed)).await;
    let running = running.map_err(|error| cannot_listen(listen, &error))?;
    let locale = &context.locale;
    let what = name.as_ref().map_or_else(|| text!("no faults"), |name| text!("{name}", name = name));
    let interrupted = interrupted();
    let ready = text!(
        "relaying {listen} → {upstream}: {what}; seed {seed}   (Ctrl-C ends it)",
        listen = running.addr,
        upstream = upstream,
        what = what,
        seed = seed
    );
    let _ = writeln!(anstream::stderr(), "{}", ready.say(locale));
    let started = Instant::now();
    let mut live = Live::new(context);
    let over = async {
        match arguments.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = live.show(&running, started) => {}
        () = over => {}
        () = interrupted => {}
    }
    live.erase();
    let seen = running.statistics();
    if arguments.json {
        let cuts: serde_json::Map<_, _> = seen
            .struck
            .iter()
            .filter(|(kind, _)| **kind != Kind::Twice)
            .map(|(kind, count)| (kind.id().to_owned(), (*count).into()))
            .collect();
        let value = serde_json::json!({
            "schema": "keepwire.chaos/1",
            "plan": name,
            "seed": seed,
            "listen": running.addr.to_string(),
            "upstream": upstream.to_string(),
            "elapsed_ms": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "connections": seen.connections,
            "open": seen.open,
            "ended": seen.ended,
            "unreachable": seen.unreachable,
            "doubled": seen.of(Kind::Twice),
            "cuts": cuts,
            "bytes_to_server": seen.to_server,
            "bytes_to_client": seen.to_client,
        });
        let _ = writeln!(std::io::stdout(), "{value:#}");
    } else {
        let _ = write!(anstream::stderr(), "{}", summary(&seen, seed, started.elapsed(), locale));
    }
    Ok(0)
}

/// A line that follows what happens.
struct Live<'a> {
    locale: &'a Locale,
    terminal: bool,
    quiet: bool,
    drawn: bool,
}

impl<'a> Live<'a> {
    fn new(context: &'a Context) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { locale: &context.locale, terminal, quiet: context.look.quiet, drawn: false }
    }

    /// Never ends.
    async fn show(&mut self, running: &Running, started: Instant) {
        let mut ticks = tokio::time::interval(if self.terminal { DRAWN } else { WRITTEN });
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if self.quiet {
                continue;
            }
            let line = line(&running.statistics(), started.elapsed(), self.locale);
            let mut out = std::io::stderr();
            // Back to the first column, then clear to the end of the line (ECMA-48 EL).
            let _ = if self.terminal { write!(out, "\r{line}\x1b[K") } else { writeln!(out, "{line}") };
            let _ = out.flush();
            self.drawn = self.terminal;
        }
    }

    fn erase(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(seen: &Statistics, elapsed: Duration, locale: &Locale) -> String {
    text!(
        "{seconds} s  connections {connections}, open {open}, cut {cuts}  → {up}  ← {down}",
        seconds = elapsed.as_secs(),
        connections = seen.connections,
        open = seen.open,
        cuts = seen.cuts(),
        up = bytes(seen.to_server),
        down = bytes(seen.to_client)
    )
    .say(locale)
}

fn summary(seen: &Statistics, seed: u64, elapsed: Duration, locale: &Locale) -> String {
    let kinds: Vec<String> =
        seen.struck.iter().map(|(kind, count)| format!("{} {count}", kind.id())).collect();
    let mut lines = vec![
        line(seen, elapsed, locale),
        text!(
            "ended by client or server {ended}, server not reachable {unreachable}",
            ended = seen.ended,
            unreachable = seen.unreachable
        )
        .say(locale),
    ];
    if !kinds.is_empty() {
        lines.push(text!("faults: {kinds}", kinds = kinds.join(", ")).say(locale));
    }
    lines.push(text!("the same once more: --seed {seed}", seed = seed).say(locale));
    lines.join("\n") + "\n"
}

/// `999 B`, `1.2 kB`, `3.4 MB`.
fn bytes(count: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "shown with one digit after the point")]
    let (mut value, mut unit) = (count as f64, "B");
    for larger in ["kB", "MB", "GB", "TB"] {
        // What would be rounded up to 1000 belongs to the next unit.
        if value < 999.95 {
            break;
        }
        (value, unit) = (value / 1000.0, larger);
    }
    if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") }
}

fn read_plan(file: &Path) -> Result<ChaosPlan, Problem> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| text!("{file} cannot be read: {why}", file = &shown, why = error.to_string()))?;
    ChaosPlan::parse(&text).map_err(|error| mistake(&shown, &error).into())
}

/// A mistake in a plan with its place, as compilers write it.
fn mistake(file: &str, error: &PlanError) -> Text {
    let what = match &error.wrong {
        Wrong::Syntax(why) => text!("this is no TOML: {why}", why = why),
        Wrong::UnknownKey(key, like) => {
            text!("there is no key {key} here; did you mean {like}?", key = key, like = like)
        }
        Wrong::UnknownValue(key, value, like) => {
            text!(
                "{key} cannot be \"{value}\"; did you mean \"{like}\"?",
                key = key,
                value = value,
                like = like
            )
        }
        Wrong::Missing(key) => text!("{key} is missing", key = key),
        Wrong::Value(key, wanted) => {
            let wanted = match wanted {
                Wanted::Text => text!("a text in quotes"),
                Wanted::Switch => text!("true or false"),
                Wanted::Number => text!("a whole number that is not too large"),
                Wanted::Span => text!("a whole number, or two in brackets: [from, to]"),
                Wanted::Chance => text!("a number from 0 to 1"),
                Wanted::Tables => text!("tables: [[faults]]"),
            };
            text!("{key} must be {wanted}", key = key, wanted = wanted)
        }
        Wrong::When => text!("exactly one of after_ms, mean_ms, after_bytes and mean_bytes must say when"),
    };
    text!(
        "{file}:{line}:{column}: {what}",
        file = file,
        line = error.line,
        column = error.column,
        what = what
    )
}

fn listen_address(text: &str) -> Result<SocketAddr, Problem> {
    echo::address(text).ok_or_else(|| {
        text!("{text} is no address to listen on: write :9001 or 127.0.0.1:9001", text = text).into()
    })
}

async fn upstream_address(text: &str) -> Result<SocketAddr, Problem> {
    if let Some(address) = echo::address(text) {
        return Ok(address);
    }
    let wrong = || text!("{text} is no server to relay to: write :8080 or host:8080", text = text);
    // A port that is no number would be asked for as a name.
    if !text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
        return Err(wrong().into());
    }
    let mut found = tokio::net::lookup_host(text)
        .await
        .map_err(|error| text!("{text} has no address: {why}", text = text, why = error.to_string()))?;
    Ok(found.next().ok_or_else(wrong)?)
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Problem {
    text!("cannot listen on {address}: {why}", address = address, why = error.to_string()).into()
}

/// Short enough to be typed again.
fn new_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |since| u64::from(since.subsec_nanos()) % 1_000_000 + 1)
}

/// Ctrl-C, or a polite request to end. It is heard from now on, and not from when this is awaited.
#[cfg(unix)]
fn interrupted() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        if let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    #[test]
    fn mistakes_are_said_in_both_languages() {
        for (plan, english, chinese) in [
            (
                "[[faults]]\nkind = 'delai'",
                "p.toml:2:8: kind cannot be \"delai\"; did you mean \"delay\"?",
                "p.toml:2:8：kind 不能是 \"delai\"；是不是 \"delay\"？",
            ),
            (
                "sed = 1",
                "p.toml:1:1: there is no key sed here; did you mean seed?",
                "p.toml:1:1：这里没有 sed 这个键；是不是 seed？",
            ),
            (
                "seed = 'a'",
                "p.toml:1:8: seed must be a whole number that is not too large",
                "p.toml:1:8：seed 必须是不太大的整数",
            ),
            ("[[faults]]\nkind = 'refuse'", "p.toml:1:1: chance is missing", "p.toml:1:1：缺少 chance"),
        ] {
            let said = mistake("p.toml", &ChaosPlan::parse(plan).unwrap_err());
            assert_eq!(said.english(), english);
            assert_eq!(said.say(&Language::Chinese.locale()), chinese);
        }
        let said = mistake("p.toml", &ChaosPlan::parse("seed = 1\nfaults = [").unwrap_err()).english();
        assert!(said.starts_with("p.toml:2:") && said.contains("this is no TOML: "), "{said}");
    }

    #[test]
    fn sizes() {
        for (count, expect) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (3_449_000, "3.4 MB")]
        {
            assert_eq!(bytes(count), expect);
        }
    }
}
