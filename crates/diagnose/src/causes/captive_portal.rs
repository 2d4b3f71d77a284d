//! The network wants a login first.

use crate::reading::{refused, same_at_random_path, same_without_upgrade, status_line};
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, PathVariant, Question, Variation};

cause! {
    /// The network wants you to log in first
    ///
    /// # What you see
    /// A redirect to a login page, or a page, or 511, for whatever is asked; over TLS a foreign certificate. Every host behaves
    /// the same.
    ///
    /// # Why it happens
    /// A hotel's, airport's or guest network answers in the place of all servers until somebody has accepted its terms.
    ///
    /// # What to do
    /// Open any `http://` page in a browser and log in.
    ///
    /// # How to be sure
    /// `curl -i http://connectivitycheck.gstatic.com/generate_204` gets something else than 204.
    "captive-portal", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    if target.is_loopback() {
        return Verdict::Unseen;
    }
    let Some((handshake, response)) = refused(evidence) else { return Verdict::Unseen };
    // RFC 6585 section 6: only networks send it, never a server.
    let says_so = response.status == 511;
    let next = response
        .header("location")
        .filter(|_| matches!(response.status, 302 | 303 | 307))
        .and_then(|location| url::Url::parse(location).ok())
        .filter(|next| next.host_str().is_some_and(|host| !host.eq_ignore_ascii_case(&target.host)));
    let portal = next.filter(|next| !target.secure && is_portal(next.as_str()));
    if !says_so && portal.is_none() {
        return Verdict::Unseen;
    }
    let random = Variation::path(PathVariant::Random);
    let (confidence, ids) = match (says_so, same_without_upgrade(evidence), same_at_random_path(evidence)) {
        (true, ..) => (Confidence::Proven, Vec::new()),
        (false, None, _) | (false, _, None) => {
            return Verdict::Open(vec![Question::Upgrade(Variation::without_upgrade()), Question::Upgrade(random)]);
        }
        (false, Some(true), Some(true)) => {
            let ids = [Variation::without_upgrade(), random];
            (Confidence::Likely, ids.iter().filter_map(|other| Some(evidence.exchange(other)?.id)).collect::<Vec<u32>>())
        }
        _ => return Verdict::Unseen,
    };
    let mut finding = Finding::error(confidence, text!("The network wants you to log in before it lets anything through"))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .users(text!("Browsers: close code 1006; a page shows the login of the network instead."))
        .would_tell(text!("Ask for any other http:// page: if the same login comes, it is the network."))
        .remedy(Remedy::new(text!("Open any http:// page in a browser and log in to the network")).command("curl -i http://connectivitycheck.gstatic.com/generate_204"));
    finding = match portal {
        Some(portal) => finding
            .proof(&[handshake.id], text!("The handshake is redirected to {location}.", location = portal.as_str()))
            .proof(&ids, text!("An ordinary request and a path that exists nowhere get the same.")),
        None => finding.proof(&[handshake.id], text!("The answer is {status}, which only networks send (RFC 6585).", status = status_line(response))),
    };
    finding.holds()
}

/// Words that stand in the addresses of such pages.
fn is_portal(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    ["portal", "captive", "hotspot", "wifi", "wlan", "guest", "splash"].iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{PathVariant, Variation};

    fn redirect(location: &str, at_random: u16) -> Sample {
        let header = format!("location: {location}");
        Sample::ws()
            .answer_with(302, &[&header], "moved")
            .experiment_with(Variation::without_upgrade(), 302, &[&header], "moved")
            .experiment_with(Variation::path(PathVariant::Random), at_random, &[&header], "moved")
    }

    #[test]
    fn holds_where_everything_leads_to_the_portal() {
        let _ = holds(&CAUSE, redirect("http://portal.hotel.test/login", 302));
        assert_eq!(holds(&CAUSE, Sample::ws().answer(511, "log in")).confidence, Confidence::Proven);
        assert_eq!(asks(&CAUSE, Sample::ws().answer_with(302, &["location: http://hotspot.example/"], "")).len(), 2);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, redirect("https://login.example/oauth2/start", 302));
        does_not_hold(&CAUSE, redirect("http://portal.hotel.test/login", 404));
        does_not_hold(&CAUSE, redirect("http://app.example/portal", 302));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
