//! The server refuses this client's address.

use crate::fingerprint::{self, Product};
use crate::reading::{quote, refused, same_at_random_path, same_without_upgrade, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, recipes, text};
use evidence::{Evidence, PathVariant, Question, Variation};

cause! {
    /// The server refuses your address
    ///
    /// # What you see
    /// 403 from the proxy itself for every path, with or without an upgrade; or a reset, or silence, for you alone. From
    /// another network it works. nginx logs `access forbidden by rule`.
    ///
    /// # Why it happens
    /// An allow-list of addresses (`allow … ; deny all`), a ban after failed logins (fail2ban, Home Assistant `ip_ban`), or a
    /// block by country.
    ///
    /// # What to do
    /// Put the address on the list, or lift the ban. Behind another proxy the server may see that proxy's address for
    /// everybody: then one ban hits all.
    ///
    /// # How to be sure
    /// The same request from another address gets 101.
    "tcp-source-blocked", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((handshake, response)) = refused(evidence) else { return Verdict::Unseen };
    // Only a page of the proxy's own: an application has a hundred reasons for a 403.
    let own = fingerprint::own_page(response).filter(|own| {
        matches!(own, Product::Nginx | Product::Apache | Product::Haproxy | Product::Lighttpd | Product::H2o)
    });
    let Some(own) = own.filter(|_| response.status == 403) else { return Verdict::Unseen };
    let random = Variation::path(PathVariant::Random);
    match (same_without_upgrade(evidence), same_at_random_path(evidence)) {
        (Some(true), Some(true)) => {}
        (None, _) | (_, None) => {
            return Verdict::Open(vec![Question::Upgrade(Variation::without_upgrade()), Question::Upgrade(random)]);
        }
        _ => return Verdict::RuledOut(text!("another path or an ordinary request is not refused")),
    }
    let ids: Vec<u32> = [Variation::without_upgrade(), random].iter().filter_map(|other| Some(evidence.exchange(other)?.id)).collect();
    Finding::error(Confidence::Possible, text!("{name} refuses everything you ask for: your address may be blocked", name = own.name()))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[handshake.id], text!("{status} from {name} itself: \"{body}\"", status = status_line(response), name = own.name(), body = quote(response, 60)))
        .proof(&ids, text!("An ordinary request and a path that exists nowhere get the same."))
        .not(text!("the upgrade, the path and the origin: they make no difference"))
        .would_tell(text!("Ask from another address. On the server, nginx logs \"access forbidden by rule\"."))
        .remedies(recipes::for_response(Some(response), remedies()))
        .yields_to(&["app-waf-blocked"])
        .holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(Stack::Nginx, text!("Put the address on the list"), "allow 198.51.100.0/24;\ndeny all;"),
        Remedy::for_stack(Stack::Apache, text!("Put the address on the list"), "Require ip 198.51.100.0/24"),
        Remedy::for_stack(Stack::Haproxy, text!("Put the address on the list"), "acl allowed src 198.51.100.0/24\nhttp-request deny unless allowed"),
        Remedy::new(text!("Lift the ban")).command("fail2ban-client status; fail2ban-client unban ADDRESS"),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{PathVariant, Variation};

    const PAGE: &str = "<center><h1>403 Forbidden</h1></center><hr><center>nginx/1.22.1</center>";

    fn forbidden(body: &str, at_random: (u16, &str)) -> Sample {
        Sample::ws()
            .answer_with(403, &["server: nginx/1.22.1"], body)
            .experiment(Variation::without_upgrade(), 403, body)
            .experiment(Variation::path(PathVariant::Random), at_random.0, at_random.1)
    }

    #[test]
    fn holds_where_the_proxy_refuses_everything() {
        let _ = holds(&CAUSE, forbidden(PAGE, (403, PAGE)));
        assert_eq!(asks(&CAUSE, Sample::ws().answer_with(403, &["server: nginx"], PAGE)).len(), 2);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, forbidden(PAGE, (404, "Not Found")));
        // The application's own words.
        does_not_hold(&CAUSE, forbidden("invalid token", (403, "invalid token")));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
