//! The path gets a slash by redirect, which WebSocket clients do not follow.

use crate::answers::{Refusal, not_switched, refused_as};
use crate::fingerprint::{self, Product};
use crate::{Confidence, Remedy, Stack, Verdict, cause, recipes, text, Finding, Safety, Severity, settings, Symptom};
use evidence::{Evidence, Target, Setting, Wish};

cause! {
    /// A redirect adds or removes the slash at the end
    ///
    /// # What you see
    /// 301, 307 or 308 whose `Location` differs from the URL only by the last slash. Browsers say
    /// "Unexpected response code: 301".
    ///
    /// # Why it happens
    /// Web servers and frameworks like their paths with (or without) a slash and redirect to the other form. Pages
    /// follow; the WebSocket handshake never does (WHATWG WebSockets section 3.1).
    ///
    /// # What to do
    /// Use the URL with exactly that slash, or serve both.
    ///
    /// # How to be sure
    /// Compare `Location` with the URL.
    "upgrade-trailing-slash-redirect", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::Redirect) else { return Verdict::Unseen };
    let location = response.header("location").unwrap_or_default();
    let target = &evidence.case.target;
    let Some(to) = destination(target, location) else { return Verdict::Unseen };
    let (path, other) = (target.bare_path(), to.path());
    if path == other || path.trim_end_matches('/') != other.trim_end_matches('/') {
        return Verdict::Unseen;
    }
    let product = fingerprint::own_page(response);
    let mut finding = not_switched(
        Confidence::Proven,
        seen,
        response,
        text!("The server redirects {path} to {other}; sockets do not follow redirects", path = path, other = other),
    )
    .because((product == Some(Product::Nginx)).then_some("nginx-auto-slash-301"))
    .proof(&[seen.id], text!("It points to {location}, which differs only by the slash at the end.", location = location))
    .remedy(Remedy::new(text!("Use the path {other} in the client", other = other)));
    if let Some(product) = product {
        let text = text!("The redirect is written by {product} itself, not by the application.", product = product.name());
        finding = finding.proof(&[seen.id], text);
    }
    finding.remedies(recipes::for_response(Some(response), remedies(path))).holds()
}

/// Where a redirect leads, as an absolute URL of http or https.
pub(super) fn destination(target: &Target, location: &str) -> Option<url::Url> {
    let base = url::Url::parse(&format!("{}{}", target.own_origin(), target.path)).ok()?;
    // Traefik 2.7 wrote `https://wss://host/path` (traefik#9155).
    let location = location.strip_prefix("https://").filter(|rest| rest.starts_with("ws")&& rest.contains("://")).unwrap_or(location);
    let location = match location.split_once("://") {
        Some(("wss", rest)) => format!("https://{rest}"),
        Some(("ws", rest)) => format!("http://{rest}"),
        _ => location.to_owned(),
    };
    base.join(&location).ok()
}

fn remedies(path: &str) -> Vec<Remedy> {
    let bare = path.trim_end_matches('/');
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Serve the path without the slash as well"),
            format!("location = {bare} {{\n    proxy_pass http://your_backend;    # with the upgrade headers\n}}"),
        ),
        Remedy::for_stack(
            Stack::Apache,
            text!("Serve the path without the slash as well"),
            format!("<Location \"{bare}\">\n    DirectorySlash Off\n</Location>"),
        ),
        Remedy::for_stack(
            Stack::Python,
            text!("Switch the redirect off, or give the route both forms"),
            "# Starlette / FastAPI\nrouter = Router(redirect_slashes=False)",
        ),
        Remedy::for_stack(
            Stack::Django,
            text!("Switch the redirect off, or give the route both forms"),
            "APPEND_SLASH = False\nre_path(r\"^ws/chat/?$\", Chat.as_asgi())",
        ),
    ]
}

/// The configuration makes the redirect itself.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, (from, to)) = settings::find(evidence, |what| match what {
        Setting::SlashRedirect { from, to } => Some((from, to)),
        _ => None,
    })?;
    let hop = settings::product(evidence);
    let title = text!("{hop} answers {from} with a redirect to {to}", hop = hop, from = from.as_str(), to = to.as_str());
    let remedy = Remedy::wish(Safety::AskFirst, text!("Serve the path without the slash, too"), Wish::ServeWithoutSlash);
    let finding = settings::finding(evidence, seen, Severity::Note, title)
        .explains(Symptom::NotSwitched)
        .users(text!("No browser follows a redirect of a WebSocket: a client that leaves out the slash gets 301."))
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_where_only_the_slash_differs() {
        for (url, location) in [
            ("ws://app.example/chat", "http://app.example:8111/chat/"),
            ("ws://app.example/chat", "/chat/"),
            ("ws://app.example/chat?room=1", "/chat/?room=1"),
            ("ws://app.example/chat/", "/chat"),
            ("ws://app.example/chat", "https://app.example/chat/"),
        ] {
            let header = format!("location: {location}");
            let _ = holds(&CAUSE, Sample::at(url).answer_with(301, &[&header], ""));
        }
        let nginx = Sample::ws().answer_with(301, &["location: /ws/", "server: nginx"], "<center>nginx/1.22.1</center>");
        assert_eq!(holds(&CAUSE, nginx).because, Some("nginx-auto-slash-301"));
    }

    #[test]
    fn near_misses() {
        for location in ["https://app.example/ws", "/login", "/ws/v2/", "http://["] {
            let header = format!("location: {location}");
            does_not_hold(&CAUSE, Sample::ws().answer_with(301, &[&header], ""));
        }
        does_not_hold(&CAUSE, Sample::ws().answer(301, ""));
    }
}
