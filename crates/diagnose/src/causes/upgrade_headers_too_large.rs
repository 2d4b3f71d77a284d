//! The head of the request is too large for the server.

use crate::answers::{Refusal, not_switched, refused_as};
use crate::fingerprint;
use crate::reading::{experiment, hop};
use crate::{Confidence, Remedy, Stack, Verdict, cause, recipes, text};
use evidence::{Evidence, PathVariant, Question, Variation};

cause! {
    /// The request's headers or its URL are too large
    ///
    /// # What you see
    /// 431, nginx: 400 `Request Header Or Cookie Too Large`, or 414 for a long URL. Often only for some users: those
    /// with many cookies.
    ///
    /// # Why it happens
    /// Cookies of the whole domain and tokens in the query come along with the handshake. Limits: nginx 8 KiB a
    /// line, node 16 KiB in all, Apache 8190 bytes a line.
    ///
    /// # What to do
    /// Send less: a short ticket instead of a JWT in the URL, cookies limited to where they are needed. Or raise
    /// the limit on every hop.
    ///
    /// # How to be sure
    /// Without cookies, or without the query, the same handshake is not refused.
    "upgrade-headers-too-large", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::TooLarge) else { return Verdict::Unseen };
    let url = response.status == 414;
    // What to leave out to see whether that is it.
    let less = if url { Variation::path(PathVariant::WithoutQuery) } else { Variation { bare: true, ..Variation::default() } };
    let useful = if url { evidence.case.target.path.contains('?') } else { !evidence.case.header_names.is_empty() };
    let who = hop(response);
    let title = if url {
        text!("The URL is too long for {hop}", hop = who)
    } else {
        text!("The headers of the request are too large for {hop}", hop = who)
    };
    let mut finding = not_switched(Confidence::Proven, seen, response, title);
    if let Some(product) = fingerprint::own_page(response) {
        let text = text!("It is an error page of {product} itself: the request reached no application.", product = product.name());
        finding = finding.proof(&[seen.id], text);
    }
    if let Some(seen) = experiment(evidence, &less).filter(|seen| seen.status() != Some(response.status)) {
        let text = if url { text!("Without the query it is not refused for its length.") } else { text!("Without cookies and the other given headers it is not refused for its size.") };
        finding = finding.proof(&[seen.id], text);
    } else if useful {
        finding = finding.ask([Question::Upgrade(less)]);
    }
    finding.remedies(recipes::for_response(Some(response), remedies())).holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::new(text!("Send less: a short-lived ticket instead of a token in the URL, and no cookies that the socket does not need")),
        Remedy::for_stack(Stack::Nginx, text!("Raise the limit"), "large_client_header_buffers 4 32k;   # in server { } of the default server for the address"),
        Remedy::for_stack(Stack::Node, text!("Raise the limit"), "node --max-http-header-size=32768 server.js"),
        Remedy::for_stack(Stack::Apache, text!("Raise the limit"), "LimitRequestFieldSize 32768\nLimitRequestLine 32768"),
        Remedy::for_stack(Stack::Haproxy, text!("Raise the limit"), "global\n    tune.bufsize 32768"),
        Remedy::for_stack(Stack::Java, text!("Raise the limit"), "server.max-http-request-header-size=32KB"),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_where_the_answer_says_so() {
        let nginx = "<title>400 Request Header Or Cookie Too Large</title><center>nginx/1.22.1</center>";
        for (status, body) in [(431, ""), (414, ""), (400, nginx)] {
            let sample = Sample::ws().answer_with(status, &["server: nginx/1.22.1"], body);
            assert!(holds(&CAUSE, sample).title.english().contains("nginx"), "{status}");
        }
        let with_cookie = Sample::ws().case(|case| case.header_names = vec!["Cookie".into()]).answer(431, "");
        assert_eq!(holds(&CAUSE, with_cookie).ask.len(), 1);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(400, "Bad Request"));
        does_not_hold(&CAUSE, Sample::ws().answer(413, ""));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
