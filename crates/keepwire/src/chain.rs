//! `--chain`: the hops of the way with their limits, as the user knows them.

use diagnose::{TIMERS, Text, text};
use evidence::{Given, Setting, Spot, Told};
use std::path::Path;

/// A hop as the user describes it.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    /// `cdn`, `lb`, whatever the user calls it.
    pub name: String,
    /// What it is: `cloudflare`, `alb:60s`, a file, `ping:30s`.
    pub what: String,
    /// What that tells.
    pub told: Vec<Told>,
}

/// Products whose limits are known by a word; the number is looked up in the table of timers.
const WORDS: &[(&str, &str)] = &[
    ("cloudflare", "cloudflare-idle-100s"),
    ("alb", "alb-idle-60"),
    ("nlb", "nlb-idle-350"),
    ("heroku", "heroku-h15"),
    ("azure-lb", "azure-lb-idle-4min"),
    ("front-door", "azure-frontdoor-cache-or-cap"),
    ("apigw", "apigw-limits"),
    ("gcp", "gcp-backend-timeout-30"),
    ("nginx", "idle-nginx-read-timeout"),
    ("apache", "apache-idle-timeout"),
    ("haproxy", "haproxy-no-timeout-tunnel"),
    ("envoy", "envoy-stream-idle-timeout"),
];

/// Something that the user says, as if it stood in a file.
pub(crate) fn said(what: Setting, words: &str) -> Told {
    let columns = u32::try_from(words.chars().count()).unwrap_or(u32::MAX);
    let spot = Spot {
        file: "--chain".to_owned(),
        line: 1,
        column: 1,
        end_column: columns + 1,
        text: words.to_owned(),
    };
    Told { what, by: Given::Here, because: None, spot }
}

/// Reads `cdn=cloudflare,lb=alb:60s,proxy=nginx.conf,app=ping:30s`: the hops, and the files among them.
pub(crate) fn parse(text: &str) -> Result<(Vec<Hop>, Vec<String>), Text> {
    let mut hops = Vec::new();
    let mut files = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, what) = part
            .split_once('=')
            .ok_or_else(|| text!("--chain wants NAME=WHAT, as in lb=alb:60s, not {part}", part = part))?;
        let mut hop = Hop { name: name.trim().to_owned(), what: what.trim().to_owned(), told: Vec::new() };
        match hop.what.split_once(':') {
            _ if Path::new(&hop.what).is_file() => files.push(hop.what.clone()),
            Some(("ping", time)) => {
                let ms = milliseconds(time)?;
                hop.told.push(said(Setting::Ping { ms }, part));
            }
            Some((product, time)) => {
                let ms = milliseconds(time)?;
                hop.told.push(limit(product, ms, part));
            }
            None => match hop.what.strip_suffix("-ping") {
                Some(time) => {
                    let ms = milliseconds(time)?;
                    hop.told.push(said(Setting::Ping { ms }, part));
                }
                None => match known(&hop.what) {
                    Some(ms) => hop.told.push(limit(&hop.what, ms, part)),
                    // A bare time is a limit of whatever it is.
                    None => match milliseconds(&hop.what) {
                        Ok(ms) => hop.told.push(limit(&hop.name, ms, part)),
                        Err(_) => {
                            let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
                            return Err(text!(
                                "--chain: {what} is no file, no time and no product that is known ({words})",
                                what = hop.what.as_str(),
                                words = words.join(", ")
                            ));
                        }
                    },
                },
            },
        }
        hops.push(hop);
    }
    Ok((hops, files))
}

fn known(word: &str) -> Option<u64> {
    let id = WORDS.iter().find(|(known, _)| *known == word.to_ascii_lowercase())?.1;
    // HAProxy has two defaults in the table; the longer one is the packaged one.
    TIMERS
        .iter()
        .filter(|timer| timer.id == Some(id))
        .map(|timer| u64::from(timer.seconds) * 1_000)
        .max_by_key(|ms| (*ms <= 600_000, *ms))
}

fn limit(product: &str, ms: u64, words: &str) -> Told {
    let lower = product.to_ascii_lowercase();
    let timer = format!("{product} idle timeout");
    // These count from the beginning, whatever is sent.
    if lower.starts_with("gcp") {
        return said(Setting::Lifetime { ms: Some(ms), timer: format!("{product} backend timeout") }, words);
    }
    said(Setting::Idle { ms: Some(ms), timer }, words)
}

fn milliseconds(text: &str) -> Result<u64, Text> {
    crate::cli::duration(text)
        .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
        .map_err(|_| text!("--chain: {text} is no time: write 60s or 5m", text = text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_read() {
        let (hops, files) = parse("cdn=cloudflare,lb=alb:60s,x=5m,app=ping:30s,b=25s-ping").unwrap();
        assert!(files.is_empty());
        let settings: Vec<Setting> =
            hops.into_iter().flat_map(|hop| hop.told).map(|told| told.what).collect();
        let idle = |ms, timer: &str| Setting::Idle { ms: Some(ms), timer: timer.to_owned() };
        assert_eq!(
            settings,
            [
                idle(100_000, "cloudflare idle timeout"),
                idle(60_000, "alb idle timeout"),
                idle(300_000, "x idle timeout"),
                Setting::Ping { ms: 30_000 },
                Setting::Ping { ms: 25_000 },
            ]
        );
        for text in ["cdn", "cdn=nonsense", "app=ping:x", "lb=alb:"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(matches!(
            parse("g=gcp").unwrap().0[0].told[0].what,
            Setting::Lifetime { ms: Some(30_000), .. }
        ));
    }
}
