//! The page's cookies do not reach the socket.

use crate::answers::{Refusal, refusal, unclear};
use crate::browser::{self, site};
use crate::reading::{experiment, refused, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{Cookie, Evidence, Question, Target, Variation};
use url::Url;

cause! {
    /// The browser does not send the session cookie with the handshake
    ///
    /// # What you see
    /// 401, 403 or a redirect to the login for the socket only; the page's own requests are logged in. The handshake has no
    /// `Cookie` header.
    ///
    /// # Why it happens
    /// A cookie without `Domain` belongs to one host. With `SameSite=Lax` (the default) or `Strict` it is not sent to
    /// another site. `Secure` cookies need `wss://`, and `Path` has to match. Third-party cookies are blocked or kept apart
    /// in most browsers.
    ///
    /// # What to do
    /// Serve the socket from the page's own host. Across hosts of one site set `Domain`; across sites
    /// `SameSite=None; Secure`, or better no cookie: fetch a short-lived ticket and put it into the address or the first
    /// message.
    ///
    /// # How to be sure
    /// With the cookie (`--cookie 'NAME=VALUE'`) the same handshake opens; the network tab shows no `Cookie` header.
    "page-cookie-not-sent", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let case = &evidence.case;
    let Some(seen) = evidence.page() else { return Verdict::Unseen };
    let Ok(page) = Url::parse(&seen.fact.url) else { return Verdict::Unseen };
    let cookies = &seen.fact.cookies;
    let kept: Vec<_> = cookies.iter().filter_map(|cookie| Some((cookie, kept_from(cookie, &page, &case.target)?))).collect();
    let [(first, why), ..] = &kept[..] else { return Verdict::Unseen };
    if kept.len() < cookies.len() || case.has_header("authorization") {
        return Verdict::Unseen;
    }
    let (confidence, id, proof) = if case.has_header("cookie") {
        if !evidence.handshake().is_some_and(|seen| seen.opened()) {
            return Verdict::Unseen;
        }
        let bare = Variation { bare: true, ..Variation::default() };
        let Some(tried) = experiment(evidence, &bare) else { return Verdict::Open(vec![Question::Upgrade(bare)]) };
        let Some(response) = tried.fact.response().filter(|_| !tried.opened()) else { return Verdict::Unseen };
        let text = text!("With the cookie the handshake gets 101, without it {status}.", status = status_line(response));
        (Confidence::Proven, tried.id, text)
    } else {
        let Some((handshake, response)) = refused(evidence) else { return Verdict::Unseen };
        let login = matches!(super::upgrade_login_redirect::CAUSE.judge(evidence), Verdict::Holds(_));
        let forbidden = response.status == 403 && unclear(evidence).is_some();
        if refusal(response) != Some(Refusal::Credentials) && !forbidden && !login {
            return Verdict::Unseen;
        }
        (Confidence::Likely, handshake.id, text!("Without a cookie the handshake gets {status}.", status = status_line(response)))
    };
    let reason = match why {
        Kept::Host => text!("it belongs to {host} alone, because it has no Domain", host = browser::host(&page)),
        Kept::Domain => text!("its Domain is {domain}", domain = first.domain.as_deref().unwrap_or_default()),
        Kept::Path => text!("its Path is {path}", path = first.path.as_deref().unwrap_or_default()),
        Kept::Secure => text!("it is Secure, and the socket is ws://"),
        Kept::Site => text!("its SameSite does not allow another site"),
    };
    Finding::error(confidence, text!("The browser does not send the page's cookies to {host}", host = case.target.authority()))
        .proof(&[id], proof)
        .proof(&[seen.id], text!("The cookie {name} is not sent to the socket: {reason}.", name = &first.name, reason = reason))
        .users(text!("Close code 1006 and \"Unexpected response code: 401\" or the like; programs that send the cookie connect."))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Serve the socket from the page's own host"),
            format!("# in the server block of {}\nlocation {} {{\n    proxy_pass {}://{};\n    proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection \"upgrade\";\n}}", browser::host(&page), case.target.bare_path(), if case.target.secure { "https" } else { "http" }, case.target.authority()),
        ))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Or fetch a ticket just before, and send that instead of the cookie"),
            "const { ticket } = await (await fetch('/ws-ticket', { credentials: 'include' })).json();\nsocket = new WebSocket(`wss://…/ws?ticket=${encodeURIComponent(ticket)}`);",
        ))
        .remedy(Remedy::new(text!("Or widen the cookie: Domain for hosts of one site, SameSite=None; Secure for another site")))
        .would_tell(text!("Repeat it with the session's cookie: --cookie 'NAME=VALUE'"))
        .holds()
}

