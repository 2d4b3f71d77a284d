//! A proxy or platform was told not to let WebSockets through.

use crate::answers::{Refusal, get_proof, not_switched, plain_get, refusal, unclear};
use crate::fingerprint::{self, Product};
use crate::reading::{front, hop, refused};
use crate::{Confidence, Remedy, Stack, Verdict, cause, recipes, text, Finding, Safety, Severity, settings, Symptom};
use evidence::{Evidence, Question, Response, Variation, Setting, Wish, Passing};

cause! {
    /// The proxy or platform does not let WebSockets through
    ///
    /// # What you see
    /// 403 from Envoy, 503 "WebSockets are disabled" from IIS, 464 from an AWS load balancer, 426 or 501 from
    /// platforms without sockets. Plain requests to the same path work.
    ///
    /// # Why it happens
    /// Upgrades are switched off there: Envoy wants `upgrade_configs`, IIS a feature and a switch, a target group
    /// has to speak HTTP1. Serverless and static hosting cannot hold connections at all.
    ///
    /// # What to do
    /// Switch WebSockets on for this route, or serve the socket from a place that can hold connections.
    ///
    /// # How to be sure
    /// A plain GET to the same path gets another status, and the refusal carries the product's own signature.
    "upgrade-refused-by-proxy", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused(evidence) else { return Verdict::Unseen };
    let platform = unclear(evidence).is_some() && is_platform(response);
    if refusal(response) != Some(Refusal::Disabled) && !platform {
        return Verdict::Unseen;
    }
    let get = plain_get(evidence);
    if get.is_some_and(|(_, get)| get.says_the_same_as(response)) {
        return Verdict::RuledOut(text!("a plain GET is refused in the same way"));
    }
    if get.is_none() && evidence.exchange(&Variation::without_upgrade()).is_none() {
        return Verdict::Open(vec![Question::Upgrade(Variation::without_upgrade())]);
    }
    let because = because(response, get.map(|(_, get)| get));
    let confidence = if platform { Confidence::Likely } else { Confidence::Proven };
    let title = match because {
        Some("platform-no-websocket") => text!("{hop} holds no WebSockets at this address", hop = hop(response)),
        Some("envoy-no-endpoints-403") => text!("{hop} has no endpoint for this route, and refuses upgrades meanwhile", hop = hop(response)),
        _ => text!("{hop} refuses the upgrade by itself: WebSockets are switched off there", hop = hop(response)),
    };
    not_switched(confidence, seen, response, title)
        .because(because)
        .proof_if(get_proof(evidence))
        .not(text!("a hop that drops the headers: then a plain GET would get the same answer"))
        .remedies(recipes::for_response(Some(response), remedies()))
        .holds()
}

/// Hosting that is known to hold no sockets, refusing in one of the ways that mean it.
fn is_platform(response: &Response) -> bool {
    matches!(front(response), Some(Product::Vercel | Product::Netlify)) && matches!(response.status, 400 | 405 | 426 | 501)
}

fn because(response: &Response, get: Option<&Response>) -> Option<&'static str> {
    let hops = fingerprint::hops(response);
    let has = |product| hops.contains(&product);
    Some(match response.status {
        464 => "alb-target-protocol",
        _ if has(Product::Vercel) || has(Product::Netlify) => "platform-no-websocket",
        _ if has(Product::AzureAppService) => "azure-appservice-off",
        _ if has(Product::Iis) => "iis-websocket-feature-off",
        // The same instant 503 for a GET: no endpoint is ready, and the placeholder route allows no upgrade.
        403 if get.is_some_and(|get| get.status == 503) => "envoy-no-endpoints-403",
        403 if has(Product::Envoy) || has(Product::Istio) => "envoy-upgrade-not-enabled",
        _ => return None,
    })
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Envoy,
            text!("Allow the upgrade on the route"),
            "# in the route, or in the http_connection_manager for all routes\nupgrade_configs:\n  - upgrade_type: websocket",
        ),
        Remedy::for_stack(
            Stack::Iis,
            text!("Install the WebSocket protocol and switch it on for the site"),
            "<system.webServer>\n  <webSocket enabled=\"true\" />   <!-- false for iisnode, which does it itself -->\n</system.webServer>",
        )
        .command("Install-WindowsFeature Web-WebSockets"),
        Remedy::for_stack(
            Stack::Azure,
            text!("Switch Web sockets on for the app"),
            "Configuration → General settings → Web sockets: On",
        )
        .command("az webapp config set --resource-group GROUP --name APP --web-sockets-enabled true"),
        Remedy::for_stack(
            Stack::Aws,
            text!("Use a target group of protocol version HTTP1: WebSockets cannot go to HTTP2 or gRPC targets"),
            "aws elbv2 create-target-group --protocol HTTP --protocol-version HTTP1 …",
        ),
        Remedy::new(text!("Serve the socket from a place that can hold connections: a container, a virtual machine, or a managed pub-sub service")),
    ]
}

/// The configuration does not allow the upgrade.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| (*what == Setting::Upgrade(Passing::Refused)).then_some(()))?;
    let title = text!("{hop} is not told to allow upgrades, and refuses them itself", hop = settings::product(evidence));
    let remedy = Remedy::wish(Safety::Safe, text!("Allow the upgrade to websocket"), Wish::PassUpgrade);
    let finding = settings::finding(evidence, seen, Severity::Error, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    fn refused(status: u16, header: &str, body: &str, get: u16) -> Sample {
        Sample::ws().answer_with(status, &[header], body).experiment(Variation::without_upgrade(), get, "page")
    }

    #[test]
    fn holds_for_each_products_own_refusal() {
        for (status, header, body, get, because) in [
            (403, "server: envoy", "", 200, "envoy-upgrade-not-enabled"),
            (403, "server: envoy", "", 503, "envoy-no-endpoints-403"),
            (503, "server: Microsoft-IIS/10.0", "WebSocket request made to a site where WebSockets are disabled", 200, "iis-websocket-feature-off"),
            (464, "server: awselb/2.0", "", 200, "alb-target-protocol"),
            (426, "x-vercel-id: fra1::iad1", "", 200, "platform-no-websocket"),
        ] {
            assert_eq!(holds(&CAUSE, refused(status, header, body, get)).because, Some(because), "{status}");
        }
    }

    #[test]
    fn near_misses() {
        // Everything is forbidden there, not only upgrades.
        let all = Sample::ws()
            .answer_with(403, &["server: envoy"], "")
            .experiment_with(Variation::without_upgrade(), 403, &["server: envoy"], "");
        does_not_hold(&CAUSE, all);
        does_not_hold(&CAUSE, refused(403, "server: envoy", "RBAC: access denied", 200));
        does_not_hold(&CAUSE, refused(426, "server: nginx", "Upgrade Required", 200));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
