//! The application gets another path than the client asked for.

use crate::{Finding, Remedy, Safety, Severity, Symptom, settings, text, cause};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// The proxy rewrites the socket's path
    ///
    /// # What you see
    /// The application answers 404, 403 or 400, and its log shows a path that nobody asked for.
    ///
    /// # Why it happens
    /// A path at the end of `proxy_pass` replaces the matched prefix: `location /api/ws/` with `proxy_pass
    /// http://app/;` sends `/chat` for `/api/ws/chat`. With a slash on one side only, it becomes `//chat` or
    /// `/appchat`.
    ///
    /// # What to do
    /// Leave the path out of `proxy_pass`, or write both with a slash at the end.
    ///
    /// # How to be sure
    /// Compare the request line in the proxy's log with the one in the application's.
    "route-path-rewritten", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, (request, upstream)) = settings::find(evidence, |what| match what {
        Setting::UpstreamPath { request, upstream } => Some((request, upstream)),
        _ => None,
    })?;
    let hop = settings::product(evidence);
    let title = text!("{hop} asks the application for {upstream} where the client asks for {request}", hop = hop, upstream = upstream.as_str(), request = request.as_str());
    // A doubled slash is nobody's wish; a prefix that goes may well be.
    let severity = if upstream.contains("//") { Severity::Warning } else { Severity::Note };
    let remedy = Remedy::wish(Safety::AskFirst, text!("Pass the path on as it is"), Wish::KeepPath);
    Some(settings::finding(evidence, seen, severity, title).explains(Symptom::NotSwitched).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    use crate::Severity;

    #[test]
    fn holds_where_the_path_changes() {
        for (upstream, severity) in [("/chat", Severity::Note), ("//chat", Severity::Warning)] {
            let setting = Setting::UpstreamPath { request: "/ws/chat".to_owned(), upstream: upstream.to_owned() };
            assert_eq!(holds(&CAUSE, Sample::told().setting(setting)).severity, severity);
        }
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told());
    }
}
