//! The server knows of WebSockets and has them switched off.

use crate::answers::{get_proof, not_switched, unclear};
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server has its WebSocket transport switched off
    ///
    /// # What you see
    /// 204 `No Content` in answer to the handshake. With SignalR the `negotiate` answer lists no `WebSockets`.
    ///
    /// # Why it happens
    /// The framework knows the endpoint and has only the other transports (server-sent events, long polling)
    /// switched on, or found at its start that the web server cannot do WebSockets.
    ///
    /// # What to do
    /// Switch the transport on in the application and in the web server.
    ///
    /// # How to be sure
    /// `curl -X POST https://host/hub/negotiate?negotiateVersion=1` lists `availableTransports`.
    "upgrade-204-or-transport-off", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = unclear(evidence) else { return Verdict::Unseen };
    if response.status != 204 {
        return Verdict::Unseen;
    }
    not_switched(
        Confidence::Likely,
        seen,
        response,
        text!("The server answers the upgrade with nothing: its WebSocket transport is switched off"),
    )
    .proof_if(get_proof(evidence))
    .remedy(Remedy::for_stack(
        Stack::DotNet,
        text!("Allow the transport in the hub, and enable WebSockets in the application"),
        "app.UseWebSockets();\napp.MapHub<ChatHub>(\"/hub\", options =>\n    options.Transports = HttpTransportType.WebSockets | HttpTransportType.LongPolling);",
    ))
    .remedy(Remedy::for_stack(
        Stack::Iis,
        text!("Install the WebSocket protocol and switch it on for the site"),
        "<system.webServer>\n  <webSocket enabled=\"true\" />\n</system.webServer>",
    ).command("Install-WindowsFeature Web-WebSockets"))
    .would_tell(text!("Ask the endpoint's negotiate address which transports it offers."))
    .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_for_204() {
        let _ = holds(&CAUSE, Sample::ws().answer(204, ""));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(200, ""));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
