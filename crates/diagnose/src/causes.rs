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
    tls_handshake_malformed,
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
    upgrade_connection_token_missing,
    upgrade_connection_case_or_list_bug,
    upgrade_http10_upstream,
    upgrade_key_missing_or_bad,
    upgrade_version_rejected,
    upgrade_wrong_method,
    upgrade_path_404,
    upgrade_trailing_slash_redirect,
    upgrade_https_redirect,
    upgrade_login_redirect,
    upgrade_redirected_elsewhere,
    upgrade_200_html,
    upgrade_200_empty_no_route,
    upgrade_204_or_transport_off,
    upgrade_accept_mismatch,
    upgrade_accept_missing,
    upgrade_101_missing_upgrade,
    upgrade_101_missing_connection,
    upgrade_duplicate_headers,
    upgrade_extension_not_offered,
    upgrade_empty_extension_header,
    upgrade_subprotocol_not_answered,
    upgrade_subprotocol_unrequested,
    upgrade_subprotocol_wrong_dialect,
    upgrade_interim_1xx,
    upgrade_not_http,
    upgrade_eof_before_response,
    upgrade_never_answered,
    upgrade_headers_too_large,
    upgrade_body_on_get,
    upgrade_host_mismatch,
    upgrade_h2_extended_connect_refused,
    upgrade_h2_illegal_upgrade_header,
    upgrade_h3_page_tcp_socket,
    upgrade_curl_h2_false_negative,
    upgrade_bad_gateway,
    upgrade_refused_by_proxy,
    // The application.
    app_origin_rejected,
    app_origin_null_or_app,
    app_origin_required,
    app_auth_401,
    app_close_before_accept,
    app_auth_after_open,
    app_trusted_proxy_missing,
    app_host_not_allowed,
    app_vite_token,
    app_no_upgrade_support,
    app_middleware_not_hijackable,
    app_two_ws_servers_one_port,
    app_handler_exception,
    app_sticky_missing,
    app_wrong_transport_path,
    app_waf_blocked,
    app_rate_limited,
    app_one_connection,
    app_forward_auth_breaks,
    // Frames.
    frame_unmasked_client,
    frame_masked_server,
    frame_reserved_bits,
    frame_deflate_corrupt,
    frame_invalid_utf8,
    frame_message_too_big,
    frame_unacceptable_type,
    frame_control_frame_bad,
    frame_opcode_or_sequence,
    frame_length_encoding_bug,
    frame_http_in_stream,
    frame_bad_close_frame,
    frame_flood,
    frame_early_data_lost,
    frame_one_way_stall,
    frame_app_init_timeout,
    close_by_server,
    close_1006_silent,
    // Staying connected.
    idle_nginx_read_timeout,
    idle_other_proxies,
    idle_cloud,
    idle_nat_state_lost,
    idle_ping_equals_timeout,
    idle_tcp_keepalive_insufficient,
    lifetime_cap,
    keepalive_no_pong,
    keepalive_detect_late_client,
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
    // What only a configuration shows.
    config_refused,
    config_unreadable,
    config_not_active,
    route_shadowed,
    route_path_rewritten,
    route_in_the_way,
    upgrade_unconditional,
    upgrade_any_protocol,
    upgrade_http2_upstream,
    forwarded_proto_missing,
    app_origin_unchecked,
    resource_socket_limit,
    resource_ephemeral_ports,
    resource_client_limit,
    close_proxy_reload,
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
