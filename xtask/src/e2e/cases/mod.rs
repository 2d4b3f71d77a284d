//! The cases, by the layer at which the connection breaks.

mod app;
mod dns;
mod fix_nginx;
mod fix_others;
mod forward_proxy;
mod frames;
mod healthy;
mod hostile;
mod idle;
mod page;
pub(crate) mod read;
mod tcp;
mod tls;
mod unusual;
mod upgrade;
mod upgrade_answers;
mod upgrade_headers;
mod upgrade_lab;
mod upstream;

use super::case::Case;

/// Every case, in the order of the layers.
pub(crate) fn all() -> Vec<Case> {
    [
        healthy::cases(),
        unusual::cases(),
        page::cases(),
        dns::cases(),
        tcp::cases(),
        forward_proxy::cases(),
        tls::cases(),
        upgrade::cases(),
        upgrade_answers::cases(),
        upgrade_headers::cases(),
        upgrade_lab::cases(),
        upstream::cases(),
        app::cases(),
        frames::cases(),
        idle::cases(),
        read::cases(),
        hostile::cases(),
        fix_nginx::cases(),
        fix_others::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2e::case::Expect;

    #[test]
    fn cases_are_many_and_well_formed() {
        let cases = all();
        let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), cases.len(), "a name stands for one folder, so it is given once");
        for case in &cases {
            assert!(!case.products.is_empty(), "{}", case.name);
            let causes: &[&str] = match &case.expect {
                Expect::Healthy => &[],
                Expect::Cause { any_of, .. }
                | Expect::Warned(any_of)
                | Expect::Mentions(any_of)
                | Expect::Survives(any_of) => any_of,
            };
            let none_needed = matches!(case.expect, Expect::Healthy | Expect::Survives(_));
            assert!(!causes.is_empty() || none_needed, "{}", case.name);
            for id in causes {
                assert!(!case.never.contains(id), "{} both wants and forbids {id}", case.name);
            }
        }
    }
}
