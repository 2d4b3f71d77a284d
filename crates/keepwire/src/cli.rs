//! The command line: flags and their help. Help is English here; [`command`] says it in the user's language.

pub mod lab;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use diagnose::Locale;
use std::path::PathBuf;
use std::time::Duration;

/// Finds out why a WebSocket connection fails, proves it, and says what to change.
#[derive(Debug, Parser)]
#[command(
    name = "keepwire",
    version,
    disable_help_subcommand = true,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Language of everything that is said: en or zh-CN
    #[arg(long, global = true, value_name = "LANG")]
    pub lang: Option<String>,

    /// Colours: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", env = "KEEPWIRE_COLOR")]
    pub color: Color,

    /// Plain letters instead of symbols that some terminals lack
    #[arg(long, global = true)]
    pub ascii: bool,

    /// Say more: once for headers and times, twice for raw bytes
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Say only what was found
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Never ask anything
    #[arg(long, global = true)]
    pub no_input: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Explain whether and why a connection works
    Check(Box<Check>),
    /// Explain a HAR, a log, a console error or a curl command
    Read(Read),
    /// Check configuration files of proxies, and mend them
    Lint(Box<Lint>),
    /// What a finding means
    Explain(Explain),
    /// A healthy echo server, to compare with
    Echo(Echo),
    /// Connections that survive: a gateway in front of any WebSocket server
    Gateway(Box<Gateway>),
    /// Broken servers and broken networks, to try anything against
    #[command(subcommand)]
    Lab(lab::Lab),
    /// Completions for a shell, to standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Manual pages, into a folder
    Man {
        /// Where to write them
        folder: PathBuf,
    },
    /// The JSON Schema of a report, to standard output
    #[command(hide = true)]
    Schema,
}

/// `keepwire check`
#[derive(Debug, Args, Default)]
#[command(arg_required_else_help = true)]
pub struct Check {
    /// Addresses: wss://host/path, host/path, :8080/path; or demo, a broken deployment to try it on
    #[arg(value_name = "URL", required_unless_present = "from")]
    pub urls: Vec<String>,

