//! The framework's list of hosts does not have this one.

use crate::answers::{Refusal, not_switched, plain_get, refusal, refused_as, unclear};
use crate::reading::{experiment, quote};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, recipes, text};
use evidence::{Evidence, HostVariant, Question, Variation};

cause! {
    /// The application does not allow this host name
    ///
    /// # What you see
    /// Django: 400 `DisallowedHost`; Rails: `Blocked host`; Vite: 403 `Blocked request. This host ("x") is not
    /// allowed` for pages and a bare 400 for the socket; webpack-dev-server opens, says `Invalid Host/Origin
    /// header`, and closes.
    ///
    /// # Why it happens
    /// Frameworks compare `Host` with a list, against DNS rebinding. A new domain, a tunnel's name or a proxy that
    /// rewrites `Host` is not on it.
    ///
    /// # What to do
    /// Put the name on the list.
    ///
    /// # How to be sure
    /// With `Host: localhost` the same server opens.
    "app-host-not-allowed", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let host = evidence.case.target.authority();
    let title = || text!("The application does not allow the host {host}", host = &host);
    if let Some(session) = evidence
        .sessions()
        .find(|session| session.messages.iter().any(|message| message.preview.contains("Invalid Host")))
    {
        return Finding::error(Confidence::Proven, title())
            .explains(Symptom::EndedEarly)
            .explains(Symptom::BrowserBroken)
            .proof(&[session.id], text!("The first message on the open socket is \"Invalid Host/Origin header\"."))
            .remedies(remedies(&host))
            .holds();
    }
    let by_words = refused_as(evidence, Refusal::Host).filter(|(_, response)| response.status != 421);
    // Vite explains it only to pages; its socket gets a bare 400.
    let by_page = plain_get(evidence).filter(|(_, get)| refusal(get) == Some(Refusal::Host) && get.status != 421);
    let Some((seen, response)) = by_words.or_else(|| unclear(evidence).filter(|_| by_page.is_some())) else {
        return Verdict::Unseen;
    };
    let local = Variation { host: HostVariant::Localhost, ..Variation::default() };
    let opened = experiment(evidence, &local).filter(|seen| seen.opened());
    let sure = by_words.is_some() || opened.is_some();
    let mut finding = not_switched(if sure { Confidence::Proven } else { Confidence::Likely }, seen, response, title());
    if let Some((id, get)) = by_page {
        finding = finding.proof(&[id], text!("A plain GET is told why: \"{body}\"", body = quote(get, 90)));
    }
    finding = match opened {
        Some(opened) => finding.proof(&[opened.id], text!("With \"Host: localhost\" the same handshake gets 101.")),
        None if experiment(evidence, &local).is_none() => finding.ask([Question::Upgrade(local)]),
        None => finding,
    };
    finding.remedies(recipes::for_response(Some(by_page.map_or(response, |(_, get)| get)), remedies(&host))).holds()
}

fn remedies(host: &str) -> Vec<Remedy> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    vec![
        Remedy::for_stack(Stack::Vite, text!("Put the name on the list of hosts"), format!("// vite.config.js\nserver: {{ allowedHosts: ['{name}'] }}\n// webpack-dev-server\ndevServer: {{ allowedHosts: ['{name}'] }}")),
        Remedy::for_stack(Stack::Django, text!("Put the name on the list of hosts"), format!("ALLOWED_HOSTS = [\"{name}\"]")),
        Remedy::for_stack(Stack::Rails, text!("Put the name on the list of hosts"), format!("config.hosts << \"{name}\"")),
        Remedy::for_stack(Stack::Nginx, text!("Pass the name on that the application knows"), "proxy_set_header Host $http_host;"),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{HostVariant, MessageKind, Variation};

    const VITE: &str = "Blocked request. This host (\"app.example\") is not allowed.";

    #[test]
    fn holds_where_the_host_is_named() {
        let _ = holds(&CAUSE, Sample::ws().answer(400, "DisallowedHost at /ws"));
        let _ = holds(&CAUSE, Sample::ws().answer(403, "Blocked host: app.example"));
        let vite = Sample::ws().answer(400, "Bad Request").experiment(Variation::without_upgrade(), 403, VITE);
        assert_eq!(holds(&CAUSE, vite.clone()).confidence, Confidence::Likely);
        let local = Variation { host: HostVariant::Localhost, ..Variation::default() };
        assert_eq!(holds(&CAUSE, vite.opens_with(local, |_| {})).confidence, Confidence::Proven);
        let webpack = Sample::ws().opens_with(Variation::plain(), |session| {
            session.messages.push(evidence::Message {
                at_us: 1_000,
                kind: MessageKind::Text,
                length: 50,
                preview: "{\"type\":\"error\",\"data\":\"Invalid Host/Origin header\"}".into(),
            });
        });
        let _ = holds(&CAUSE, webpack);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(421, "no site"));
        does_not_hold(&CAUSE, Sample::ws().answer(400, "Bad Request").experiment(Variation::without_upgrade(), 426, ""));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
