//! The application server cannot speak WebSocket.

use crate::answers::{is_asgi_404, not_switched, plain_get, unclear};
use crate::fingerprint::{self, Library};
use crate::reading::{author, same_at_random_path, same_without_upgrade, status_line};
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, Response};

cause! {
    /// The application server cannot do WebSockets
    ///
    /// # What you see
    /// 404, 400, 501 or the ordinary page in answer to the upgrade, also when the application is asked directly.
    /// uvicorn logs `Unsupported upgrade request` and `No supported WebSocket library detected`.
    ///
    /// # Why it happens
    /// WSGI servers, PHP-FPM and synchronous workers answer one request and are done with it. ASGI servers need
    /// a WebSocket library beside them. Some frameworks want their WebSocket middleware switched on.
    ///
    /// # What to do
    /// Use a server or worker that can do it, install its library, and route the socket to it.
    ///
    /// # How to be sure
    /// The handshake fails at the application itself, too, and its log names the missing part.
    "app-no-upgrade-support", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = unclear(evidence) else { return Verdict::Unseen };
    let same = same_without_upgrade(evidence);
    let wsgi = wsgi_server(response);
    let path = evidence.case.target.bare_path();
    let (confidence, title) = if let (Some(name), Some(true)) = (wsgi, same) {
        (Confidence::Likely, text!("{name} cannot do WebSockets: it answers the upgrade like any request", name = name))
    } else if response.status == 501 {
        (Confidence::Likely, text!("The server says itself that it has no WebSockets"))
    } else if same == Some(true) && is_asgi_404(response) && author(response) == Some(Library::Uvicorn) && fingerprint::hops(response).is_empty() {
        (Confidence::Possible, text!("uvicorn runs without a WebSocket library, so that it takes upgrades for ordinary requests"))
    } else if matches!(response.status, 404 | 400)
        && response.body.text != "Bad Request"
        && plain_get(evidence).is_some_and(|(_, get)| get.status < 300)
        && same_at_random_path(evidence) == Some(true)
    {
        (Confidence::Likely, text!("The server answers plain requests at {path} and has no WebSocket there", path = path))
    } else {
        return Verdict::Unseen;
    };
    let mut finding = not_switched(confidence, seen, response, title);
    if let Some((id, get)) = plain_get(evidence) {
        finding = match same {
            Some(true) => finding.proof(&[id], text!("A plain GET without Upgrade gets the same status and the same body.")),
            _ => finding.proof(&[id], text!("A plain GET without Upgrade gets {status}.", status = status_line(get))),
        };
    }
    finding
        .remedies(remedies())
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .yields_to(&["upgrade-refused-by-proxy", "forward-proxy-strips-upgrade"])
        .holds()
}

/// Servers that answer one request and are done.
fn wsgi_server(response: &Response) -> Option<&'static str> {
    let server = response.headers_named("server").collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let powered = response.header("x-powered-by").unwrap_or_default().to_ascii_lowercase();
    match author(response) {
        Some(Library::Gunicorn) => Some("gunicorn"),
        Some(Library::Werkzeug) => Some("Werkzeug"),
        _ if server.contains("wsgiserver") => Some("Django's runserver"),
        _ if server.contains("waitress") => Some("waitress"),
        _ if powered.starts_with("php/") => Some("PHP"),
        _ => None,
    }
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Python,
            text!("Run an ASGI server together with a WebSocket library"),
            "pip install 'uvicorn[standard]'\ngunicorn -k uvicorn.workers.UvicornWorker app:app\n# Flask and other WSGI frameworks: Flask-SocketIO or flask-sock with an asynchronous worker",
        ),
        Remedy::for_stack(
            Stack::Django,
            text!("Serve the ASGI application, with a route for the socket"),
            "application = ProtocolTypeRouter({\"http\": get_asgi_application(), \"websocket\": URLRouter(urlpatterns)})\n# daphne project.asgi:application",
        ),
        Remedy::for_stack(
            Stack::DotNet,
            text!("Enable WebSockets in the application, before the endpoint"),
            "app.UseWebSockets();",
        ),
        Remedy::new(text!("Route the socket to a server that can do it, on a port of its own")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{PathVariant, Variation};

    fn case(status: u16, headers: &[&str], body: &str, get: (u16, &str)) -> Sample {
        Sample::ws()
            .answer_with(status, headers, body)
            .experiment_with(Variation::path(PathVariant::Random), status, headers, body)
            .experiment(Variation::without_upgrade(), get.0, get.1)
    }

    #[test]
    fn holds_where_the_server_has_no_sockets() {
        for (sample, confidence) in [
            (case(200, &["server: gunicorn"], "page", (200, "page")), Confidence::Likely),
            (case(404, &["server: uvicorn"], "Not Found", (200, "ok")), Confidence::Likely),
            (case(404, &["server: uvicorn"], "Not Found", (404, "Not Found")), Confidence::Possible),
            (case(501, &[], "", (200, "ok")), Confidence::Likely),
        ] {
            assert_eq!(holds(&CAUSE, sample).confidence, confidence);
        }
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, case(404, &["server: nginx"], "no", (404, "no")));
        does_not_hold(&CAUSE, case(400, &[], "Bad Request", (200, "page")));
        does_not_hold(&CAUSE, case(200, &["server: nginx"], "page", (200, "page")));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
