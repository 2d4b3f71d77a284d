//! An ordinary page answers the handshake.

use crate::answers::{get_proof, not_switched, unclear};
use crate::fingerprint::{self, Product};
use crate::reading::{same_at_random_path, same_without_upgrade};
use crate::{Confidence, Remedy, Stack, Verdict, cause, recipes, text};
use evidence::{Evidence, PathVariant, Question, Variation};

cause! {
    /// A page answers instead of a socket
    ///
    /// # What you see
    /// 200 with a web page. Chrome: "Unexpected response code: 200"; OkHttp: "Expected HTTP 101 response but was
    /// '200 OK'".
    ///
    /// # Why it happens
    /// Something serves every path that nothing else claims: the index page of a single-page application
    /// (`try_files … /index.html`), a dev server's fallback, an application that knows no WebSocket. Or the upgrade
    /// was lost on the way and the page is the application's answer to a plain GET.
    ///
    /// # What to do
    /// Give the socket a route of its own before the catch-all; use its exact path. For dev servers switch
    /// WebSocket proxying on.
    ///
    /// # How to be sure
    /// A random path gets the very same page: a catch-all. Only this path does: the route exists, and the upgrade
    /// does not reach it.
    "upgrade-200-html", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = unclear(evidence) else { return Verdict::Unseen };
    let empty_caddy = response.body.length == 0 && fingerprint::hops(response).contains(&Product::Caddy);
    if !matches!(response.status, 200..=203) || empty_caddy || fingerprint::says_no_upgrade_arrived(response) {
        return Verdict::Unseen;
    }
    let Some(everywhere) = same_at_random_path(evidence) else {
        return Verdict::Open(vec![Question::Upgrade(Variation::path(PathVariant::Random))]);
    };
    let path = evidence.case.target.bare_path();
    let title = if everywhere {
        text!("A catch-all page answers at {path}: no socket is served there", path = path)
    } else {
        text!("An ordinary page answers at {path} instead of a socket", path = path)
    };
    let confidence = if everywhere { Confidence::Proven } else { Confidence::Likely };
    let mut finding = not_switched(confidence, seen, response, title);
    if let Some(name) = title_of(&response.body.text) {
        finding = finding.proof(&[seen.id], text!("The page is called \"{name}\".", name = name));
    }
    if everywhere {
        let random = evidence.exchange(&Variation::path(PathVariant::Random)).map_or(seen.id, |seen| seen.id);
        finding = finding.proof(&[random], text!("A path that exists nowhere gets the same answer."));
    }
    finding = match same_without_upgrade(evidence) {
        Some(true) => finding.proof_if(get_proof(evidence)).proof(
            &[seen.id],
            text!("A plain GET gets the same page: nothing there looks at Upgrade, or a hop removes it."),
        ),
        _ => finding.proof_if(get_proof(evidence)),
    };
    finding
        .remedies(recipes::for_response(Some(response), remedies(path)))
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .yields_to(&["app-no-upgrade-support", "upgrade-stripped", "forward-proxy-strips-upgrade", "captive-portal", "upgrade-refused-by-proxy"])
        .holds()
}

fn title_of(page: &str) -> Option<String> {
    let start = page.find("<title>")? + "<title>".len();
    let name = page.get(start..)?.split('<').next()?.trim();
    (!name.is_empty()).then(|| name.chars().take(60).collect())
}

fn remedies(path: &str) -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Give the socket a location of its own beside the catch-all"),
            format!(
                "location {path} {{\n    proxy_pass http://your_backend;\n    proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection $connection_upgrade;\n}}\nlocation / {{ try_files $uri /index.html; }}"
            ),
        ),
        Remedy::for_stack(
            Stack::Caddy,
            text!("Give the socket a route of its own before the file server"),
            format!("handle {path}* {{\n    reverse_proxy 127.0.0.1:8080\n}}\nhandle {{\n    try_files {{path}} /index.html\n    file_server\n}}"),
        ),
        Remedy::for_stack(
            Stack::Vite,
            text!("Let the dev server pass WebSockets on"),
            format!("server: {{ proxy: {{ '{path}': {{ target: 'http://localhost:8080', ws: true }} }} }}"),
        ),
        Remedy::for_stack(
            Stack::Node,
            text!("Attach a WebSocket server to the HTTP server: app.get() alone never sees an upgrade"),
            "const server = http.createServer(app);\nnew WebSocketServer({ server });\nserver.listen(port);   // not app.listen()",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{PathVariant, Variation};

    const PAGE: &str = "<!doctype html><title>My app</title><div id=root></div>";

    fn page(random: &str) -> Sample {
        Sample::ws()
            .answer_with(200, &["content-type: text/html"], PAGE)
            .experiment(Variation::without_upgrade(), 200, PAGE)
            .experiment(Variation::path(PathVariant::Random), 200, random)
    }

    #[test]
    fn holds_where_a_page_answers() {
        assert_eq!(holds(&CAUSE, page(PAGE)).confidence, Confidence::Proven);
        assert_eq!(holds(&CAUSE, page("x")).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer_with(200, &["server: Caddy"], ""));
        does_not_hold(&CAUSE, Sample::ws().answer(404, PAGE));
        does_not_hold(&CAUSE, Sample::ws().answer(200, PAGE).opens_with(Variation::browser(), |_| {}));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
