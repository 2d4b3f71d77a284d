//! Apache's error log: its numbered messages that tell why a socket failed.

use crate::time;
use crate::words::between;
use evidence::{Place, Said};

/// A number of a message or a phrase, and what it says.
const PHRASES: &[(&str, &str)] = &[
    ("AH01144", "apache-no-handler"),
    ("AH01961", "apache-sslproxy-off"),
    ("AH00957", "apache-connect-failed"),
    ("AH01114", "apache-connect-failed"),
    ("AH00959", "apache-worker-disabled"),
    ("AH00940", "apache-worker-disabled"),
    ("AH01102", "apache-upstream-eof"),
    ("AH01097", "apache-upstream-eof"),
    ("AH10212", "apache-tunnel-error"),
    ("AH02900", "apache-upgrade-refused"),
    ("AH02961", "apache-upgrade-refused"),
    ("AH00898", "apache-proxy-error"),
    ("AH02039", "apache-client-certificate"),
    ("AH02261", "apache-client-certificate"),
    ("AH01084", "apache-upstream-eof"),
    ("AH00484", "apache-workers-used-up"),
    ("AH00485", "apache-workers-used-up"),
    ("AH00561", "apache-headers-too-large"),
    ("AH02617", "apache-basic-auth"),
    ("AH01617", "apache-basic-auth"),
    ("AH01618", "apache-basic-auth"),
    ("AH01614", "apache-basic-auth"),
    ("AH01630", "apache-access-rule"),
    ("AH00489", ""),
    ("AH02272", "apache-upstream-certificate"),
    ("AH02411", "apache-upstream-certificate"),
    ("AH02005", "apache-upstream-certificate"),
    ("AH01998", ""),
    ("request failed: error reading the headers", "apache-bad-request"),
];

/// Whether a line is of this log.
pub(crate) fn is(line: &str) -> bool {
    let Some(stamp) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) else { return false };
    stamp.len() >= 24 && time::apache_error(stamp).is_some()
}

/// Reads one line; none: it is about nothing that matters here.
pub(crate) fn parse(line: &str) -> Option<(Option<i64>, Place, Said)> {
    let (_, id) = PHRASES.iter().find(|(phrase, _)| line.contains(phrase))?;
    if id.is_empty() {
        return None;
    }
    let at = line.strip_prefix('[').and_then(|rest| rest.split(']').next()).and_then(time::apache_error);
    let upstream = between(line, "attempt to connect to ", " ")
        .or_else(|| between(line, "for the URL ", " "))
        .or_else(|| between(line, "from remote server ", " "))
        .unwrap_or_default();
    let reason: String = evidence::printable(upstream.split('?').next().unwrap_or_default().as_bytes())
        .trim_end_matches(['.', ','])
        .chars()
        .take(120)
        .collect();
    let said = Said { id: (*id).to_owned(), by: "Apache httpd".to_owned(), reason, ..Said::default() };
    Some((at, Place::Server, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_says() {
        for (message, id, reason) in [
            (
                "[proxy:error] [pid 7:tid 1] (111)Connection refused: AH00957: HTTP: attempt to connect to 127.0.0.1:9 (127.0.0.1) failed",
                "apache-connect-failed",
                "127.0.0.1:9",
            ),
            (
                "[proxy:warn] [pid 7] AH01144: No protocol handler was valid for the URL /ws (scheme 'ws'). If you are",
                "apache-no-handler",
                "/ws",
            ),
            (
                "[proxy_http:error] [pid 7] (20014)Internal error: AH01102: error reading status line from remote server 127.0.0.1:9",
                "apache-upstream-eof",
                "",
            ),
            (
                "[mpm_event:error] [pid 7] AH00484: server reached MaxRequestWorkers setting, consider",
                "apache-workers-used-up",
                "",
            ),
        ] {
            let line = format!("[Thu Nov 26 07:00:35.123456 2026] {message}");
            assert!(is(&line));
            let (at, _, said) = parse(&line).expect("it is read");
            assert_eq!((said.id.as_str(), said.reason.as_str()), (id, reason));
            assert_eq!(at, Some(1_795_676_435));
        }
    }

    #[test]
    fn what_does_not_matter() {
        for line in
            ["[Thu Nov 26 07:00:35.1 2026] [mpm_event:notice] AH00489: Apache/2.4 configured", "", "[x]"]
        {
            assert_eq!(parse(line), None, "{line}");
        }
        assert!(!is("[Thu] x"));
    }
}
