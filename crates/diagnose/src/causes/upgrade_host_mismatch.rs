//! The server has no site of this name.

use crate::answers::{Refusal, not_switched, refused_as, words};
use crate::reading::hop;
use crate::{Confidence, Remedy, Stack, Verdict, cause, recipes, text, Finding, Safety, Severity, settings};
use evidence::{Evidence, Setting, Wish, HostSent};

cause! {
    /// The server has no site for this `Host`
    ///
    /// # What you see
    /// 421 Misdirected Request, or the default site's 404, 403 or page.
    ///
    /// # Why it happens
    /// The name (or address) in the URL is not the one that the virtual host is defined for; a proxy replaces
    /// `Host` by the name of its upstream; or a TLS connection for one name is used for another.
    ///
    /// # What to do
    /// Use the name that the site is defined for, add the name to the site, and pass `Host` on.
    ///
    /// # How to be sure
    /// With the site's own name in `Host` the same address answers differently.
    "upgrade-host-mismatch", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::Host) else { return Verdict::Unseen };
    // The application's own list of hosts is another cause; this is about the site.
    if response.status != 421 || words(response).contains("blocked") {
        return Verdict::Unseen;
    }
    let host = evidence.case.target.authority();
    let mut finding = not_switched(
        Confidence::Proven,
        seen,
        response,
        text!("{hop} has no site for the host {host}", hop = hop(response), host = &host),
    )
    .proof(&[seen.id], text!("421 means: this server does not answer for the host of the request (RFC 9110 section 15.5.20)."));
    if evidence.case.connect_to.is_some() || evidence.case.target.address().is_some() {
        finding = finding.would_tell(text!("Use the site's name in the URL, and the address with --connect-to."));
    }
    finding.remedies(recipes::for_response(Some(response), remedies(&host))).holds()
}

fn remedies(host: &str) -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Add the name to the site, and pass Host on to what is behind"),
            format!("server_name {host};\nproxy_set_header Host $http_host;"),
        ),
        Remedy::for_stack(
            Stack::Apache,
            text!("Add the name to the site, and pass Host on to what is behind"),
            format!("ServerAlias {host}\nProxyPreserveHost On"),
        ),
        Remedy::for_stack(Stack::Envoy, text!("Add the name to the virtual host"), format!("virtual_hosts:\n- name: app\n  domains: [\"{host}\"]")),
        Remedy::new(text!("Use the name that the site is defined for")),
    ]
}

/// The configuration replaces the client's `Host`.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, sent) = settings::find(evidence, |what| match what {
        Setting::Host(HostSent::Client) => None,
        Setting::Host(sent) => Some(sent),
        _ => None,
    })?;
    let hop = settings::product(evidence);
    let (severity, title) = match sent {
        HostSent::WithoutPort => (Severity::Note, text!("{hop} passes Host on without its port", hop = hop)),
        HostSent::Fixed(name) => (Severity::Note, text!("{hop} sends the application the Host {name}", hop = hop, name = name.as_str())),
        HostSent::Upstream(name) => {
            (Severity::Warning, text!("{hop} sends the application its own name for it as Host: {name}", hop = hop, name = name.as_str()))
        }
        HostSent::Client => return None,
    };
    let remedy = Remedy::wish(Safety::AskFirst, text!("Pass the client's Host on"), Wish::PassHost);
    let finding = settings::finding(evidence, seen, severity, title)
        .users(text!("An application that compares Origin with Host (Grafana, Jupyter, Phoenix, tornado, Rails) refuses browsers with 403."))
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_for_421() {
        let _ = holds(&CAUSE, Sample::ws().answer(421, "no site for this host\n"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(403, "Blocked request. This host (\"x\") is not allowed."));
        does_not_hold(&CAUSE, Sample::ws().answer(404, ""));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
