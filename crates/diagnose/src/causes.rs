//! The catalog: one file a cause, in the order of the way of a connection.
//!
//! The list is kept by hand on purpose: it is greppable and it orders the docs.

macro_rules! catalog {
    ($($module:ident,)*) => {
        $(mod $module;)*
        /// Every cause.
        pub const ALL: &[&crate::Cause] = &[$(&$module::CAUSE,)*];
    };
}

catalog! {
    // The client and its machine.
    client_offline,
    client_no_tls_feature,
    client_missing_ca_bundle,
    client_clock_skew,
    client_alpn_h2_then_h1,
    client_ignores_system_proxy,
    client_uses_proxy_wrongly,
    client_localhost_v6_first,
    client_plain_ws_to_engineio,
    client_lenient_vs_strict,
    client_connect_timeout_short,
    client_redirect_not_followed,
    // Names.
    dns_nxdomain,
    dns_servfail_timeout,
    dns_stale_address,
    dns_broken_ipv6,
    dns_split_horizon,
    dns_filtered,
    dns_https_record_misleads,
    // TCP and the network.
    tcp_refused_no_listener,
    tcp_bound_to_loopback,
    tcp_syn_dropped,
    tcp_rejected_icmp,
    tcp_port_filtered_by_network,
    tcp_dpi_reset_on_upgrade,
    tcp_sni_filter,
    tcp_mtu_blackhole,
    tcp_backlog_full,
    tcp_source_blocked,
    tcp_lb_no_healthy_target,
    // Forward proxies and interceptors.
    forward_proxy_strips_upgrade,
    forward_proxy_connect_port_denied,
    forward_proxy_auth_required,
    forward_proxy_destination_blocked,
    forward_proxy_unreachable,
    forward_proxy_upstream_failed,
    forward_proxy_tunnel_timeout,
    tls_interception,
    interception_breaks_frames,
    captive_portal,
    // TLS.
    tls_cert_expired,
    tls_cert_not_yet_valid,
    tls_cert_wrong_host,
    tls_chain_incomplete,
    tls_self_signed,
    tls_private_ca,
    tls_version_mismatch,
    tls_cipher_mismatch,
    tls_sni_unrecognized,
    tls_client_cert_required,
    tls_alpn_no_overlap,
    tls_weak_signature_or_key,
    tls_revoked,
    tls_cert_expires_soon,
    tls_to_plaintext_port,
    tls_plaintext_to_tls_port,
    tls_clienthello_too_big,
    tls_upstream_verify_failed,
    tls_upstream_scheme_mismatch,
    // The opening handshake.
    upgrade_stripped,
    // The application.
    app_origin_rejected,
    // Frames.
    // Staying connected.
    // The page.
    page_mixed_content,
    page_csp_connect_src,
    page_csp_self_old_webkit,
    page_lna_blocked,
    page_invalid_url,
    page_localhost_in_production,
    page_wrong_port_behind_proxy,
    page_hsts_upgrades_ws,
    page_unsafe_port,
    page_cookie_not_sent,
    page_auth_header_impossible,
    page_basic_auth_not_replayed,
}

/// The cause with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static crate::Cause> {
    ALL.iter().copied().find(|cause| cause.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::HEADINGS;
    use crate::text::Locale;

    #[test]
    fn ids_are_files_and_files_are_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/causes");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| entry.expect("an entry").path())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.replace('_', "-")))
            .collect();
        files.sort();
        let mut ids: Vec<String> = ALL.iter().map(|cause| cause.id.to_owned()).collect();
        ids.sort();
        assert_eq!(ids, files);
    }

    #[test]
    fn every_page_has_its_four_headings() {
        for cause in ALL {
            let page = cause.page(&Locale::english());
            assert!(!page.title.is_empty(), "{}", cause.id);
            let headings: Vec<&str> =
                page.body.lines().filter_map(|line| line.strip_prefix("# ").map(str::trim)).collect();
            assert_eq!(headings, HEADINGS, "{}", cause.id);
        }
    }
}
