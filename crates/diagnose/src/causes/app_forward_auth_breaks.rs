//! A check in front of the application treats upgrades worse than pages.

use crate::answers::{Refusal, get_proof, not_switched, plain_get, refused_as};
use crate::fingerprint::{self, Product};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text, Safety, Severity, settings};
use evidence::{Answer, Evidence, Setting, Wish};

cause! {
    /// Forward authentication breaks the upgrade
    ///
    /// # What you see
    /// Pages pass the check and the socket does not: 302 or 401 on the socket only, or the connection closes without
    /// a byte (nginx `auth_request`).
    ///
    /// # Why it happens
    /// Authelia, oauth2-proxy or Traefik's ForwardAuth get the handshake without the session cookie. Or nginx passes
    /// `Upgrade` to the subrequest of `auth_request` as well: its target upgrades, and nginx gives up with
    /// `connection upgrade in subrequest`.
    ///
    /// # What to do
    /// nginx: empty `Upgrade` and `Connection` in the location of the check. Elsewhere: pass the cookie on, or take
    /// the socket's path out of the check and authenticate in the application.
    ///
    /// # How to be sure
    /// Without the check the socket opens; nginx's error log names the subrequest.
    "app-forward-auth-breaks", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((_, get)) = plain_get(evidence) else { return Verdict::Unseen };
    if let Some((seen, response)) = refused_as(evidence, Refusal::Redirect).or_else(|| refused_as(evidence, Refusal::Credentials))
        && get.status < 300
    {
        return not_switched(
            Confidence::Likely,
            seen,
            response,
            text!("The check in front lets plain requests in and turns the upgrade away"),
        )
        .proof_if(get_proof(evidence))
        .remedies(remedies())
        .yields_to(&["upgrade-https-redirect", "upgrade-trailing-slash-redirect", "page-cookie-not-sent"])
        .holds();
    }
    let Some(seen) = evidence.handshake() else { return Verdict::Unseen };
    let silent_end = matches!(&seen.fact.answer, Answer::Ended(first) if first.length == 0);
    // nginx answers failures behind it with 502; without a byte it closes mostly for an upgraded subrequest.
    let by_nginx = fingerprint::hops(get).contains(&Product::Nginx);
    if !silent_end || !by_nginx || matches!(get.status, 502..=504) {
        return Verdict::Unseen;
    }
    let asked = matches!(get.status, 401 | 403) || (get.status == 500 && fingerprint::own_page(get) == Some(Product::Nginx));
    Finding::error(
        if asked { Confidence::Likely } else { Confidence::Possible },
        text!("nginx closes the upgrade without a byte: most likely its auth_request was upgraded itself"),
    )
    .because("nginx-auth-request-upgrade")
    .explains(Symptom::NotSwitched)
    .proof(&[seen.id], text!("The connection is closed without an answer to the upgrade."))
    .proof_if(get_proof(evidence))
    .remedies(remedies())
    .would_tell(text!("nginx's error log has \"connection upgrade in subrequest\" at that second."))
    .holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Do not pass the upgrade to the check itself, but do pass the cookie"),
            "location = /auth {\n    internal;\n    proxy_pass http://auth;\n    proxy_set_header Upgrade \"\";\n    proxy_set_header Connection \"\";\n    proxy_set_header Content-Length \"\";\n    proxy_pass_request_body off;\n}",
        )
        .command("grep 'connection upgrade in subrequest' /var/log/nginx/error.log"),
        Remedy::for_stack(
            Stack::Traefik,
            text!("Give the socket a router without the check, and authenticate in the application"),
            "routers:\n  socket:\n    rule: Host(`app.example`) && PathPrefix(`/ws`)\n    service: app",
        ),
        Remedy::new(text!("Let the session cookie go to the socket's host and path (Domain, Path, SameSite)")),
    ]
}

/// The subrequest that asks whether a client may in takes the upgrade along.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| (*what == Setting::AuthUpgrade).then_some(()))?;
    let title = text!("The authorization subrequest of {hop} asks for an upgrade, too", hop = settings::product(evidence));
    let remedy = Remedy::wish(Safety::Safe, text!("Leave the upgrade out of the subrequest"), Wish::PlainAuth);
    let finding = settings::finding(evidence, seen, Severity::Error, title)
        .explains(Symptom::NotSwitched)
        .users(text!("Where the authorization server accepts the upgrade, the connection is closed without a byte."))
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, Preview, Variation};

    fn plain() -> Variation {
        Variation::without_upgrade()
    }

    #[test]
    fn holds_where_only_the_upgrade_is_turned_away() {
        let login = Sample::ws().answer_with(302, &["location: /login"], "");
        let _ = holds(&CAUSE, login.clone().experiment(plain(), 200, "page"));
        let ended = Sample::ws().exchange(Variation::plain(), Answer::Ended(Preview::default()));
        let nginx = ended.clone().experiment_with(plain(), 500, &["server: nginx"], "<center>nginx/1.22.1</center>");
        assert_eq!(holds(&CAUSE, nginx).confidence, Confidence::Likely);
        // Everybody is sent to the login.
        does_not_hold(&CAUSE, login.experiment_with(plain(), 302, &["location: /login"], ""));
        does_not_hold(&CAUSE, ended.experiment(plain(), 200, "page"));
    }
}
