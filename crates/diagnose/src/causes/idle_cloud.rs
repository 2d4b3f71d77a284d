//! A cloud's load balancer or edge ends quiet connections.

use crate::fingerprint::{self, Product};
use crate::reading::duration;
use crate::sessions::{cut, same_time};
use crate::{Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, Micros};

cause! {
    /// A cloud's balancer or edge ends quiet connections
    ///
    /// # What you see
    /// The socket dies at a number that the provider documents: 55 s Heroku, 60 s AWS ALB, 100 s Cloudflare, 300 s
    /// Azure Front Door, 600 s AWS API Gateway.
    ///
    /// # Why it happens
    /// Edges free what looks unused. Some of these limits can be raised (ALB up to 4000 s), others cannot (Heroku,
    /// API Gateway, Cloudflare below Enterprise).
    ///
    /// # What to do
    /// Send pings at half the smallest limit on the way, or raise it where that is possible.
    ///
    /// # How to be sure
    /// A quiet connection ends at that time, one with pings stays, and the answer's headers name the provider.
    "idle-cloud", Alive, judge
}

/// Providers that name themselves in headers, with the documented idle limit in seconds and the product's id.
const LIMITS: &[(Product, u64, &str)] = &[
    (Product::Heroku, 55, "heroku-h15"),
    (Product::AwsElb, 60, "alb-idle-60"),
    (Product::Cloudflare, 100, "cloudflare-idle-100s"),
    (Product::AzureFrontDoor, 300, "azure-frontdoor-cache-or-cap"),
    (Product::ApiGateway, 600, "apigw-limits"),
];

/// The provider on the way whose limit this is.
pub(super) fn owner(evidence: &Evidence, idle_us: Micros) -> Option<(Product, &'static str)> {
    let response = evidence.handshake()?.fact.response()?;
    let hops = fingerprint::hops(response);
    LIMITS
        .iter()
        .find(|(product, seconds, _)| hops.contains(product) && same_time(seconds * 1_000_000, idle_us))
        .map(|(product, _, id)| (*product, *id))
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(cut) = cut(evidence) else { return Verdict::Unseen };
    let Some((product, id)) = owner(evidence, cut.ending.idle_us) else { return Verdict::Unseen };
    if cut.pings_too() == Some(true) {
        return Verdict::RuledOut(text!("a connection with pings ends after the same time"));
    }
    let time = duration(cut.ending.idle_us);
    cut.idle(text!("{product} ends quiet connections after {time}", product = product.name(), time = time))
        .because(id)
        .proof(&[cut.seen.id], text!("The answer to the handshake names {product}, and this is its documented limit.", product = product.name()))
        .remedies(limits(product))
        .remedies(super::idle_nginx_read_timeout::pings(cut.ending.idle_us))
        .holds()
}

fn limits(product: Product) -> Vec<Remedy> {
    match product {
        Product::AwsElb => vec![Remedy::for_stack(
            Stack::Aws,
            text!("Raise the idle time-out of the load balancer (ALB: 1 to 4000 s)"),
            "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN \\\n  --attributes Key=idle_timeout.timeout_seconds,Value=3600",
        )],
        _ => vec![Remedy::new(text!("This limit cannot be raised: only traffic keeps the connection open"))],
    }
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{HoldKind, How};

    fn held(header: &str, seconds: f64, pings: Option<f64>) -> Sample {
        Sample::ws()
            .answer_with(101, &[header], "")
            .hold(HoldKind::Quiet, 0, Some(seconds), How::Fin)
            .hold(HoldKind::Pings, 0, pings, How::Fin)
    }

    #[test]
    fn holds_for_documented_limits() {
        for (header, seconds, id) in [
            ("cf-ray: 8f1c-FRA", 100.3, "cloudflare-idle-100s"),
            ("via: 1.1 vegur", 55.1, "heroku-h15"),
            ("x-azure-ref: 0abc", 300.0, "azure-frontdoor-cache-or-cap"),
        ] {
            assert_eq!(holds(&CAUSE, held(header, seconds, None)).because, Some(id));
        }
        does_not_hold(&CAUSE, held("cf-ray: 8f1c-FRA", 60.0, None));
        does_not_hold(&CAUSE, held("server: nginx", 100.0, None));
        does_not_hold(&CAUSE, held("cf-ray: 8f1c-FRA", 100.0, Some(100.2)));
    }
}