    /// Origin that the handshake carries, or none
    #[arg(long, value_name = "URL|none", env = "KEEPWIRE_ORIGIN", help_heading = "Handshake")]
    pub origin: Option<String>,
    /// The page that opens the socket: its rules are checked, too
    #[arg(long, value_name = "URL", help_heading = "Handshake")]
    pub page: Option<String>,
    /// Subprotocol to offer; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Handshake")]
    pub subprotocol: Vec<String>,
    /// Extra request header; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", help_heading = "Handshake")]
    pub headers: Vec<String>,
    /// Query parameter to add; may be repeated
    #[arg(short, long = "param", value_name = "NAME=VALUE", help_heading = "Handshake")]
    pub params: Vec<String>,
    /// Cookie to send; may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Handshake")]
    pub cookie: Vec<String>,
    /// Credentials: user:password, or bearer:TOKEN
    #[arg(
        long,
        value_name = "CREDENTIALS",
        env = "KEEPWIRE_AUTH",
        hide_env_values = true,
        help_heading = "Handshake"
    )]
    pub auth: Option<String>,
    /// Whose handshake decides: program or browser
    #[arg(long = "as", value_name = "WHO", default_value = "program", help_heading = "Handshake")]
    pub role: Role,

    /// Forward proxy to go through, or none (default: as the environment says)
    #[arg(long, value_name = "URL|none", env = "KEEPWIRE_VIA", help_heading = "Way")]
    pub via: Option<String>,
    /// How to ask the proxy: auto, connect or forward
    #[arg(long, value_name = "HOW", default_value = "auto", help_heading = "Way")]
    pub via_mode: ViaMode,
    /// Address for a name, as in curl: HOST:PORT:ADDRESS; may be repeated
    #[arg(long, value_name = "HOST:PORT:ADDRESS", help_heading = "Way")]
    pub resolve: Vec<String>,
    /// Connect there instead, past name service and proxies
    #[arg(long, value_name = "HOST:PORT", help_heading = "Way")]
    pub connect_to: Option<String>,
    /// Name server to ask instead of the system's; may be repeated
    #[arg(long, value_name = "ADDRESS[:PORT]", help_heading = "Way")]
    pub dns: Vec<String>,
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6", help_heading = "Way")]
    pub ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long, help_heading = "Way")]
    pub ipv6: bool,

    /// Trust the certificates in this file, too
    #[arg(long, value_name = "FILE", env = "KEEPWIRE_CA", help_heading = "TLS")]
    pub ca: Option<PathBuf>,
    /// Client certificate, PEM
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub cert: Option<PathBuf>,
    /// Its key, PEM (default: in the same file)
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    pub key: Option<PathBuf>,
    /// Do not judge certificates
    #[arg(short = 'k', long, help_heading = "TLS")]
    pub insecure: bool,

    /// Stay connected without a word for this long: who ends it, and when?
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Depth")]
    pub hold: Option<Duration>,
    /// Try messages of growing size up to this one: 64K, 1M
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Depth")]
    pub size: Option<u64>,
    /// Send only control frames, no message
    #[arg(long, help_heading = "Depth")]
    pub no_message: bool,
    /// Time for everything but the hold
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s", env = "KEEPWIRE_TIMEOUT", help_heading = "Depth")]
    pub timeout: Option<Duration>,

    /// Configuration file of a proxy on the way, or its folder; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Evidence")]
    pub config: Vec<PathBuf>,
    /// Version of a product on the way: nginx=1.28 (default: the one installed here); may be repeated
    #[arg(long, value_name = "PRODUCT=VERSION", requires = "config", help_heading = "Evidence")]
    pub version_of: Vec<String>,
    /// Mend the configuration: safe changes only, or with =unsafe all; shown, and with --write made, tested and verified
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "safe", requires = "config", help_heading = "Mending")]
    pub fix: Option<FixLevel>,
    /// Write the mended files; if a later step fails, they are put back
    #[arg(long, requires = "fix", help_heading = "Mending")]
    pub write: bool,
    /// Let the product load them, and ask again whether it works now
    #[arg(long, requires = "write", help_heading = "Mending")]
    pub reload: bool,
    /// Command that tests the files, instead of the product's own; {file} is the main file
    #[arg(long, value_name = "COMMAND", requires = "fix", help_heading = "Mending")]
    pub test_command: Option<String>,
    /// Command that loads them, instead of the product's own
    #[arg(long, value_name = "COMMAND", requires = "fix", help_heading = "Mending")]
    pub reload_command: Option<String>,
    /// Log of a hop on the way: what it says of this address counts, too; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Evidence")]
    pub log: Vec<PathBuf>,
    /// HAR file: what it says of this address counts, too; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Evidence")]
    pub har: Vec<PathBuf>,
    /// Save the evidence as a case file
    #[arg(long, value_name = "FILE", help_heading = "Evidence")]
    pub save: Option<PathBuf>,
    /// Read the evidence from a case file; nothing is sent
    #[arg(long, value_name = "FILE", conflicts_with = "urls", help_heading = "Evidence")]
    pub from: Option<PathBuf>,
    /// Show secrets in the report (only on a terminal)
    #[arg(long, help_heading = "Evidence")]
    pub show_secrets: bool,

    /// Format on standard output
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        env = "KEEPWIRE_FORMAT",
        help_heading = "Report"
    )]
    pub format: Format,
    /// Also write the report to a file; its ending tells the format; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub out: Vec<PathBuf>,
    /// What counts as failed: note, warning, error or never
    #[arg(
        long,
        value_name = "SEVERITY",
        default_value = "error",
        env = "KEEPWIRE_FAIL_ON",
        help_heading = "Report"
    )]
    pub fail_on: FailOn,
    /// Exit with a code for the failing layer instead of 1 (11 input … 19 browser)
    #[arg(long, help_heading = "Report")]
    pub exit_detail: bool,
    /// Exit with 0 whatever was found
    #[arg(long, help_heading = "Report")]
    pub exit_zero: bool,
}

/// `keepwire read`
#[derive(Debug, Args, Default)]
pub struct Read {
    /// Files to read, compressed or not; - is standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What it is, where that is not recognised
    #[arg(long, value_name = "KIND")]
    pub kind: Option<RecordKind>,
    /// Format of an access log, as in nginx's log_format or Apache's LogFormat
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Only what happened since then: 2h, 30m, 2026-11-26T07:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// List the connections of a HAR and their messages
    #[arg(long)]
    pub list: bool,
    /// What is struck out: secrets, or strict: hosts and addresses, too
    #[arg(long, value_name = "HOW", default_value = "secrets")]
    pub redact: Redact,
    /// Format on standard output
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        env = "KEEPWIRE_FORMAT",
        help_heading = "Report"
    )]
    pub format: Format,
    /// Also write the report to a file; its ending tells the format; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub out: Vec<PathBuf>,
    /// Exit with 0 whatever was found
    #[arg(long, help_heading = "Report")]
    pub exit_zero: bool,
}

