//! Names: the system's resolver, and the name servers themselves.

use crate::{Limit, Observer, Probe, micros};
use evidence::{Fact, HttpsRecord, Micros, Place, RecordKind, Resolution, Resolved, Resolver};
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::svcb::{SvcParamKey, SvcParamValue};
use hickory_proto::rr::{Name, RData, RecordType};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// Name servers that are asked, of those that the system names.
const SERVERS: usize = 2;
/// Where the system's own list of names is.
const HOSTS: &str = if cfg!(windows) { r"C:\Windows\System32\drivers\etc\hosts" } else { "/etc/hosts" };
/// Time for one answer of a name server.
const ANSWER: Duration = Duration::from_millis(1500);

/// What came of looking up the target's name.
#[derive(Debug)]
pub(crate) struct Found {
    by: Resolver,
    pub(crate) outcome: Resolved,
    took_us: Micros,
}

/// Looks the target's name up.
pub(crate) async fn lookup(probe: &Probe) -> Found {
    let began = Instant::now();
    let (by, outcome) = addresses(probe).await;
    let took_us = if matches!(by, Resolver::Literal) { 0 } else { micros(began.elapsed()) };
    Found { by, outcome, took_us }
}

/// Where the addresses of the target's name come from, and the addresses.
async fn addresses(probe: &Probe) -> (Resolver, Resolved) {
    let settings = probe.settings();
    let target = &settings.case.target;
    let (host, port) = match &settings.connect_to {
        Some((host, port)) => (host.as_str(), *port),
        None => (target.host.as_str(), target.port),
    };
    if let Some(addresses) = settings.given_addresses(host, port) {
        return (Resolver::Given, Resolved::Addresses(addresses.to_vec()));
    }
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        let resolver = if settings.connect_to.is_some() { Resolver::Given } else { Resolver::Literal };
        return (resolver, Resolved::Addresses(vec![address]));
    }
    if !settings.name_servers.is_empty() {
        return (Resolver::Given, ask_both(probe, settings.name_servers[0].0, host).await);
    }
    let answer = timeout(probe.limit(Limit::Resolve), probe.net.resolve(host)).await;
    (Resolver::System, system_answer(answer.map_err(|_| ())))
}

/// Reports what the system says about the name.
pub(crate) async fn system(probe: &Probe, observer: &Observer) {
    let found = probe.found().await;
    let name = match &probe.settings().connect_to {
        Some((host, _)) => host.clone(),
        None => probe.settings().case.target.host.clone(),
    };
    let resolution = Resolution {
        name,
        by: found.by.clone(),
        record: RecordKind::Addresses,
        outcome: found.outcome.clone(),
        took_us: found.took_us,
    };
    observer.saw(Place::Resolver, Fact::Resolution(resolution));
}

/// What `getaddrinfo` said. Its error numbers reach us only as words (glibc's and musl's, RFC 3493 section 6.1).
fn system_answer(answer: Result<io::Result<Vec<IpAddr>>, ()>) -> Resolved {
    match answer {
        Err(()) => Resolved::TimedOut,
        Ok(Ok(addresses)) if addresses.is_empty() => Resolved::NoData,
        Ok(Ok(addresses)) => Resolved::Addresses(addresses),
        Ok(Err(error)) => {
            let words = error.to_string();
            if words.contains("Name or service not known")
                || words.contains("Name does not resolve")
                || words.contains("nodename nor servname")
            {
                Resolved::NoSuchName
            } else if words.contains("No address associated") || words.contains("Name has no usable address")
            {
                Resolved::NoData
            } else if words.contains("Temporary failure") || words.contains("Try again") {
                Resolved::ServerFailure { answers_unchecked: false }
            } else {
                Resolved::Failed(words)
            }
        }
    }
}

