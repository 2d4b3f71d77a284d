//! HAProxy's HTTP and TCP log lines (management of `option httplog` and `option tcplog`, sections 8.2.2 and 8.2.3).

use crate::access::Access;
use crate::time;

/// Reads one line, whatever syslog has put in front of it; none: it is another line.
pub(crate) fn parse(line: &str) -> Option<Access<'_>> {
    // `client:port [26/Nov/2026:07:00:35.123] frontend backend/server times …`
    let open = line.find(" [").map(|at| at + 1)?;
    let close = open + line[open..].find("] ")?;
    let stamp = line.get(open + 1..close)?;
    if stamp.len() != 24 || stamp.as_bytes().get(20) != Some(&b'.') {
        return None;
    }
    let mut words = line.get(close + 2..)?.split(' ');
    let _frontend = words.next()?;
    let server = words.next()?;
    let times = words.next()?;
    server.contains('/').then_some(())?;
    let mut access =
        Access { by: "HAProxy", at: time::common(stamp.as_bytes()), server, ..Access::default() };
    let timers: Vec<i64> =
        times.split('/').map(|text| text.trim_start_matches('+').parse().ok()).collect::<Option<_>>()?;
    let total = *timers.last()?;
    access.time_us = u64::try_from(total).ok().and_then(|ms| ms.checked_mul(1000));
    if timers.len() < 5 {
        // TCP: bytes, then the flags.
        access.bytes = words.next()?.trim_start_matches('+').parse().ok();
        access.flags = words.next()?;
        access.method = "CONNECT";
        access.path = "";
        access.status = 0;
        return (access.flags.len() == 2).then_some(access);
    }
    let status: i32 = words.next()?.parse().ok()?;
    // -1: the connection ended before there was a status.
    access.status = u16::try_from(status).unwrap_or(0);
    access.bytes = words.next()?.trim_start_matches('+').parse().ok();
    // Two captured cookies stand between.
    let _ = (words.next()?, words.next()?);
    access.flags = words.next()?;
    let flags_are_flags =
        access.flags.len() == 4 && access.flags.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
    flags_are_flags.then_some(())?;
    let request = line.find('"').and_then(|at| line.get(at + 1..)).unwrap_or_default();
    let request = request.strip_suffix('"').unwrap_or(request);
    access.request_line(request);
    // In HTTP/2 the log holds the whole address.
    if let Some((scheme, rest)) = access.path.split_once("://") {
        access.secure = Some(scheme == "https" || scheme == "wss");
        let slash = rest.find('/').unwrap_or(rest.len());
        access.host = rest.get(..slash);
        access.path = rest.get(slash..).filter(|path| !path.is_empty()).unwrap_or("/");
    }
    Some(access)
}

/// Whether the request could not even be read.
pub(crate) fn is_bad_request(line: &str) -> bool {
    line.contains("\"<BADREQ>\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "1/1/0/0/0 0/0 \"GET /ws HTTP/1.1\"";

    #[test]
    fn flags_and_timers() {
        for (middle, status, flags, time) in [
            ("web app/app1 0/0/0/1/4004 101 129 - - cD--", 101, "cD--", Some(4_004_000)),
            ("web app/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC--", 503, "SC--", Some(0)),
            ("web app/app1 0/0/3001/-1/3001 503 217 - - SC--", 503, "SC--", Some(3_001_000)),
            ("web~ app/app1 0/0/0/-1/+5000 504 +217 - - sH--", 504, "sH--", Some(5_000_000)),
            ("web web/<NOSRV> -1/-1/-1/-1/0 400 187 - - PR--", 400, "PR--", Some(0)),
            ("web app/app1 0/0/0/-1/2 -1 0 - - CH--", 0, "CH--", Some(2000)),
        ] {
            let line = format!(
                "<134>Nov 26 07:00:35 lb haproxy[7]: 127.0.0.1:5000 [26/Nov/2026:07:00:35.123] {middle} {TAIL}"
            );
            let access = parse(&line).expect("it is read");
            assert_eq!((access.status, access.flags, access.time_us), (status, flags, time), "{middle}");
            assert_eq!(access.path, "/ws");
        }
        let tcp = "10.0.0.1:5000 [26/Nov/2026:07:00:35.123] tcpin app/app1 1/0/50012 212 cD 1/1/0/0/0 0/0";
        let access = parse(tcp).expect("it is read");
        assert_eq!((access.flags, access.time_us), ("cD", Some(50_012_000)));
        let h2 = "10.0.0.1:5 [26/Nov/2026:07:00:35.123] web~ app/a 0/0/0/1/9 502 1 - - SH-- 1/1/0/0/0 0/0 \"GET https://h.example/ws HTTP/2.0\"";
        assert_eq!(parse(h2).map(|access| (access.host, access.path)), Some((Some("h.example"), "/ws")));
    }

    #[test]
    fn what_is_no_line() {
        for line in [
            "",
            "a [b] c",
            "x [26/Nov/2026:07:00:35.123] a b c",
            "x [26/Nov/2026:07:00:35.1é] a b/c 1/2/3/4/5",
        ] {
            assert!(parse(line).is_none(), "{line}");
        }
    }
}
