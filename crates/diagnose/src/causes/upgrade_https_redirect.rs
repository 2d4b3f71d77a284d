//! The server wants TLS and says so by redirect, which WebSocket clients do not follow.

use super::upgrade_trailing_slash_redirect::destination;
use crate::answers::{Refusal, not_switched, refused_as};
use crate::fingerprint::Product;
use crate::reading::{experiment, front};
use crate::{Confidence, Remedy, Stack, Verdict, cause, recipes, text};
use evidence::{Evidence, Question, Variation};

cause! {
    /// The server redirects to https
    ///
    /// # What you see
    /// 301 or 308 to the same address with `https`. Browsers say "Unexpected response code: 301".
    ///
    /// # Why it happens
    /// Port 80 serves only a redirect for pages. Sockets never follow redirects. If the URL is `wss://` already,
    /// the application believes that it is spoken to in clear text: the proxy does not tell it
    /// (`X-Forwarded-Proto`), or Cloudflare's mode "Flexible" speaks http to the origin.
    ///
    /// # What to do
    /// Use `wss://`. Where that is in use already, tell the application about TLS, or set Cloudflare to
    /// "Full (strict)".
    ///
    /// # How to be sure
    /// `Location` differs from the URL only by its scheme, and `wss://` at that address opens.
    "upgrade-https-redirect", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::Redirect) else { return Verdict::Unseen };
    let location = response.header("location").unwrap_or_default();
    let target = &evidence.case.target;
    let Some(to) = destination(target, location) else { return Verdict::Unseen };
    let same_place = to.path() == target.bare_path()
        && to.host_str().is_some_and(|host| host.trim_matches(['[', ']']).eq_ignore_ascii_case(&target.host));
    if to.scheme() != "https" || !same_place {
        return Verdict::Unseen;
    }
    if target.secure {
        return not_switched(
            Confidence::Proven,
            seen,
            response,
            text!("The server redirects to https although it is spoken to over TLS: the application does not know that"),
        )
        .because((front(response) == Some(Product::Cloudflare)).then_some("cloudflare-flexible-loop"))
        .proof(&[seen.id], text!("It points to {location}, the very address that was asked for.", location = location))
        .remedies(recipes::for_response(Some(response), loop_remedies()))
        .holds();
    }
    let port = to.port_or_known_default().unwrap_or(443);
    let secure = Variation { other_scheme: true, port: (port != target.port).then_some(port), ..Variation::default() };
    let tried = experiment(evidence, &secure);
    let authority = if port == 443 { target.bracketed_host() } else { format!("{}:{port}", target.bracketed_host()) };
    let url = format!("wss://{authority}{}", target.path);
    let mut finding = not_switched(
        Confidence::Proven,
        seen,
        response,
        text!("The server redirects to https; sockets do not follow redirects"),
    )
    .proof(&[seen.id], text!("It points to {location}: only the scheme differs.", location = location))
    .remedy(Remedy::new(text!("Use {url} in the client", url = &url)))
    .ask([Question::Upgrade(secure)]);
    if let Some(tried) = tried.filter(|tried| tried.opened()) {
        finding = finding.proof(&[tried.id], text!("{url} opens.", url = url));
    }
    finding.holds()
}

fn loop_remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(Stack::Nginx, text!("Tell the application that the outside is TLS"), "proxy_set_header X-Forwarded-Proto $scheme;"),
        Remedy::for_stack(Stack::Apache, text!("Tell the application that the outside is TLS"), "RequestHeader set X-Forwarded-Proto \"https\""),
        Remedy::for_stack(Stack::Cloudflare, text!("Set SSL/TLS encryption to \"Full (strict)\""), "SSL/TLS → Overview → Full (strict)"),
        Remedy::for_stack(Stack::Django, text!("Believe the proxy's header"), "SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\")"),
        Remedy::for_stack(Stack::Node, text!("Believe the proxy's header"), "app.set('trust proxy', 1)   // Express"),
        Remedy::for_stack(Stack::Python, text!("Believe the proxy's header"), "uvicorn app:app --proxy-headers --forwarded-allow-ips=10.0.0.0/8"),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    fn to(sample: Sample, location: &str) -> Sample {
        let header = format!("location: {location}");
        sample.answer_with(301, &[&header, "server: cloudflare"], "")
    }

    #[test]
    fn holds_where_only_the_scheme_differs() {
        for location in [
            "https://app.example/ws",
            "https://app.example:8443/ws",
            "https://APP.example/ws?x=1",
            "wss://app.example/ws",
            "https://wss://app.example/ws",
        ] {
            let _ = holds(&CAUSE, to(Sample::ws(), location));
        }
        let finding = holds(&CAUSE, to(Sample::wss(), "https://app.example/ws"));
        assert_eq!(finding.because, Some("cloudflare-flexible-loop"));
    }

    #[test]
    fn near_misses() {
        for location in ["https://app.example/ws/", "https://login.example/ws", "http://app.example/ws", "/login"] {
            does_not_hold(&CAUSE, to(Sample::ws(), location));
        }
    }
}
