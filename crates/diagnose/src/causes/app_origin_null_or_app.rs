//! The refused origin is not that of a web page.

use super::app_origin_rejected;
use crate::{Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server refuses an origin that is no web page's
    ///
    /// # What you see
    /// The socket is refused (403) only in an app, an extension, or a page opened as a file; from the web site it
    /// works.
    ///
    /// # Why it happens
    /// Such pages have the origin `null`, `file://`, `chrome-extension://…`, `capacitor://localhost` or the like.
    /// An allow-list of https origins does not have them, and some servers cannot even read them.
    ///
    /// # What to do
    /// Allow exactly that origin. Do not allow `null` for sockets that trust cookies: sandboxed frames of any site
    /// have that origin.
    ///
    /// # How to be sure
    /// Without `Origin` the handshake opens; with this one, and nothing else changed, it does not.
    "app-origin-null-or-app", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(origin) = evidence.case.page_origin().filter(|origin| !is_web(origin)) else { return Verdict::Unseen };
    // The experiments are the same; only the meaning and the advice differ.
    match app_origin_rejected::CAUSE.judge(evidence) {
        Verdict::Holds(mut finding) => {
            finding.title = text!("The server refuses the origin {origin}, which is no web page's", origin = &origin);
            finding.yields_to = &[];
            finding.remedies = remedies(&origin);
            Verdict::Holds(finding)
        }
        other => other,
    }
}

/// Origins of web pages begin with http or https.
pub(super) fn is_web(origin: &str) -> bool {
    origin.starts_with("http://") || origin.starts_with("https://")
}

fn remedies(origin: &str) -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Node,
            text!("Allow exactly this origin"),
            format!("new WebSocketServer({{ server, verifyClient: ({{ origin }}) => origin === '{origin}' || WEB_ORIGINS.includes(origin) }})"),
        ),
        Remedy::for_stack(
            Stack::Python,
            text!("Allow exactly this origin"),
            format!("# websockets\nserve(handler, host, port, origins=[\"{origin}\", \"https://app.example\"])\n# Tornado\ndef check_origin(self, origin): return origin in (\"{origin}\", \"https://app.example\")"),
        ),
        Remedy::for_stack(
            Stack::Rails,
            text!("Allow exactly this origin"),
            format!("config.action_cable.allowed_request_origins = ['{origin}', 'https://app.example']"),
        ),
        Remedy::new(text!("Authenticate such clients with a token: their origin protects nobody")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Origin, OriginVariant, Variation};

    fn refused(origin: &str) -> Sample {
        Sample::ws()
            .case(|case| case.origin = Origin::Given(origin.into()))
            .answer(403, "Forbidden")
            .opens_with(Variation::origin(OriginVariant::None), |_| {})
    }

    #[test]
    fn holds_for_origins_of_apps() {
        for origin in ["null", "file://", "chrome-extension://abcdef", "capacitor://localhost"] {
            let _ = holds(&CAUSE, refused(origin));
        }
        does_not_hold(&CAUSE, refused("https://other.example"));
        does_not_hold(&CAUSE, Sample::ws().case(|case| case.origin = Origin::Given("null".into())).opens());
    }
}