/// `keepwire lint`
#[derive(Debug, Args, Default)]
pub struct Lint {
    /// Files or folders; - for standard input; none: where the products keep theirs
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,

    /// Language of the files: nginx, apache, haproxy, caddy, traefik, envoy or kubernetes (default: it is recognised)
    #[arg(long, value_name = "PRODUCT", help_heading = "Reading")]
    pub dialect: Option<Product>,
    /// What surrounds a fragment: main, http, server or location (nginx)
    #[arg(long, value_name = "LEVEL", help_heading = "Reading")]
    pub context: Option<Level>,
    /// Version of nginx that the files are for (default: the one installed here)
    #[arg(long, value_name = "VERSION", env = "KEEPWIRE_NGINX_VERSION", help_heading = "Reading")]
    pub nginx_version: Option<String>,
    /// Version of any product: haproxy=2.8; may be repeated
    #[arg(long, value_name = "PRODUCT=VERSION", help_heading = "Reading")]
    pub version_of: Vec<String>,
    /// A path that carries WebSockets, though nothing in the files says so; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Reading")]
    pub location: Vec<String>,
    /// Sockets that are expected at the same time
    #[arg(long, value_name = "COUNT", help_heading = "Reading")]
    pub connections: Option<u64>,
    /// The hops of the way and their limits: cdn=cloudflare,lb=alb:60s,proxy=nginx.conf,app=ping:30s
    #[arg(long, value_name = "HOPS", help_heading = "Reading")]
    pub chain: Option<String>,

    /// Mend what can be mended: safe changes only, or with =unsafe all; files are written, tested, and put back if the test fails
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "safe", help_heading = "Mending")]
    pub fix: Option<FixLevel>,
    /// Only show what would be changed
    #[arg(long, help_heading = "Mending")]
    pub diff: bool,
    /// Let the product load the mended files; if that fails, everything is put back
    #[arg(long, requires = "fix", help_heading = "Mending")]
    pub reload: bool,
    /// Command that tests the files, instead of the product's own; {file} is the main file
    #[arg(long, value_name = "COMMAND", help_heading = "Mending")]
    pub test_command: Option<String>,
    /// Command that loads them, instead of the product's own
    #[arg(long, value_name = "COMMAND", help_heading = "Mending")]
    pub reload_command: Option<String>,

    /// Format on standard output
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        env = "KEEPWIRE_FORMAT",
        help_heading = "Report"
    )]
    pub format: LintFormat,
    /// What counts as failed: note, warning, error or never
    #[arg(
        long,
        value_name = "SEVERITY",
        default_value = "error",
        env = "KEEPWIRE_FAIL_ON",
        help_heading = "Report"
    )]
    pub fail_on: FailOn,
    /// Exit with 0 whatever was found
    #[arg(long, help_heading = "Report")]
    pub exit_zero: bool,
}

/// `keepwire explain`
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct Explain {
    /// Id of a finding, such as upgrade-stripped
    #[arg(required_unless_present = "list")]
    pub id: Option<String>,
    /// All ids with their titles
    #[arg(long)]
    pub list: bool,
}

/// `keepwire echo`
#[derive(Debug, Args)]
pub struct Echo {
    /// Where to listen: :9001, 127.0.0.1:9001, [::1]:9001
    #[arg(default_value = "127.0.0.1:9001")]
    pub address: String,
    /// Tell each client what arrived of its handshake, header by header
    #[arg(long)]
    pub reflect: bool,
    /// Do not agree to compression
    #[arg(long)]
    pub no_compression: bool,
}

/// `keepwire gateway`
#[derive(Debug, Args, Default)]
pub struct Gateway {
    /// Where to listen: :8000, 0.0.0.0:443 (default: 127.0.0.1:8000)
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// The WebSocket server behind: ws://127.0.0.1:3000 (default: an echo of its own, to try it on)
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,
    /// Settings from this file, table [gateway]; options count more
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Serve the files of this folder to plain requests
    #[arg(long, value_name = "FOLDER")]
    pub files: Option<PathBuf>,
    /// Certificate chain, PEM: speak TLS
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Pages of this origin may connect, beside the gateway's own; * for any; may be repeated
    #[arg(long, value_name = "URL")]
    pub origin: Vec<String>,
    /// Host name that is served; may be repeated (default: any)
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// How long a session waits for its client to come back (default: 2m)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub resume_window: Option<Duration>,
    /// Serve WebSocket alone, no HTTP stream and no long poll
    #[arg(long)]
    pub no_fallback: bool,
    /// Threads (default: one a core)
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// Whose handshake decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Role {
    #[default]
    Program,
    Browser,
}

