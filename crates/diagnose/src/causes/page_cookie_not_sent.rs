//! The page's cookie does not travel with the handshake.

use crate::reading::{refused, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Text, Verdict, cause, page, text};
use evidence::{Cookie, Evidence, Target};
use url::Url;

cause! {
    /// The page's cookie is not sent with the handshake
    ///
    /// # What you see
    /// 401, 403 or a redirect to a login for the socket only, while the page and its other requests are logged in. The
    /// handshake has no `Cookie` header.
    ///
    /// # Why it happens
    /// The cookie belongs to another host, to another path, or only to https; or the socket is on another site and the cookie is
    /// `SameSite=Lax` or `Strict` (Lax is the default). Browsers that block third-party cookies drop it, too.
    ///
    /// # What to do
    /// Serve the socket on the page's own host; or set the cookie for the common parent domain with `SameSite=None; Secure`; or
    /// send a short-lived ticket in the address or the first message.
    ///
    /// # How to be sure
    /// With the cookie pasted by hand (`--cookie`) the handshake gets 101.
    "page-cookie-not-sent", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let (Some(seen), Some(url)) = (evidence.page(), page::address(evidence)) else { return Verdict::Unseen };
    let Some((handshake, response)) = refused(evidence).filter(|(_, response)| matches!(response.status, 401 | 403 | 302 | 303)) else {
        return Verdict::Unseen;
    };
    let target = &evidence.case.target;
    let lost: Vec<(&Cookie, Text)> = seen.fact.cookies.iter().filter_map(|cookie| Some((cookie, obstacle(cookie, &url, target)?))).collect();
    // A cookie that does travel may be the session's.
    let Some((cookie, why)) = lost.first().filter(|_| lost.len() == seen.fact.cookies.len()) else { return Verdict::Unseen };
    let confidence = if response.status == 401 { Confidence::Likely } else { Confidence::Possible };
    Finding::error(confidence, text!("The page's cookie {name} does not go along to {host}", name = &cookie.name, host = &target.host))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[seen.id], text!("{page} sets the cookie {name}: {why}.", page = url.origin().ascii_serialization(), name = &cookie.name, why = why.clone()))
        .proof(&[handshake.id], text!("Without a cookie the handshake gets {status}.", status = status_line(response)))
        .users(text!("Browsers: logged in on the page, and close code 1006 for the socket."))
        .would_tell(text!("Paste the cookie: --cookie '{name}=…'. If that gets 101, the cookie is what is missing.", name = &cookie.name))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Serve the socket on the page's own host"),
            format!("location {} {{   # in the server block of {}\n    proxy_pass http://{}:{};\n    proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection \"upgrade\";\n}}", target.bare_path(), page::host(&url), target.host, target.port),
        ))
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Or let the cookie travel: common parent domain, SameSite=None, Secure"),
            "res.cookie(name, value, { domain: '.example.com', sameSite: 'none', secure: true, httpOnly: true })",
        ))
        .remedy(Remedy::for_stack(Stack::Browser, text!("Or fetch a ticket with the page's login and send it along"), "const { ticket } = await (await fetch('/ws-ticket')).json()\nnew WebSocket(`${url}?ticket=${ticket}`)"))
        .holds()
}

/// Why a browser does not send the cookie to the socket (RFC 6265bis section 5.8.3).
fn obstacle(cookie: &Cookie, page: &Url, target: &Target) -> Option<Text> {
    let (from, to) = (page::host(page).to_ascii_lowercase(), target.host.to_ascii_lowercase());
    let within = |domain: &str| to == domain || to.ends_with(&format!(".{domain}"));
    match cookie.domain.as_deref().filter(|domain| !domain.is_empty()) {
        Some(domain) if !within(domain) => return Some(text!("it is for {domain} only", domain = domain)),
        None if from != to => return Some(text!("it is for {domain} only", domain = from)),
        _ => {}
    }
    if cookie.secure && !target.secure && !target.is_loopback() {
        return Some(text!("it is for https and wss only"));
    }
    let path = cookie.path.as_deref().filter(|path| path.starts_with('/')).unwrap_or("/").trim_end_matches('/');
    let covers = target.bare_path() == path || target.bare_path().starts_with(&format!("{path}/"));
    (!covers).then(|| text!("it is for the path {path} only", path = path))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Cookie;

    fn cookie(domain: Option<&str>, path: &str, secure: bool) -> Cookie {
        Cookie {
            name: "session".into(),
            secure,
            http_only: true,
            same_site: Some("lax".into()),
            domain: domain.map(str::to_owned),
            path: Some(path.into()),
            partitioned: false,
        }
    }

    fn page(url: &str, cookie: Cookie) -> Sample {
        Sample::ws().answer(401, "").page(url, |page| page.cookies = vec![cookie])
    }

    #[test]
    fn holds_where_the_cookie_stays_behind() {
        let _ = holds(&CAUSE, page("http://www.example/", cookie(None, "/", false)));
        let _ = holds(&CAUSE, page("http://app.example/", cookie(None, "/admin", false)));
        let _ = holds(&CAUSE, page("http://app.example/", cookie(Some("other.example"), "/", false)));
        let _ = holds(&CAUSE, page("https://app.example/", cookie(None, "/", true)));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, page("http://app.example/", cookie(None, "/", false)));
        does_not_hold(&CAUSE, page("http://www.example/", cookie(Some("example"), "/", false)));
        let opened = Sample::ws().opens().page("http://www.example/", |page| page.cookies = vec![cookie(None, "/", false)]);
        does_not_hold(&CAUSE, opened);
        does_not_hold(&CAUSE, Sample::ws().answer(401, ""));
    }
}
