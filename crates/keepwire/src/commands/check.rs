//! `keepwire check`: the sentence of the product. The engine asks, the probes look, the report says.

use super::files::Files;
use super::{COULD_NOT, Context, Problem, demo};
use crate::cli::{Check, FailOn, Format, Role};
use crate::drive::{Stop, drive};
use crate::progress::Progress;
use crate::records;
use crate::report::{self, Report, exit_code};
use ::records::{Kind, Options, Reading};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diagnose::{Arg, Diagnosis, text};
use evidence::{Case, Evidence, Family, Origin, Redactor, Target, TargetError, Via, ViaMode};
use probe::{Credentials, NameServer, Override, Probe, Settings, SystemNet, TlsSettings};
use std::fs;
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Case files larger than this were not written by us.
const CASE_LIMIT: u64 = 64 * 1024 * 1024;

/// How often, and after which pause, it is asked again whether a mended configuration works.
const RELOAD_TRIES: usize = 3;
const RELOAD_PAUSE: Duration = Duration::from_millis(1_200);

pub(super) fn run(context: &Context, arguments: Check) -> Result<u8, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| text!("the runtime does not start: {why}", why = error.to_string()))?;
    for path in &arguments.out {
        format_of(path)?;
    }
    for path in &arguments.config {
        fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    }
    let mut files = Files::read(&arguments)?;
    let heard = heard(&arguments)?;
    let redactor = redactor(context, &arguments)?;
    let mut reports = Vec::new();
    let mut code = 0;
    let mut interrupted = false;
    if let Some(path) = &arguments.from {
        let evidence = load(path)?;
        let (report, own) = conclude(context, &arguments, &Diagnosis::resume(evidence), redactor);
        code = own;
        reports.push(report);
    }
    for url in &arguments.urls {
        let (mut diagnosis, stop) =
            runtime.block_on(look(context, &arguments, url, redactor, &files, &heard))?;
        let mut mended = files.mend(context, &arguments, &diagnosis.conclude(), diagnosis.evidence());
        if let Some(mended) = mended.as_mut().filter(|mended| mended.is_loaded()) {
            let mut again = runtime.block_on(look(context, &arguments, url, redactor, &files, &heard))?.0;
            // Old workers may answer for a moment, and some products load a file only when they notice it.
            for _ in 0..RELOAD_TRIES {
                if Files::works(mended, &again) {
                    break;
                }
                runtime.block_on(async { tokio::time::sleep(RELOAD_PAUSE).await });
                again = runtime.block_on(look(context, &arguments, url, redactor, &files, &heard))?.0;
            }
            files.verify(context, &arguments, mended, &again);
            if mended.repair.outcome == "verified" {
                diagnosis = again;
            }
        }
        if let Some(path) = &arguments.save {
            write_file(path, diagnosis.evidence().save().as_bytes())?;
        }
        let (mut report, own) = conclude(context, &arguments, &diagnosis, redactor);
        files.show_patches(&mut report, &diagnosis.conclude(), &diagnosis.evidence().case.target);
        report.repair = mended.map(|mended| mended.repair);
        code = worse(code, own);
        reports.push(report);
        if stop == Stop::Interrupted {
            interrupted = true;
            break;
        }
    }
    // Blocking look-ups of names cannot be called back; the process must not wait for them.
    runtime.shutdown_background();
    let mut out = anstream::stdout().lock();
    let written = report::write(arguments.format, &reports, &context.locale, context.look, &mut out)
        .and_then(|()| out.flush());
    // A reader that had enough (`| head`) is no failure.
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(text!("standard output: {why}", why = error.to_string()).into());
    }
    for path in &arguments.out {
        let mut bytes = Vec::new();
        report::write(
            format_of(path)?,
            &reports,
            &context.locale,
            context.look,
            &mut anstream::StripStream::new(&mut bytes),
        )
        .map_err(|error| unwritable(path, &error))?;
        write_file(path, &bytes)?;
    }
    Ok(if interrupted {
        130
    } else if arguments.exit_zero && code != COULD_NOT {
        0
    } else {
        code
    })
}