/// How to ask a forward proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ViaMode {
    #[default]
    Auto,
    Connect,
    Forward,
}

/// Formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Format {
    #[default]
    Text,
    Json,
    Concise,
    Markdown,
    Html,
    Junit,
    Github,
}

/// Formats of `lint`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum LintFormat {
    #[default]
    Text,
    Concise,
    Json,
    Sarif,
    Github,
    Gitlab,
    Junit,
    Markdown,
}

/// Products whose configuration is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Product {
    Nginx,
    Apache,
    Haproxy,
    Caddy,
    Traefik,
    Envoy,
    Kubernetes,
}

/// What surrounds a fragment of nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Level {
    Main,
    Http,
    Server,
    Location,
}

/// Which changes may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum FixLevel {
    Safe,
    Unsafe,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum RecordKind {
    Har,
    Curl,
    Text,
    AccessLog,
    NginxErrorLog,
    HaproxyLog,
    ApacheErrorLog,
    JsonLog,
}

/// What is struck out of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Redact {
    #[default]
    Secrets,
    Strict,
}

impl RecordKind {
    /// The same for `records`.
    #[must_use]
    pub fn kind(self) -> ::records::Kind {
        use ::records::Kind;
        match self {
            Self::Har => Kind::Har,
            Self::Curl => Kind::Curl,
            Self::Text => Kind::Text,
            Self::AccessLog => Kind::Access,
            Self::NginxErrorLog => Kind::NginxError,
            Self::HaproxyLog => Kind::Haproxy,
            Self::ApacheErrorLog => Kind::ApacheError,
            Self::JsonLog => Kind::Json,
        }
    }
}

/// What counts as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum FailOn {
    Note,
    Warning,
    #[default]
    Error,
    Never,
}

impl Format {
    /// The format that a file's ending asks for.
    #[must_use]
    pub fn of_ending(ending: &str) -> Option<Self> {
        Some(match ending.to_ascii_lowercase().as_str() {
            "txt" | "text" => Self::Text,
            "json" => Self::Json,
            "md" | "markdown" => Self::Markdown,
            "html" | "htm" => Self::Html,
            "xml" => Self::Junit,
            _ => return None,
        })
    }
}

/// Reads `150s`, `2m`, `500ms`, `1h30m`, or a bare number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a duration such as 500ms, 30s, 2m or 1h30m".to_owned();
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "ms" => 0.001,
            "s" | "" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        rest = &rest[unit..];
        total += Duration::try_from_secs_f64(number * factor).map_err(|_| wrong())?;
    }
    // A day is longer than any timer that is known; more is a slip of the finger.
    if total.is_zero() || total > Duration::from_secs(86_400) { Err(wrong()) } else { Ok(total) }
}

/// Reads `65536`, `64K`, `64KiB`, `1M`.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "write a size such as 1000, 64K or 1M".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let factor = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|size| *size <= 64 << 20).ok_or_else(|| "64M is the most".to_owned())
}

/// The command line in the language of `locale`.
#[must_use]
pub fn command(locale: &Locale) -> clap::Command {
    let command = Cli::command().after_help(translated(EXAMPLES, locale));
    if locale.name() == "en" { command } else { localized(command, "", locale) }
}

/// Every English sentence of the help, for the check that all are translated.
#[must_use]
pub fn sentences() -> Vec<String> {
    fn gather(command: &clap::Command, texts: &mut Vec<String>) {
        texts.extend(command.get_about().map(ToString::to_string));
        for argument in command.get_arguments() {
            texts.extend(argument.get_help().map(ToString::to_string));
            texts.extend(argument.get_help_heading().map(str::to_owned));
        }
        command.get_subcommands().for_each(|sub| gather(sub, texts));
    }
    let words = [
        "Usage",
        "Arguments",
        "Options",
        "Commands",
        "Print help",
        "Print version",
        "[OPTIONS]",
        "<COMMAND>",
        "env",
        "default",
        "possible values",
    ];
    let mut texts: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    texts.push(EXAMPLES.to_owned());
    gather(&Cli::command(), &mut texts);
    texts.extend(lab::sentences().map(str::to_owned));
    texts
}