/// Asks name servers directly: A, AAAA and HTTPS, at the same time.
pub(crate) async fn servers(probe: &Probe, observer: &Observer) {
    let settings = probe.settings();
    let host = settings.case.target.host.clone();
    let mut servers: Vec<SocketAddr> = settings.name_servers.iter().map(|server| server.0).collect();
    if servers.is_empty() {
        servers = system_servers();
    }
    if let Some(addresses) = in_hosts_file(&std::fs::read_to_string(HOSTS).unwrap_or_default(), &host) {
        let (by, record, outcome) = (Resolver::Hosts, RecordKind::Addresses, Resolved::Addresses(addresses));
        let resolution = Resolution { name: host.clone(), by, record, outcome, took_us: 0 };
        observer.saw(Place::Resolver, Fact::Resolution(resolution));
    }
    let mut asking = Vec::new();
    for server in servers.into_iter().take(SERVERS) {
        for record in [RecordKind::A, RecordKind::Aaaa, RecordKind::Https] {
            asking.push((server, record));
        }
    }
    // For a port of its own the HTTPS record stands under a prefixed name (RFC 9460 section 2.3).
    let port = settings.case.target.port;
    let prefixed = if port == 443 { host.clone() } else { format!("_{port}._https.{host}") };
    let looks = asking.into_iter().map(|(server, record)| {
        let host = if record == RecordKind::Https { &prefixed } else { &host };
        async move {
            let began = Instant::now();
            let mut outcome = ask(probe, server, host, record, false).await;
            if outcome == (Resolved::ServerFailure { answers_unchecked: false }) {
                // With checking disabled the same server answers where only DNSSEC validation failed (RFC 4035 section 3.2.2).
                let unchecked = ask(probe, server, host, record, true).await;
                let answers = matches!(unchecked, Resolved::Addresses(_) | Resolved::Https(_));
                outcome = Resolved::ServerFailure { answers_unchecked: answers };
            }
            let by = Resolver::Server(server.to_string());
            let resolution =
                Resolution { name: host.clone(), by, record, outcome, took_us: micros(began.elapsed()) };
            observer.saw(Place::Resolver, Fact::Resolution(resolution));
        }
    });
    join_all(looks).await;
}

/// Runs futures side by side in this task.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        let mut waiting = false;
        for (future, output) in &mut pending {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(done) => *output = Some(done),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    pending.into_iter().filter_map(|(_, output)| output).collect()
}

async fn ask_both(probe: &Probe, server: SocketAddr, host: &str) -> Resolved {
    let answers =
        join_all([RecordKind::A, RecordKind::Aaaa].map(|record| ask(probe, server, host, record, false)))
            .await;
    let addresses: Vec<IpAddr> = answers.iter().flat_map(|answer| answer.addresses().to_vec()).collect();
    if addresses.is_empty() {
        answers.into_iter().next().unwrap_or(Resolved::NoData)
    } else {
        Resolved::Addresses(addresses)
    }
}

async fn ask(probe: &Probe, server: SocketAddr, host: &str, record: RecordKind, unchecked: bool) -> Resolved {
    let kind = match record {
        RecordKind::A | RecordKind::Addresses => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
        RecordKind::Https => RecordType::HTTPS,
    };
    let Some((id, request)) = query(host, kind, unchecked) else {
        return Resolved::Failed("the name cannot be asked for".to_owned());
    };
    let by_datagram = timeout(ANSWER, probe.net.datagram(server, request.clone())).await;
    let message = match by_datagram {
        Err(_) => return Resolved::TimedOut,
        Ok(Err(error)) => return Resolved::Failed(error.to_string()),
        Ok(Ok(bytes)) => match Message::from_vec(&bytes) {
            Ok(message) if message.metadata.truncation => {
                match timeout(ANSWER, by_stream(probe, server, &request)).await {
                    Ok(Ok(message)) => message,
                    Ok(Err(error)) => return Resolved::Failed(error.to_string()),
                    Err(_) => return Resolved::TimedOut,
                }
            }
            Ok(message) => message,
            Err(error) => return Resolved::Failed(error.to_string()),
        },
    };
    if message.metadata.id != id {
        return Resolved::Failed("the answer belongs to another question".to_owned());
    }
    read(&message, record)
}

fn query(host: &str, kind: RecordType, unchecked: bool) -> Option<(u16, Vec<u8>)> {
    let name = Name::from_ascii(format!("{}.", host.trim_end_matches('.'))).ok()?;
    let mut id = [0; 2];
    // An id that cannot be guessed keeps forged answers out.
    getrandom::fill(&mut id).ok()?;
    let id = u16::from_be_bytes(id);
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.checking_disabled = unchecked;
    message.add_query(Query::query(name, kind));
    Some((id, message.to_vec().ok()?))
}