/// The exit code of several targets: a failure weighs more than our own inability, and that more than success.
fn worse(one: u8, other: u8) -> u8 {
    match (one, other) {
        (0, code) | (code, 0) => code,
        (COULD_NOT, code) | (code, COULD_NOT) => code,
        (one, _) => one,
    }
}

/// Logs and HAR files that the user gave.
fn heard(arguments: &Check) -> Result<Vec<(String, Reading)>, Problem> {
    let logs = arguments.log.iter().map(|path| (path, None));
    let hars = arguments.har.iter().map(|path| (path, Some(Kind::Har)));
    logs.chain(hars)
        .map(|(path, kind)| Ok((path.display().to_string(), records::read(path, kind, Options::default())?)))
        .collect()
}

fn redactor(context: &Context, arguments: &Check) -> Result<Redactor, Problem> {
    if !arguments.show_secrets {
        return Ok(Redactor::ON);
    }
    if !context.look.terminal || arguments.save.is_some() || !arguments.out.is_empty() {
        return Err(text!(
            "--show-secrets only works on a terminal: a file or a pipe would keep the secrets"
        )
        .into());
    }
    let warning = text!("this report will show secrets");
    let _ = writeln!(anstream::stderr(), "{}", warning.say(&context.locale));
    Ok(Redactor::OFF)
}

fn conclude(context: &Context, arguments: &Check, diagnosis: &Diagnosis, redactor: Redactor) -> (Report, u8) {
    let conclusion = diagnosis.conclude();
    let redacted = redactor == Redactor::ON;
    let mut report =
        Report::new(diagnosis.evidence(), &conclusion, &context.locale, redacted, arguments.fail_on);
    if arguments.fail_on != FailOn::Never {
        report.exit_code = exit_code(&conclusion, arguments.fail_on, arguments.exit_detail);
    }
    if arguments.exit_zero && report.exit_code != COULD_NOT {
        report.exit_code = 0;
    }
    let code = report.exit_code;
    (report, code)
}

async fn look(
    context: &Context,
    arguments: &Check,
    url: &str,
    redactor: Redactor,
    files: &Files,
    heard: &[(String, Reading)],
) -> Result<(Diagnosis, Stop), Problem> {
    let demo = if url == "demo" { Some(demo::serve().await?) } else { None };
    let url = demo.as_ref().map_or(url, |demo| demo.url.as_str());
    let settings = settings(arguments, url, redactor)?;
    let case = settings.case.clone();
    let probe = Arc::new(Probe::new(settings, Arc::new(SystemNet)));
    let live = arguments.format == Format::Text
        && context.look.terminal
        && std::io::stderr().is_terminal()
        && !context.look.quiet;
    let mut progress = Progress::new(&context.locale, live);
    let mut known = files.seeds(&case.target);
    known.extend(heard.iter().flat_map(|(file, reading)| records::about(&case.target, file, reading)));
    let outcome = drive(probe, case, known, |diagnosis, elapsed| progress.show(diagnosis, elapsed)).await;
    progress.erase();
    Ok(outcome)
}

/// What is wrong with an address; the words of the URL parser stay as they are.
fn no_address(error: TargetError) -> Arg {
    let text = match error {
        TargetError::Empty => text!("it is empty"),
        TargetError::Scheme(scheme) => {
            text!("the scheme \"{scheme}\" is not ws, wss, http or https", scheme = scheme)
        }
        TargetError::Malformed(why) => text!("it does not parse: {why}", why = why),
        TargetError::NoHost => text!("it has no host"),
        TargetError::BadPort(port) => text!("\"{port}\" is not a port", port = port),
        other => return other.to_string().into(),
    };
    text.into()
}