const EXAMPLES: &str = "Examples:
  keepwire check wss://chat.example.com/ws
  keepwire check :8080/ws                        ws://localhost:8080/ws
  keepwire check wss://… --hold 150s             who ends a silent connection, and when
  keepwire check wss://… --page https://app.example.com/
  keepwire check demo                            a broken deployment, diagnosed
  keepwire check wss://… --config /etc/nginx/nginx.conf --fix --write --reload
  keepwire lint /etc/nginx                       what in the files breaks WebSockets
  keepwire lint nginx.conf --diff                how to mend it
  keepwire read /var/log/nginx/error.log         what a log, a HAR or an error message means
  keepwire explain upgrade-stripped
  keepwire gateway --upstream ws://127.0.0.1:3000

Exit codes: 0 it works, 1 it fails, 2 Keepwire could not do the job, 130 interrupted.";

fn translated(english: &str, locale: &Locale) -> String {
    locale.translate(english).to_owned()
}

/// The help of an argument with its values, default and variable in the same language; clap says these in English.
fn with_values(argument: clap::Arg, help: &str, locale: &Locale) -> clap::Arg {
    let mut help = help.to_owned();
    let values: Vec<String> =
        argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let takes_value = argument.get_action().takes_values();
    let default: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if let Some(variable) = argument.get_env() {
        help.push_str(&format!(" [{}: {}]", translated("env", locale), variable.to_string_lossy()));
    }
    if takes_value && !default.is_empty() {
        help.push_str(&format!(" [{}: {}]", translated("default", locale), default.join(", ")));
    }
    if takes_value && !values.is_empty() {
        help.push_str(&format!(" [{}: {}]", translated("possible values", locale), values.join(", ")));
    }
    if takes_value {
        return argument.hide_possible_values(true).hide_default_value(true).hide_env(true).help(help);
    }
    argument.help(help)
}

/// `above` is what stands before the command's own name, with its blank.
fn localized(command: clap::Command, above: &str, locale: &Locale) -> clap::Command {
    let say = |text: &clap::builder::StyledStr| translated(&text.to_string(), locale);
    let mut command = command
        .mut_args(|argument| {
            let help = argument.get_help().map(say);
            let heading = argument.get_help_heading().map(|heading| translated(heading, locale));
            let argument = match help {
                Some(help) => with_values(argument, &help, locale),
                None => argument,
            };
            match heading {
                Some(heading) => argument.help_heading(heading),
                None if argument.is_positional() => argument.help_heading(translated("Arguments", locale)),
                None => argument.help_heading(translated("Options", locale)),
            }
        })
        .subcommand_help_heading(translated("Commands", locale))
        .help_template(format!(
            "{{about}}\n\n{}: {{usage}}\n\n{{all-args}}{{after-help}}\n",
            translated("Usage", locale)
        ));
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let usage = format!("{above}{usage}").replace("[OPTIONS]", &translated("[OPTIONS]", locale));
    command = command.override_usage(usage.replace("<COMMAND>", &translated("<COMMAND>", locale)));
    if let Some(about) = command.get_about().map(say) {
        command = command.about(about);
    }
    command = command.disable_help_flag(true).arg(
        clap::Arg::new("help")
            .short('h')
            .long("help")
            .action(clap::ArgAction::Help)
            .help(translated("Print help", locale))
            .help_heading(translated("Options", locale)),
    );
    if command.get_name() == "keepwire" {
        command = command.disable_version_flag(true).arg(
            clap::Arg::new("version")
                .short('V')
                .long("version")
                .action(clap::ArgAction::Version)
                .help(translated("Print version", locale))
                .help_heading(translated("Options", locale)),
        );
    } else {
        command = command.disable_version_flag(true);
    }
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let above = format!("{above}{} ", command.get_name());
    for name in names {
        command = command.mut_subcommand(name, |sub| localized(sub, &above, locale));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        for language in [crate::Language::English, crate::Language::Chinese] {
            command(&language.locale()).debug_assert();
        }
    }

    #[test]
    fn durations_and_sizes() {
        for (text, millis) in [
            ("150s", 150_000),
            ("2m", 120_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("3", 3_000),
            ("1.5s", 1_500),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "x", "-1s", "5y", "0s", "99999h", "s", "1e9s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for (text, size) in [("1000", 1000), ("64K", 65_536), ("1MiB", 1 << 20)] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "1G", "-1", "999M", "18446744073709551615K"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    /// Every help text must exist in Chinese.
    #[test]
    fn all_help_is_translated() {
        let texts = sentences();
        let chinese = crate::Language::Chinese.locale();
        let missing: Vec<_> = texts.iter().filter(|text| !chinese.knows(text)).collect();
        assert!(missing.is_empty(), "{missing:#?}");
    }
}