async fn by_stream(probe: &Probe, server: SocketAddr, request: &[u8]) -> io::Result<Message> {
    let mut stream = probe.net.connect(server).await?;
    let length = u16::try_from(request.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut bytes = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut bytes).await?;
    Message::from_vec(&bytes).map_err(io::Error::other)
}

fn read(message: &Message, record: RecordKind) -> Resolved {
    match message.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Resolved::NoSuchName,
        ResponseCode::ServFail => return Resolved::ServerFailure { answers_unchecked: false },
        ResponseCode::Refused => return Resolved::Refused,
        other => return Resolved::Failed(other.to_string()),
    }
    let mut addresses: Vec<IpAddr> = Vec::new();
    let mut bindings = Vec::new();
    for answer in &message.answers {
        match &answer.data {
            RData::A(address) => addresses.push(address.0.into()),
            RData::AAAA(address) => addresses.push(address.0.into()),
            RData::HTTPS(binding) => bindings.push(https(&binding.0)),
            _ => {}
        }
    }
    match record {
        RecordKind::Https if bindings.is_empty() => Resolved::NoData,
        RecordKind::Https => Resolved::Https(bindings),
        _ if addresses.is_empty() => Resolved::NoData,
        _ => Resolved::Addresses(addresses),
    }
}

fn https(binding: &hickory_proto::rr::rdata::SVCB) -> HttpsRecord {
    let mut record = HttpsRecord {
        priority: binding.svc_priority,
        target: binding.target_name.to_string(),
        alpn: Vec::new(),
        port: None,
        hints: Vec::new(),
        ech: false,
    };
    for (key, value) in &binding.svc_params {
        match value {
            SvcParamValue::Alpn(names) => record.alpn = names.0.clone(),
            SvcParamValue::Port(port) => record.port = Some(*port),
            SvcParamValue::Ipv4Hint(hints) => {
                record.hints.extend(hints.0.iter().map(|hint| IpAddr::from(hint.0)))
            }
            SvcParamValue::Ipv6Hint(hints) => {
                record.hints.extend(hints.0.iter().map(|hint| IpAddr::from(hint.0)))
            }
            _ => record.ech |= *key == SvcParamKey::EchConfigList,
        }
    }
    record
}

/// The addresses that the hosts file gives a name (hosts(5)); none: it does not know the name.
fn in_hosts_file(text: &str, host: &str) -> Option<Vec<IpAddr>> {
    let found: Vec<IpAddr> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split('#').next()?.split_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
        })
        .collect();
    (!found.is_empty()).then_some(found)
}

/// The servers of `/etc/resolv.conf`; empty where there is no such file.
fn system_servers() -> Vec<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|rest| {
            let text = rest.split_whitespace().next()?;
            // A zone (`fe80::1%eth0`) needs an interface number; such servers are left to the system.
            text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_told_apart() {
        let failed = |words: &str| system_answer(Ok(Err(io::Error::other(words.to_owned()))));
        assert_eq!(
            failed("failed to lookup address information: Name or service not known"),
            Resolved::NoSuchName
        );
        assert_eq!(failed("No address associated with hostname"), Resolved::NoData);
        assert_eq!(
            failed("Temporary failure in name resolution"),
            Resolved::ServerFailure { answers_unchecked: false }
        );
        assert_eq!(system_answer(Err(())), Resolved::TimedOut);
        assert_eq!(failed("odd"), Resolved::Failed("odd".into()));
    }

    #[test]
    fn the_hosts_file_is_read_as_the_system_reads_it() {
        let text = "127.0.0.1 localhost\n# 192.0.2.9 app.example\n192.0.2.1\tapp.example app # the app\n::1 APP.example\nnonsense app.example\n";
        let found = in_hosts_file(text, "app.example").expect("it is there");
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["192.0.2.1", "::1"]);
        assert!(in_hosts_file(text, "other.example").is_none());
    }

    #[test]
    fn a_question_can_be_read_back() {
        let (id, bytes) = query("app.example", RecordType::HTTPS, true).expect("it can be asked");
        let message = Message::from_vec(&bytes).expect("it parses");
        assert_eq!(message.metadata.id, id);
        assert!(message.metadata.checking_disabled && message.metadata.recursion_desired);
        assert!(query(&"a".repeat(300), RecordType::A, false).is_none());
    }
}