/// Everything that was chosen, held together.
fn settings(arguments: &Check, url: &str, redactor: Redactor) -> Result<Settings, Problem> {
    let mut target = Target::parse(url).map_err(|error| {
        text!(
            "\"{url}\" is no address of a WebSocket: {why}",
            url = redactor.url(url),
            why = no_address(error)
        )
    })?;
    for parameter in &arguments.params {
        target.path.push(if target.path.contains('?') { '&' } else { '?' });
        target.path.push_str(&encode(parameter));
    }
    let path = target.path.clone();
    target.path = redactor.path(&target.path);
    let mut case = Case::new(target);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    case.started_at_unix_us = u64::try_from(now.as_micros()).unwrap_or(0);
    case.origin = match arguments.origin.as_deref() {
        None | Some("none") => Origin::None,
        Some(origin) => Origin::Given(origin.trim_end_matches('/').to_owned()),
    };
    if let Some(page) = &arguments.page {
        let parsed = url::Url::parse(page).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        case.page = Some(
            parsed
                .ok_or_else(|| text!("--page wants an http or https address, not {text}", text = page))?
                .to_string(),
        );
    }
    case.subprotocols.clone_from(&arguments.subprotocol);
    case.as_browser = arguments.role == Role::Browser;
    // A page's handshake always has an origin; who wants to see it without says --origin none.
    if (case.as_browser || case.page.is_some()) && arguments.origin.is_none() {
        case.origin = Origin::Given(case.page_origin().unwrap_or_else(|| case.target.own_origin()));
    }
    case.family = match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    };
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    case.hold_us = arguments.hold.map(micros);
    case.size = arguments.size;
    case.budget_us = micros(arguments.timeout.unwrap_or(Duration::from_secs(10)));
    case.insecure = arguments.insecure;
    case.connect_to.clone_from(&arguments.connect_to);
    let mut settings = Settings { path, redactor, no_message: arguments.no_message, ..Settings::new(case) };
    headers(arguments, &mut settings)?;
    way(arguments, &mut settings)?;
    certificates(arguments, &mut settings)?;
    Ok(settings)
}

/// What may not stand in a query as it is.
fn encode(parameter: &str) -> String {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}

fn headers(arguments: &Check, settings: &mut Settings) -> Result<(), Problem> {
    let bad = |text: &str| Problem(text!("\"{text}\" is no header: write NAME: VALUE", text = text));
    for header in &arguments.headers {
        let (name, value) = header.split_once(':').ok_or_else(|| bad(header))?;
        let (name, value) = (name.trim(), value.trim());
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        // A line break would smuggle in headers that the report does not show.
        if name.is_empty() || !name.chars().all(token) || value.contains(['\r', '\n', '\0']) {
            return Err(bad(name));
        }
        settings.headers.push((name.to_owned(), value.to_owned()));
    }
    if !arguments.cookie.is_empty() {
        let cookies = arguments.cookie.join("; ");
        if cookies.contains(['\r', '\n', '\0']) {
            return Err(bad("Cookie"));
        }
        settings.headers.push(("Cookie".to_owned(), cookies));
    }
    if let Some(auth) = &arguments.auth {
        let value = match auth.split_once(':') {
            Some((kind, token)) if kind.eq_ignore_ascii_case("bearer") => format!("Bearer {token}"),
            Some(_) => format!("Basic {}", STANDARD.encode(auth)),
            None => return Err(text!("--auth wants user:password or bearer:TOKEN").into()),
        };
        if value.contains(['\r', '\n', '\0']) {
            return Err(bad("Authorization"));
        }
        settings.headers.push(("Authorization".to_owned(), value));
    }
    settings.case.header_names = settings.headers.iter().map(|(name, _)| name.clone()).collect();
    Ok(())
}

