//! Subprotocols were offered, and the 101 chooses none.

use crate::answers::{faulty, invalid};
use crate::fingerprint::Product;
use crate::reading::front;
use crate::{Remedy, Stack, Verdict, cause, recipes, text, Finding, Safety, Severity, settings, Symptom};
use evidence::{Evidence, HandshakeFault, Wish};

cause! {
    /// The server chooses none of the offered subprotocols
    ///
    /// # What you see
    /// Chrome: "Sent non-empty 'Sec-WebSocket-Protocol' header but no response was received". Many programs
    /// connect all the same and fail later.
    ///
    /// # Why it happens
    /// The server does not know subprotocols, knows other names only, or a hop removes the header
    /// (nginx: `proxy_set_header Sec-WebSocket-Protocol ""`).
    ///
    /// # What to do
    /// Let the server choose one of the names, pass the header on, or offer none in the client.
    ///
    /// # How to be sure
    /// Asked directly, the application chooses: then a hop takes the header. It does not: then it knows other names.
    "upgrade-subprotocol-not-answered", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(faulty) = faulty(evidence, |fault| *fault == HandshakeFault::SubprotocolNotAnswered) else {
        return Verdict::Unseen;
    };
    let response = faulty.seen.fact.response();
    let offered = faulty.seen.fact.request_header("sec-websocket-protocol").map_or_else(|| evidence.case.subprotocols.join(", "), str::to_owned);
    let mut finding = invalid(
        &faulty,
        text!("The server chooses none of the offered subprotocols: {offered}", offered = &offered),
        text!("The request offers \"{offered}\", and the 101 has no Sec-WebSocket-Protocol.", offered = &offered),
        "Sent non-empty 'Sec-WebSocket-Protocol' header but no response was received",
    );
    if let Some(product) = response.and_then(front).filter(|product| *product == Product::Nginx) {
        let text = text!("{product} in front may have removed the offer.", product = product.name());
        finding = finding.proof(&[faulty.seen.id], text);
    }
    finding
        .remedies(recipes::for_response(response, remedies(evidence.case.subprotocols.first().map_or("NAME", String::as_str))))
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .yields_to(&["upgrade-subprotocol-wrong-dialect"])
        .holds()
}

fn remedies(name: &str) -> Vec<Remedy> {
    vec![
        Remedy::new(text!("Offer a name that the server knows, or none at all")),
        Remedy::for_stack(
            Stack::Nginx,
            text!("Pass the offer on: take out the line that empties it"),
            "# remove from the location of the socket:\n# proxy_set_header Sec-WebSocket-Protocol \"\";",
        )
        .command("nginx -T | grep -in sec-websocket-protocol"),
        Remedy::for_stack(
            Stack::Node,
            text!("Choose the subprotocol in the server"),
            format!("new WebSocketServer({{ server, handleProtocols: (offered) => offered.has('{name}') ? '{name}' : false }})"),
        ),
        Remedy::for_stack(
            Stack::Python,
            text!("Choose the subprotocol in the server"),
            format!("# websockets\nserve(handler, host, port, subprotocols=[\"{name}\"])\n# Starlette / FastAPI\nawait websocket.accept(subprotocol=\"{name}\")\n# aiohttp\nweb.WebSocketResponse(protocols=[\"{name}\"])"),
        ),
        Remedy::for_stack(
            Stack::Go,
            text!("Choose the subprotocol in the server"),
            format!("websocket.Upgrader{{Subprotocols: []string{{\"{name}\"}}}}"),
        ),
    ]
}

/// The configuration takes the header away.
fn told(evidence: &Evidence) -> Option<Finding> {
    let seen = settings::cleared(evidence, "Sec-WebSocket-Protocol")?;
    let title = text!("{hop} takes Sec-WebSocket-Protocol away", hop = settings::product(evidence));
    let wish = Wish::LeaveHeader("Sec-WebSocket-Protocol".to_owned());
    let remedy = Remedy::wish(Safety::Safe, text!("Leave {header} alone", header = "Sec-WebSocket-Protocol"), wish);
    Some(settings::finding(evidence, seen, Severity::Error, title).explains(Symptom::HandshakeInvalid).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, faulty_101, holds};
    use evidence::{HandshakeFault, Variation};

    #[test]
    fn holds_where_none_is_chosen() {
        let sample = Sample::ws()
            .case(|case| case.subprotocols = vec!["mqtt".into()])
            .exchange(Variation::plain(), faulty_101(&["server: nginx"], vec![HandshakeFault::SubprotocolNotAnswered]));
        assert!(holds(&CAUSE, sample).title.english().contains("mqtt"));
    }

    #[test]
    fn near_misses() {
        let other = HandshakeFault::SubprotocolNotOffered("mqtt".into());
        does_not_hold(&CAUSE, Sample::ws().exchange(Variation::plain(), faulty_101(&[], vec![other])));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
