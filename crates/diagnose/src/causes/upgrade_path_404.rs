//! No socket at this path.

use crate::answers::{get_proof, is_asgi_404, not_switched, plain_get, unclear};
use crate::fingerprint::{self, Product};
use crate::reading::{experiment, front, same_at_random_path};
use crate::{Confidence, Remedy, Stack, Verdict, cause, recipes, text};
use evidence::{Evidence, PathVariant, Question, Response, Variation};

cause! {
    /// There is no WebSocket at this path
    ///
    /// # What you see
    /// 404, the same as for a path that exists nowhere. Some servers say it differently: node `ws` with a `path`
    /// 400 `Bad Request`, ASGI servers 403 with an empty body, Socket.IO closes after a second without a word.
    ///
    /// # Why it happens
    /// A typing error, a missing prefix, a slash too many or too few; or a proxy cuts the prefix off, or adds one,
    /// so that the application sees another path (nginx: a `proxy_pass` that ends in a slash).
    ///
    /// # What to do
    /// Use the path under which the application serves the socket, and compare what the proxy sends with it.
    ///
    /// # How to be sure
    /// A random path gets the very same answer. The application's own log shows which path arrives.
    "upgrade-path-404", Upgrade, judge
}

/// A path that no application has.
const NOWHERE: &str = "keepwire-no-such-path";

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = unclear(evidence) else { return Verdict::Unseen };
    let fits = match response.status {
        // Starlette answers upgrades with 403: its 404 means that none arrived.
        404 | 410 => !is_asgi_404(response) && plain_get(evidence).is_none_or(|(_, get)| get.status >= 300),
        // What node ws says for another `path` than its own, and nothing else.
        400 => response.body.text == "Bad Request",
        403 => is_api_gateway(response) || is_closed_unaccepted(evidence, response),
        _ => false,
    };
    if !fits {
        return Verdict::Unseen;
    }
    match same_at_random_path(evidence) {
        None => return Verdict::Open(vec![Question::Upgrade(Variation::path(PathVariant::Random))]),
        Some(false) => {
            // A proxy may send each folder elsewhere: then only a path below the same one tells.
            let below = Variation::path(PathVariant::Under(NOWHERE.to_owned()));
            match experiment(evidence, &below) {
                None => return Verdict::Open(vec![Question::Upgrade(below)]),
                Some(other) if other.fact.response().is_some_and(|other| other.says_the_same_as(response)) => {}
                Some(_) => return Verdict::RuledOut(text!("a path that exists nowhere is answered differently")),
            }
        }
        Some(true) => {}
    }
    let path = evidence.case.target.bare_path();
    let found = others(evidence).into_iter().find_map(|variant| {
        experiment(evidence, &Variation::path(variant.clone())).filter(|seen| seen.opened()).map(|seen| (seen.id, variant))
    });
    let confidence = match (&found, response.status) {
        (Some(_), _) => Confidence::Proven,
        (None, 403) if !is_api_gateway(response) => Confidence::Possible,
        (None, _) => Confidence::Likely,
    };
    let random = experiment(evidence, &Variation::path(PathVariant::Random)).map_or(seen.id, |seen| seen.id);
    let mut finding = not_switched(confidence, seen, response, text!("There is no WebSocket at {path}", path = path))
        .because(is_api_gateway(response).then_some("apigw-stage-missing"))
        .proof(&[seen.id, random], text!("A path that exists nowhere gets the same answer."))
        .proof_if(get_proof(evidence))
        .remedies(recipes::for_response(Some(response), remedies()))
        .yields_to(&["app-wrong-transport-path", "upgrade-host-mismatch", "app-vite-token", "app-host-not-allowed"]);
    if let Some(product) = fingerprint::own_page(response) {
        let text = text!("It is an error page of {product} itself: the request reached no application.", product = product.name());
        finding = finding.proof(&[seen.id], text);
    }
    match found {
        Some((id, variant)) => {
            finding.proof(&[id], text!("At {path} the same handshake gets 101.", path = shown(&variant, path))).holds()
        }
        None if confidence == Confidence::Possible => finding.holds(),
        None => finding.ask(others(evidence).into_iter().map(|variant| Question::Upgrade(Variation::path(variant)))).holds(),
    }
}

/// AWS says this for a path without its stage, and for a refusal of the authorizer.
fn is_api_gateway(response: &Response) -> bool {
    front(response) == Some(Product::ApiGateway) && response.body.text.contains("\"Forbidden\"")
}