fn way(arguments: &Check, settings: &mut Settings) -> Result<(), Problem> {
    for text in &arguments.resolve {
        settings.overrides.push(given_address(text)?);
    }
    settings.case.resolve_given = !settings.overrides.is_empty();
    if let Some(text) = &arguments.connect_to {
        let (host, port) = text
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?)))
            .ok_or_else(|| text!("--connect-to wants HOST:PORT, not {text}", text = text))?;
        let host = if host.is_empty() { "127.0.0.1".to_owned() } else { host };
        settings.connect_to = Some((host, port));
    }
    for text in &arguments.dns {
        let address = text
            .parse::<SocketAddr>()
            .ok()
            .or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, 53)));
        settings.name_servers.push(NameServer(
            address.ok_or_else(|| text!("--dns wants an address, not {text}", text = text))?,
        ));
    }
    settings.proxy_variables = std::env::vars()
        .filter(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            ["http_proxy", "https_proxy", "all_proxy", "no_proxy"].contains(&lower.as_str())
                && !value.is_empty()
        })
        .collect();
    settings.proxy_variables.sort();
    let mode = match arguments.via_mode {
        crate::cli::ViaMode::Auto => ViaMode::Auto,
        crate::cli::ViaMode::Connect => ViaMode::Connect,
        crate::cli::ViaMode::Forward => ViaMode::Forward,
    };
    let from_environment = environment_proxy(settings);
    let chosen = match arguments.via.as_deref() {
        Some("none") => {
            settings.environment_proxy = from_environment.map(|(_, url)| split_credentials(&url));
            None
        }
        Some(url) => Some((None, url.to_owned())),
        // Who names the place to connect to wants no proxy in between.
        None if settings.connect_to.is_some() => None,
        None => from_environment.map(|(name, url)| (Some(name), url)),
    };
    if let Some((variable, url)) = chosen {
        let (bare, credentials) = split_credentials(&url);
        let full = if bare.contains("://") { bare.clone() } else { format!("http://{bare}") };
        let parsed = url::Url::parse(&full).ok().filter(|url| {
            matches!(url.scheme(), "http" | "socks5" | "socks5h" | "socks")
                && url.host_str().is_some_and(|host| !host.is_empty())
        });
        if parsed.is_none() {
            return Err(text!(
                "{url} is no proxy that can be used: write http://host:port or socks5://host:port",
                url = bare
            )
            .into());
        }
        settings.case.via = Some(Via { url: bare, mode, variable, credentials: credentials.is_some() });
        settings.proxy_credentials = credentials;
    }
    Ok(())
}

/// The proxy that the environment names for the target, and the variable that does.
fn environment_proxy(settings: &Settings) -> Option<(String, String)> {
    let target = &settings.case.target;
    let variables = &settings.proxy_variables;
    let list = variables
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("no_proxy"))
        .map(|(_, list)| list.as_str());
    if list.is_some_and(|list| probe::no_proxy_covers(list, &target.host, target.port)) {
        return None;
    }
    let wanted = if target.secure { ["https_proxy", "all_proxy"] } else { ["http_proxy", "all_proxy"] };
    wanted
        .iter()
        .find_map(|wanted| variables.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)))
        .cloned()
}