/// What keeps a cookie from the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Host,
    Domain,
    Path,
    Secure,
    Site,
}

/// RFC 6265 section 5.4, with SameSite as in RFC 6265bis section 5.6.7 and Lax where none is given. Ports do not count.
fn kept_from(cookie: &Cookie, page: &Url, target: &Target) -> Option<Kept> {
    let own = browser::host(page);
    let host = target.host.to_ascii_lowercase();
    match cookie.domain.as_deref().filter(|domain| !domain.is_empty()) {
        None if !host.eq_ignore_ascii_case(own) => return Some(Kept::Host),
        Some(domain) if host != domain && !host.ends_with(&format!(".{domain}")) => return Some(Kept::Domain),
        _ => {}
    }
    if let Some(path) = cookie.path.as_deref().filter(|path| path.starts_with('/')) {
        let rest = target.bare_path().strip_prefix(path);
        if !rest.is_some_and(|rest| rest.is_empty() || path.ends_with('/') || rest.starts_with('/')) {
            return Some(Kept::Path);
        }
    }
    if cookie.secure && !target.secure && !target.is_loopback() {
        return Some(Kept::Secure);
    }
    let everywhere = cookie.same_site.as_deref() == Some("none") && cookie.secure;
    (!everywhere && site(own) != site(&host)).then_some(Kept::Site)
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, Kept, kept_from};
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Cookie, Target, Variation};
    use url::Url;

    fn cookie(change: impl FnOnce(&mut Cookie)) -> Cookie {
        let mut cookie = Cookie {
            name: "sid".into(),
            secure: false,
            http_only: true,
            same_site: None,
            domain: None,
            path: Some("/".into()),
            partitioned: false,
        };
        change(&mut cookie);
        cookie
    }

    fn page(cookies: Vec<Cookie>) -> Sample {
        Sample::at("wss://api.other.example/ws").page("https://app.example.com/", |page| page.cookies = cookies)
    }

    #[test]
    fn holds_where_the_cookie_stays_away_and_is_wanted() {
        let refused = page(vec![cookie(|_| {})]).answer_with(401, &[], "Unauthorized");
        assert_eq!(holds(&CAUSE, refused).confidence, Confidence::Likely);
        let bare = Variation { bare: true, ..Variation::default() };
        let given = page(vec![cookie(|_| {})]).case(|case| case.header_names = vec!["Cookie".into()]).opens();
        assert_eq!(holds(&CAUSE, given.experiment(bare, 401, "Unauthorized")).confidence, Confidence::Proven);
    }

    #[test]
    fn near_misses() {
        let everywhere = cookie(|c| (c.same_site, c.secure, c.domain) = (Some("none".into()), true, Some("other.example".into())));
        does_not_hold(&CAUSE, page(vec![everywhere]).answer(401, "Unauthorized"));
        does_not_hold(&CAUSE, page(vec![]).answer(401, "Unauthorized"));
        does_not_hold(&CAUSE, page(vec![cookie(|_| {})]).answer(404, "Not Found"));
        does_not_hold(&CAUSE, page(vec![cookie(|_| {})]).opens());
    }

    #[test]
    fn what_keeps_a_cookie_away() {
        for (page, target, cookie, kept) in [
            ("https://a.example/", "wss://a.example:8443/ws", cookie(|_| {}), None),
            ("https://a.example/", "wss://b.a.example/ws", cookie(|_| {}), Some(Kept::Host)),
            ("https://a.example/", "wss://b.a.example/ws", cookie(|c| c.domain = Some("a.example".into())), None),
            ("https://a.example/", "wss://a.example.org/ws", cookie(|c| c.domain = Some("a.example".into())), Some(Kept::Domain)),
            ("https://a.example/", "wss://a.example/ws", cookie(|c| c.path = Some("/api".into())), Some(Kept::Path)),
            ("https://a.example/", "wss://a.example/api/ws", cookie(|c| c.path = Some("/api".into())), None),
            ("https://a.example/", "wss://a.example/apix", cookie(|c| c.path = Some("/api".into())), Some(Kept::Path)),
            ("https://a.example/", "ws://a.example/ws", cookie(|c| c.secure = true), Some(Kept::Secure)),
            ("http://localhost/", "ws://localhost:1/ws", cookie(|c| c.secure = true), None),
            ("https://x.vercel.app/", "wss://y.vercel.app/", cookie(|c| c.domain = Some("vercel.app".into())), Some(Kept::Site)),
        ] {
            let (url, target) = (Url::parse(page).expect("a page"), Target::parse(target).expect("a target"));
            assert_eq!(kept_from(&cookie, &url, &target), kept, "{page} {}", target.url());
        }
    }
}