/// ASGI servers close before they accept, which is a 403 without a body, and give a plain GET their 404.
pub(super) fn is_closed_unaccepted(evidence: &Evidence, response: &Response) -> bool {
    response.status == 403
        && response.body.length == 0
        && fingerprint::own_page(response).is_none()
        && plain_get(evidence).is_some_and(|(_, get)| get.status == 404)
}

/// Paths worth a look: the other slash, and where sockets mostly are.
fn others(evidence: &Evidence) -> Vec<PathVariant> {
    let path = evidence.case.target.bare_path();
    let mut all = Vec::new();
    if path != "/" {
        all.extend([PathVariant::SlashToggled, PathVariant::Root]);
    }
    if path != "/ws" {
        all.push(PathVariant::To("/ws".to_owned()));
    }
    if !path.starts_with("/socket.io") {
        all.push(PathVariant::To(super::app_wrong_transport_path::SOCKET_IO.to_owned()));
    }
    all
}

fn shown(variant: &PathVariant, path: &str) -> String {
    match variant {
        PathVariant::SlashToggled => path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned),
        PathVariant::To(path) => path.clone(),
        _ => "/".to_owned(),
    }
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Serve the path, and pass it on unchanged: proxy_pass without a path of its own"),
            "location /ws {\n    proxy_pass http://your_backend;    # a slash at the end would cut /ws off\n}",
        ),
        Remedy::for_stack(
            Stack::Node,
            text!("Use the path that the server was given"),
            "new WebSocketServer({ server, path: '/ws' })   // other paths get 400",
        ),
        Remedy::for_stack(
            Stack::Python,
            text!("Give the socket a route of exactly this path"),
            "# Starlette / FastAPI\n@app.websocket(\"/ws\")\n# aiohttp\napp.router.add_get(\"/ws\", handler)",
        ),
        Remedy::for_stack(
            Stack::Aws,
            text!("API Gateway: put the stage into the path"),
            "wss://ID.execute-api.REGION.amazonaws.com/STAGE",
        ),
        Remedy::new(text!("Compare the path that the application logs with the one of the URL")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{PathVariant, Variation};

    fn same(status: u16, headers: &[&str], body: &str, get: u16) -> Sample {
        Sample::ws()
            .answer_with(status, headers, body)
            .experiment_with(Variation::path(PathVariant::Random), status, headers, body)
            .experiment(Variation::without_upgrade(), get, if get == 404 { body } else { "other" })
    }

    #[test]
    fn holds_where_a_random_path_gets_the_same() {
        let aiohttp = same(404, &["server: Python/3.11 aiohttp/3.14.5"], "404: Not Found", 404);
        assert_eq!(holds(&CAUSE, aiohttp.clone()).confidence, Confidence::Likely);
        let found = aiohttp.opens_with(Variation::path(PathVariant::SlashToggled), |_| {});
        let finding = holds(&CAUSE, found);
        assert_eq!(finding.confidence, Confidence::Proven);
        assert!(finding.proof.iter().any(|proof| proof.text.english().contains("/ws/")));
        let _ = holds(&CAUSE, same(404, &["server: nginx"], "<center>nginx/1.22.1</center>", 404));
        let _ = holds(&CAUSE, same(400, &[], "Bad Request", 426));
        assert_eq!(holds(&CAUSE, same(403, &[], "", 404)).confidence, Confidence::Possible);
        let gateway = same(403, &["x-amzn-requestid: 1"], "{\"message\":\"Forbidden\"}", 200);
        assert_eq!(holds(&CAUSE, gateway).because, Some("apigw-stage-missing"));
    }

    #[test]
    fn near_misses() {
        // The upgrade was lost on the way: Starlette answers real ones with 403.
        does_not_hold(&CAUSE, same(404, &["server: nginx"], "Not Found", 404));
        // Another path is answered differently.
        let other = Sample::ws().answer(404, "here").experiment(Variation::path(PathVariant::Random), 403, "there");
        does_not_hold(&CAUSE, other);
        // A plain GET at the same path works: the server cannot upgrade.
        does_not_hold(&CAUSE, same(404, &[], "nothing", 200));
        does_not_hold(&CAUSE, same(403, &["server: envoy"], "", 404));
        does_not_hold(&CAUSE, same(403, &[], "Forbidden", 404));
    }
}