/// A proxy's URL without its credentials, and these.
fn split_credentials(text: &str) -> (String, Option<Credentials>) {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let Some((pair, host)) = rest.rsplit_once('@') else {
        return (text.trim_end_matches('/').to_owned(), None);
    };
    let (user, password) = pair.split_once(':').unwrap_or((pair, ""));
    let decode = |text: &str| {
        url::form_urlencoded::parse(format!("v={}", text.replace('+', "%2B")).as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let bare = if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") };
    (
        bare.trim_end_matches('/').to_owned(),
        Some(Credentials { user: decode(user), password: decode(password) }),
    )
}

/// `HOST:PORT:ADDRESS`, with brackets around IPv6 addresses or without.
fn given_address(text: &str) -> Result<Override, Problem> {
    let parsed = text.split_once(':').and_then(|(host, rest)| {
        let (port, addresses) = rest.split_once(':')?;
        let port = if port == "*" { None } else { Some(port.parse().ok()?) };
        let addresses: Option<Vec<IpAddr>> =
            addresses.split(',').map(|address| address.trim_matches(['[', ']']).parse().ok()).collect();
        Some(Override { host: host.to_ascii_lowercase(), port, addresses: addresses? })
    });
    parsed.ok_or_else(|| text!("--resolve wants HOST:PORT:ADDRESS, not {text}", text = text).into())
}

fn certificates(arguments: &Check, settings: &mut Settings) -> Result<(), Problem> {
    let read = |path: &Path| fs::read(path).map_err(|error| unreadable(path, &error));
    let wrong = |path: &Path, why: &dyn std::fmt::Display| {
        Problem(text!("{file}: {why}", file = path.display().to_string(), why = why.to_string()))
    };
    if let Some(path) = &arguments.ca {
        settings.tls.roots = TlsSettings::certificates(&read(path)?).map_err(|error| wrong(path, &error))?;
        settings.case.own_roots = true;
    }
    if let Some(path) = &arguments.cert {
        let key = arguments.key.as_ref().unwrap_or(path);
        let identity =
            TlsSettings::identity(&read(path)?, &read(key)?).map_err(|error| wrong(key, &error))?;
        settings.tls.identity = Some(identity);
        settings.case.client_certificate = true;
    }
    Ok(())
}

fn load(path: &Path) -> Result<Evidence, Problem> {
    let length = fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    let name = path.display().to_string();
    if length > CASE_LIMIT {
        return Err(text!("{file}: too large for a case file", file = name).into());
    }
    let content = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Evidence::load(&content)
        .map_err(|error| text!("{file} is no case file: {why}", file = name, why = error.to_string()).into())
}

pub(super) fn format_of(path: &Path) -> Result<Format, Problem> {
    path.extension().and_then(|ending| Format::of_ending(ending.to_str()?)).ok_or_else(|| {
        text!(
            "{file}: the ending tells no format; use .txt, .json, .md, .html or .xml",
            file = path.display().to_string()
        )
        .into()
    })
}

pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    fs::write(path, bytes).map_err(|error| unwritable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem(text!("{file} cannot be read: {why}", file = path.display().to_string(), why = error.to_string()))
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Problem {
    Problem(text!(
        "{file} cannot be written: {why}",
        file = path.display().to_string(),
        why = error.to_string()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_proxys_address() {
        let (bare, credentials) = split_credentials("http://li:p%40ss@proxy.corp:3128/");
        let credentials = credentials.expect("there are credentials");
        assert_eq!(
            (bare.as_str(), credentials.user.as_str(), credentials.password.as_str()),
            ("http://proxy.corp:3128", "li", "p@ss")
        );
        assert!(split_credentials("proxy:3128").1.is_none());
    }

    #[test]
    fn addresses_as_in_curl() {
        for (text, host, port, count) in [
            ("app.example:443:127.0.0.1", "app.example", Some(443), 1),
            ("app.example:443:[::1]", "app.example", Some(443), 1),
            ("app.example:*:::1,127.0.0.1", "app.example", None, 2),
        ] {
            let given = given_address(text).expect("it is understood");
            assert_eq!(
                (given.host.as_str(), given.port, given.addresses.len()),
                (host, port, count),
                "{text}"
            );
        }
        for text in ["", "app.example", "app.example:443", "app.example:x:127.0.0.1", "app.example:443:name"]
        {
            assert!(given_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn one_failure_is_enough() {
        for (one, other, both) in [(0, 0, 0), (0, 1, 1), (1, 2, 1), (2, 0, 2), (15, 0, 15), (2, 14, 14)] {
            assert_eq!(worse(one, other), both);
        }
    }

    #[test]
    fn headers_cannot_smuggle() {
        let check = |header: &str| {
            let arguments = Check { headers: vec![header.to_owned()], ..Check::default() };
            settings(&arguments, "ws://h/", Redactor::ON).is_ok()
        };
        assert!(check("X-Room: 7"));
        for bad in ["no colon", ": empty", "X-A: b\r\nX-C: d", "X A: b"] {
            assert!(!check(bad), "{bad}");
        }
    }
}
