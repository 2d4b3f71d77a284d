//! Text first: what a location is told, what it becomes, and which location takes a request.

use crate::{Config, Dialect, Memory, Options, Request, Version, apply};
use evidence::{Belief, Given, HostSent, Passing, Setting, Told, VersionBy, Wish};

const NEW: &str = "1.30.0";
const OLD: &str = "1.22.1";

fn read_with(files: &Memory, version: &str, options: Options) -> Config {
    let version = Some((Version::parse(version).unwrap(), VersionBy::Given));
    let options = Options { dialect: Some(Dialect::Nginx), version, ..options };
    crate::read("nginx.conf", files, &options)
}

fn read(text: &str) -> Config {
    read_with(&Memory::one("nginx.conf", text), OLD, Options::default())
}

/// A whole file around the body of `http`.
fn http(body: &str) -> String {
    format!("events {{}}\nhttp {{\n{body}\n}}\n")
}

/// A whole file around the body of a server, with the usual map.
fn server(body: &str) -> String {
    http(&format!(
        "map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}\nserver {{\nlisten 80;\n{body}\n}}"
    ))
}

fn number(config: &Config, name: &str) -> usize {
    let names: Vec<String> = config.routes().map(|route| route.name).collect();
    names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name} is not in {names:?}"))
}

fn about(text: &str, name: &str) -> Vec<Told> {
    let config = read(text);
    config.about(number(&config, name))
}

fn passing(told: &[Told]) -> (Passing, Option<&str>) {
    told.iter()
        .find_map(|told| match told.what {
            Setting::Upgrade(passing) => Some((passing, told.because.as_deref())),
            _ => None,
        })
        .expect("every route says what becomes of the upgrade")
}

#[test]
fn what_becomes_of_the_upgrade() {
    const GOOD: &str =
        "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;";
    for (around, inside, expected, because) in [
        ("", "", Passing::Dropped, Some("nginx-no-upgrade-headers")),
        ("", GOOD, Passing::Passed, None),
        (GOOD, "", Passing::Passed, None),
        (GOOD, "proxy_set_header Host $host;", Passing::Dropped, Some("nginx-header-inheritance-lost")),
        (
            "",
            "proxy_set_header Upgrade $http_upgrade;",
            Passing::ConnectionLost,
            Some("nginx-no-upgrade-headers"),
        ),
        (
            "",
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"\";",
            Passing::ConnectionLost,
            Some("nginx-connection-cleared"),
        ),
        (
            "",
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection close;",
            Passing::ConnectionLost,
            Some("nginx-connection-cleared"),
        ),
        (
            "",
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";",
            Passing::ConnectionAlways,
            Some("nginx-unconditional-upgrade"),
        ),
        (
            "",
            "proxy_set_header upgrade $http_upgrade; proxy_set_header CONNECTION 'Upgrade';",
            Passing::ConnectionAlways,
            Some("nginx-unconditional-upgrade"),
        ),
        (
            "",
            "proxy_set_header Upgrade websocket; proxy_set_header Connection Upgrade;",
            Passing::Always,
            Some("nginx-upgrade-hardcoded"),
        ),
        (
            "",
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;",
            Passing::Passed,
            None,
        ),
        (
            "",
            "proxy_set_header Upgrade \"\"; proxy_set_header Connection \"\";",
            Passing::Dropped,
            Some("nginx-no-upgrade-headers"),
        ),
    ] {
        let text = server(&format!("{around}\nlocation /ws {{ proxy_pass http://b; {inside} }}"));
        assert_eq!(passing(&about(&text, "location /ws")), (expected, because), "{around} | {inside}");
    }
}

#[test]
fn maps_decide() {
    for (map, expected, any) in [
        ("default upgrade; '' close;", Passing::Passed, true),
        ("default close; websocket upgrade;", Passing::Passed, true),
        ("default upgrade;", Passing::ConnectionAlways, true),
        ("default close;", Passing::ConnectionLost, false),
        ("default close; ~*^websocket$ upgrade;", Passing::Passed, true),
        ("'' ''; default upgrade;", Passing::Passed, true),
    ] {
        let text = http(&format!(
            "map $http_upgrade $c {{ {map} }} server {{ location /ws {{ proxy_pass http://b; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $c; }} }}"
        ));
        let told = about(&text, "location /ws");
        assert_eq!(passing(&told).0, expected, "{map}");
        let passes_any = told.iter().any(|told| told.what == Setting::AnyProtocol);
        // A map that knows websocket only keeps others out, though `Upgrade` itself is copied.
        let expected_any = any && !map.starts_with("default close");
        assert_eq!(passes_any, expected_any, "{map}");
    }
}

#[test]
fn variables_that_nobody_makes() {
    let use_it = "location /ws { proxy_pass http://b; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }";
    let refused = |text: &str, files: &Memory| {
        let _ = text;
        let config = read_with(files, OLD, Options::default());
        let told = config.about(0);
        told.iter().any(|told| matches!(&told.what, Setting::Refused { says } if says.contains("unknown \"connection_upgrade\" variable")))
    };
    let whole = http(&format!("server {{ {use_it} }}"));
    assert!(refused(&whole, &Memory::one("nginx.conf", whole.clone())));
    // The map stands in an included file.
    let split = http(&format!("include conf.d/*.conf; server {{ {use_it} }}"));
    let files = Memory::one("nginx.conf", split.clone())
        .with("conf.d/map.conf", "map $http_upgrade $connection_upgrade { default upgrade; '' close; }");
    assert!(!refused(&split, &files));
    // A fragment does not show everything.
    let fragment = format!("server {{ {use_it} }}");
    assert!(!refused(&fragment, &Memory::one("nginx.conf", fragment.clone())));
    // In the wrong place.
    let wrong =
        http(&format!("server {{ map $http_upgrade $connection_upgrade {{ default upgrade; }} {use_it} }}"));
    let told = about(&wrong, "location /ws");
    assert!(
        told.iter()
            .any(|told| matches!(&told.what, Setting::Refused { says } if says.contains("not allowed here")))
    );
}

#[test]
fn versions_change_the_default() {
    let text = server("location /ws { proxy_pass http://b; }");
    for (version, expected) in [(OLD, "1.0"), ("1.29.6", "1.0"), ("1.29.7", "1.1"), (NEW, "1.1")] {
        let config = read_with(&Memory::one("nginx.conf", text.clone()), version, Options::default());
        let told = config.about(0);
        assert!(told.iter().any(|told| told.what == Setting::UpstreamHttp(expected.to_owned())), "{version}");
    }
}

#[test]
fn timers_and_where_they_come_from() {
    for (around, inside, ms, by) in [
        ("", "", 60_000, Given::Default),
        ("proxy_read_timeout 1h;", "", 3_600_000, Given::Inherited("server".to_owned())),
        ("proxy_read_timeout 1h;", "proxy_read_timeout 75;", 75_000, Given::Here),
    ] {
        let text = server(&format!("{around} location /ws {{ proxy_pass http://b; {inside} }}"));
        let told = about(&text, "location /ws");
        let idle = told.iter().find(|told| matches!(told.what, Setting::Idle { .. })).unwrap();
        assert_eq!(idle.what, Setting::Idle { ms: Some(ms), timer: "proxy_read_timeout".to_owned() });
        assert_eq!(idle.by, by);
    }
}

#[test]
fn host_path_and_scheme() {
    let find = |text: &str, name: &str, wanted: &dyn Fn(&Setting) -> bool| {
        about(text, name).into_iter().any(|told| wanted(&told.what))
    };
    let text = server("location /ws/ { proxy_pass http://app:3000/; }");
    assert!(
        find(&text, "location /ws/", &|what| *what == Setting::Host(HostSent::Upstream("app:3000".into())))
    );
    assert!(find(&text, "location /ws/", &|what| *what
        == Setting::UpstreamPath { request: "/ws/chat".into(), upstream: "/chat".into() }));
    assert!(find(&text, "location /ws/", &|what| *what
        == Setting::SlashRedirect { from: "/ws".into(), to: "/ws/".into() }));
    let text = server("location /ws { proxy_pass http://app:3000; proxy_set_header Host $host; }")
        .replace("listen 80", "listen 8443 ssl");
    assert!(find(&text, "location /ws", &|what| *what == Setting::Host(HostSent::WithoutPort)));
    assert!(find(&text, "location /ws", &|what| *what == Setting::SchemeHidden));
    assert!(!find(&text, "location /ws", &|what| matches!(
        what,
        Setting::UpstreamPath { .. } | Setting::SlashRedirect { .. }
    )));
    let text = server("location /ws { proxy_pass ws://app:3000; }");
    assert!(find(
        &text,
        "location /ws",
        &|what| matches!(what, Setting::Refused { says } if says == "invalid URL prefix")
    ));
    let text = server("location ~ ^/ws { proxy_pass http://app:3000/x; }");
    assert!(find(
        &text,
        "location ~ ^/ws",
        &|what| matches!(what, Setting::Refused { says } if says.contains("cannot have URI part"))
    ));
    let text = server("location /ws { proxy_pass http://app:443; }");
    assert!(find(&text, "location /ws", &|what| matches!(what, Setting::SchemeMismatch { .. })));
}

#[test]
fn which_routes_carry_sockets() {
    for (text, name, expected) in [
        ("location /ws { proxy_pass http://b; }", "location /ws", true),
        ("location / { proxy_pass http://b; }", "location /", false),
        ("# WebSocket\nlocation / { proxy_pass http://b; }", "location /", true),
        ("location / {\n  # websocket support\n  proxy_pass http://b; }", "location /", true),
        (
            "location /api { proxy_pass http://b; proxy_set_header Upgrade $http_upgrade; }",
            "location /api",
            true,
        ),
        ("location /news { proxy_pass http://b; }", "location /news", false),
        ("location / { proxy_pass http://websocket_app; }", "location /", true),
        (
            "proxy_set_header Upgrade $http_upgrade; location / { proxy_pass http://b; proxy_set_header X 1; }",
            "location /",
            true,
        ),
        (
            "proxy_set_header Upgrade $http_upgrade; location / { proxy_pass http://b; } location /x { proxy_pass http://b; proxy_set_header X 1; }",
            "location /x",
            false,
        ),
        (
            "location / { if ($http_upgrade = websocket) { proxy_pass http://b; } }",
            "location / / if ($http_upgrade = websocket)",
            true,
        ),
    ] {
        let config = read(&server(text));
        let route = number(&config, name);
        assert_eq!(
            config.route(route).unwrap().believed().is_some(),
            expected,
            "{text}: {:?}",
            config.route(route).unwrap().believed()
        );
    }
    let options = Options { locations: vec!["/".into()], ..Options::default() };
    let text = server("location / { proxy_pass http://b; }");
    let config = read_with(&Memory::one("nginx.conf", text), OLD, options);
    assert_eq!(config.route(0).unwrap().believed(), Some(&Belief::Said));
}

#[test]
fn nginx_chooses_locations() {
    let text = http(
        "server { listen 80 default_server; server_name a.example *.a.example; \
         location = /exact { proxy_pass http://1; } location /pre { proxy_pass http://2; } \
         location /prefix/long { proxy_pass http://3; } location ^~ /stop { proxy_pass http://4; } \
         location ~ \\.ws$ { proxy_pass http://5; } location ~* ^/CASE { proxy_pass http://6; } \
         location / { try_files $uri @app; } location @app { proxy_pass http://7; } \
         location /out { location /out/in { proxy_pass http://8; } } }\n\
         server { listen 80; server_name b.example; location / { proxy_pass http://9; } }",
    );
    let config = read(&text);
    for (host, path, expected) in [
        ("a.example", "/exact", "location = /exact"),
        ("a.example", "/prefix/longer", "location /prefix/long"),
        ("a.example", "/prefix", "location /pre"),
        ("a.example", "/prefix/long.ws", "location ~ \\.ws$"),
        ("a.example", "/stop/x.ws", "location ^~ /stop"),
        ("a.example", "/case", "location ~* ^/CASE"),
        ("x.a.example", "/any", "location @app"),
        ("a.example", "/out/in/x", "location /out/in"),
        ("b.example", "/any", "location /"),
        ("unknown.example", "/exact", "location = /exact"),
    ] {
        let request = Request { host: host.into(), port: 80, tls: false, path: path.into() };
        let chosen = config.choose(&request).map(|route| config.route(route).unwrap().name);
        let chosen = chosen.as_deref();
        assert_eq!(chosen, Some(expected), "{host}{path}");
    }
}

#[test]
fn shadows() {
    let text = server("location /ws { proxy_pass http://b; }\nlocation ~ ^/w { return 204; }");
    assert!(
        about(&text, "location /ws")
            .iter()
            .any(|told| matches!(&told.what, Setting::Shadowed { by, .. } if by == "location ~ ^/w"))
    );
    let text = server("location ^~ /ws { proxy_pass http://b; }\nlocation ~ ^/w { return 204; }");
    assert!(
        !about(&text, "location ^~ /ws").iter().any(|told| matches!(told.what, Setting::Shadowed { .. }))
    );
    let text = http(
        "server { listen 80; server_name a; location / { return 204; } } server { listen 80; server_name a; location /ws { proxy_pass http://b; } }",
    );
    assert!(
        about(&text, "location /ws")
            .iter()
            .any(|told| told.because.as_deref() == Some("nginx-server-name-shadow"))
    );
}

#[test]
fn authorization_and_servers() {
    let leak = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; location /ws { auth_request /auth; proxy_pass http://b; } location = /auth { proxy_pass http://a; }";
    let told = about(&server(leak), "location /ws");
    assert!(told.iter().any(|told| told.what == Setting::AuthUpgrade));
    assert!(told.iter().any(|told| told.what == Setting::OriginUnchecked));
    let tight = leak.replace(
        "proxy_pass http://a;",
        "proxy_pass http://a; proxy_set_header Upgrade \"\"; proxy_set_header Origin $http_origin;",
    );
    let told = about(&server(&tight), "location /ws");
    assert!(!told.iter().any(|told| matches!(told.what, Setting::AuthUpgrade | Setting::OriginUnchecked)));
    let text = http(
        "upstream app { server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3 backup; } server { location /socket.io/ { proxy_pass http://app; } }",
    );
    assert!(
        about(&text, "location /socket.io/")
            .iter()
            .any(|told| told.what == Setting::Servers { count: 2, sticky: false })
    );
}

#[test]
fn limits_of_the_whole() {
    let text = "worker_processes 2; worker_rlimit_nofile 100;\nworker_shutdown_timeout 10s; events { worker_connections 1024; } http {}";
    let told = read(text).told;
    assert!(
        told.iter()
            .any(|told| told.what
                == Setting::SocketLimit { sockets: 100, limit: "worker_rlimit_nofile".into() })
    );
    assert!(told.iter().any(|told| matches!(told.what, Setting::Drain { ms: Some(10_000), .. })));
}

#[test]
fn includes_that_fail_are_said() {
    let files = Memory::one("nginx.conf", "events {} http { include loop.conf; include missing.conf; include none/*.conf; server { location /ws { proxy_pass http://b; } } }")
        .with("loop.conf", "include loop.conf;");
    let config = read_with(&files, OLD, Options::default());
    let whys: Vec<String> = config
        .told
        .iter()
        .filter_map(|told| match &told.what {
            Setting::Unreadable { why } => Some(format!("{}:{} {why}", told.spot.file, told.spot.line)),
            _ => None,
        })
        .collect();
    assert_eq!(whys.len(), 2, "{whys:?}");
    assert!(whys[0].contains("includes itself") && whys[1].contains("missing.conf"), "{whys:?}");
    assert_eq!(config.routes().len(), 1);
}

/// Makes one wish come true, and holds the result to the promises: the wish is met, a second time changes nothing.
fn fixed(files: &Memory, version: &str, name: &str, wish: &Wish) -> Memory {
    let config = read_with(files, version, Options::default());
    let route = number(&config, name);
    assert!(!wish.is_met_by(&config.about(route)), "nothing to wish for: {wish:?}");
    let edits = config.edit(route, wish).unwrap_or_else(|why| panic!("{wish:?}: {why:?}"));
    let mut after = Memory::default();
    for document in apply(&config.documents, &edits) {
        after = after.with(&document.path, (*document.text).clone());
    }
    let again = read_with(&after, version, Options::default());
    let text = String::from_utf8_lossy(&after.0["nginx.conf"]).into_owned();
    assert!(
        again
            .told
            .iter()
            .all(|told| !matches!(told.what, Setting::Refused { .. } | Setting::Unreadable { .. })),
        "{text}\n{:?}",
        again.told
    );
    let route = match wish {
        Wish::ComesFirst | Wish::ServeWithoutSlash => route,
        _ => number(&again, name),
    };
    assert!(wish.is_met_by(&again.about(route)), "{wish:?} is not met:\n{text}\n{:#?}", again.about(route));
    assert_eq!(again.edit(route, wish), Ok(Vec::new()), "a second fix changes nothing");
    after
}

fn becomes(before: &str, name: &str, wish: &Wish, after: &str) {
    let files = fixed(&Memory::one("nginx.conf", before), OLD, name, wish);
    assert_eq!(String::from_utf8_lossy(&files.0["nginx.conf"]), after);
}

#[test]
fn the_upgrade_is_passed_on() {
    becomes(
        "events {}\nhttp {\n    server {\n        listen 80;\n        location /ws {\n            proxy_pass http://b; # app\n        }\n    }\n}\n",
        "location /ws",
        &Wish::PassUpgrade,
        "events {}\nhttp {\n    map $http_upgrade $connection_upgrade {\n        default upgrade;\n        ''      close;\n    }\n    server {\n        listen 80;\n        location /ws {\n            proxy_pass http://b;\n            proxy_http_version 1.1;\n            proxy_set_header Upgrade $http_upgrade;\n            proxy_set_header Connection $connection_upgrade; # app\n        }\n    }\n}\n",
    );
}

#[test]
fn headers_that_would_be_lost_are_repeated() {
    becomes(
        "events {}\nhttp {\n  map $http_upgrade $cu { default upgrade; '' close; }\n  proxy_set_header Host $host;\n  server {\n\tlocation /ws {\r\n\t\tproxy_pass http://b;\r\n\t}\n  }\n}\n",
        "location /ws",
        &Wish::PassUpgrade,
        "events {}\nhttp {\n  map $http_upgrade $cu { default upgrade; '' close; }\n  proxy_set_header Host $host;\n  server {\n\tlocation /ws {\r\n\t\tproxy_pass http://b;\n\t\tproxy_http_version 1.1;\n\t\tproxy_set_header Host $host;\n\t\tproxy_set_header Upgrade $http_upgrade;\n\t\tproxy_set_header Connection $cu;\r\n\t}\n  }\n}\n",
    );
}

#[test]
fn wrong_lines_are_corrected_where_they_stand() {
    becomes(
        "events {} http { map $http_upgrade $cu { default upgrade; '' ''; } server { location /ws { proxy_pass http://b; proxy_http_version 1.0; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"\"; } } }",
        "location /ws",
        &Wish::PassUpgrade,
        "events {} http { map $http_upgrade $cu { default upgrade; '' ''; } server { location /ws { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $cu; } } }",
    );
    becomes(
        "events {} http { server { location /ws { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Upgrade websocket; proxy_set_header Connection Upgrade; } } }",
        "location /ws",
        &Wish::UpgradeOnlyWhenAsked,
        "events {} http { map $http_upgrade $connection_upgrade { default upgrade; ''      close; } server { location /ws { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; } } }",
    );
}

#[test]
fn a_file_of_conf_d_gets_its_map_before_the_server() {
    let files = fixed(
        &Memory::one(
            "nginx.conf",
            "upstream b { server 127.0.0.1:1; }\nserver {\n  location /ws {\n    proxy_pass http://b;\n  }\n}\n",
        ),
        NEW,
        "location /ws",
        &Wish::PassUpgrade,
    );
    let text = String::from_utf8_lossy(&files.0["nginx.conf"]).into_owned();
    assert!(text.starts_with("upstream b { server 127.0.0.1:1; }\nmap $http_upgrade $connection_upgrade {\n    default upgrade;"), "{text}");
    assert!(!text.contains("proxy_http_version"), "1.1 is the default there: {text}");
}

#[test]
fn a_fragment_of_a_server_does_without_a_map() {
    let files = fixed(
        &Memory::one("nginx.conf", "location /ws {\n  proxy_pass http://b;\n}\n"),
        OLD,
        "location /ws",
        &Wish::PassUpgrade,
    );
    let text = String::from_utf8_lossy(&files.0["nginx.conf"]).into_owned();
    assert!(
        text.contains("proxy_set_header Connection $http_connection;") && !text.contains("map"),
        "{text}"
    );
}

#[test]
fn other_wishes() {
    let map = "map $http_upgrade $connection_upgrade { default upgrade; '' close; }";
    let up = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;";
    for (server, name, wish, expected) in [
        (
            "location /ws { proxy_pass http://b; }",
            "location /ws",
            Wish::IdleAtLeast(3_600_000),
            "proxy_pass http://b; proxy_read_timeout 1h;",
        ),
        (
            "location /ws { proxy_pass http://b; proxy_read_timeout 30; }",
            "location /ws",
            Wish::IdleAtLeast(75_000),
            "proxy_read_timeout 75s;",
        ),
        (
            "proxy_read_timeout 30; location /ws { proxy_pass http://b; }",
            "location /ws",
            Wish::IdleAtLeast(75_000),
            "proxy_read_timeout 30; location /ws { proxy_pass http://b; proxy_read_timeout 75s; }",
        ),
        (
            "location /ws { proxy_pass http://b; }",
            "location /ws",
            Wish::PassHost,
            "proxy_set_header Host $http_host;",
        ),
        (
            "listen 443 ssl; location /ws { proxy_pass http://b; }",
            "location /ws",
            Wish::PassScheme,
            "proxy_set_header X-Forwarded-Proto $scheme;",
        ),
        (
            "location /ws { proxy_pass http://b; proxy_set_header Sec-WebSocket-Protocol \"\"; }",
            "location /ws",
            Wish::LeaveHeader("Sec-WebSocket-Protocol".into()),
            "proxy_pass http://b;  }",
        ),
        ("location /ws/ { proxy_pass http://b/; }", "location /ws/", Wish::KeepPath, "proxy_pass http://b;"),
        (
            "location /ws/ { proxy_pass http://b; }",
            "location /ws/",
            Wish::ServeWithoutSlash,
            "location /ws {",
        ),
        (
            "location /ws { proxy_pass http://b; } location ~ ^/w { return 204; }",
            "location /ws",
            Wish::ComesFirst,
            "location ^~ /ws {",
        ),
        (
            "location /ws { proxy_pass http://b:443; }",
            "location /ws",
            Wish::MatchScheme,
            "proxy_pass https://b:443;",
        ),
        ("location /ws { proxy_pass wss://b; }", "location /ws", Wish::Acceptable, "proxy_pass https://b;"),
        (
            "location ~ ^/ws { proxy_pass http://b/x; }",
            "location ~ ^/ws",
            Wish::Acceptable,
            "proxy_pass http://b;",
        ),
        (
            "location /ws { limit_conn perip 2; proxy_pass http://b; }",
            "location /ws",
            Wish::ClientConnections(20),
            "limit_conn perip 20;",
        ),
    ] {
        let text = format!("events {{}} http {{ {map} server {{ {server} }} }}");
        let after = fixed(&Memory::one("nginx.conf", text), OLD, name, &wish);
        let text = String::from_utf8_lossy(&after.0["nginx.conf"]).into_owned();
        assert!(text.contains(expected), "{wish:?}: {text}");
    }
    let any = format!(
        "events {{}} http {{ {map} server {{ location /ws {{ proxy_pass http://b; proxy_http_version 1.1; {up} }} }} }}"
    );
    let after = fixed(&Memory::one("nginx.conf", any), OLD, "location /ws", &Wish::OnlyWebSocket);
    let text = String::from_utf8_lossy(&after.0["nginx.conf"]).into_owned();
    assert!(text.contains("$upgrade_websocket") && text.contains("$connection_websocket"), "{text}");
    let auth = format!(
        "events {{}} http {{ {map} server {{ {up} proxy_set_header Host $host; location /ws {{ auth_request /auth; proxy_pass http://b; }} location /auth {{ proxy_pass http://a; }} }} }}"
    );
    let after = fixed(&Memory::one("nginx.conf", auth), OLD, "location /ws", &Wish::PlainAuth);
    let text = String::from_utf8_lossy(&after.0["nginx.conf"]).into_owned();
    assert!(text.contains("proxy_pass http://a; proxy_set_header Host $host; proxy_set_header Upgrade \"\"; proxy_set_header Connection \"\";"), "{text}");
    let sticky = "events {} http { upstream u { server a:1; server b:1; } server { location /socket.io/ { proxy_pass http://u; } } }";
    let after = fixed(&Memory::one("nginx.conf", sticky), OLD, "location /socket.io/", &Wish::Sticky);
    assert!(String::from_utf8_lossy(&after.0["nginx.conf"]).contains("upstream u { ip_hash; server a:1;"));
    let limits = "worker_processes 1; events { worker_connections 512; } http { server { location /ws { proxy_pass http://b; } } }";
    let after = fixed(&Memory::one("nginx.conf", limits), OLD, "location /ws", &Wish::Sockets(10_000));
    assert!(String::from_utf8_lossy(&after.0["nginx.conf"]).contains("worker_connections 20480;"));
}

#[test]
fn a_missing_map_is_made_and_a_slip_is_mended() {
    let broken = "events {}\nhttp {\n  server {\n    location /ws {\n      proxy_pass http://b;\n      proxy_http_version 1.1;\n      proxy_set_header Upgrade $http_upgrade;\n      proxy_set_header Connection $connection_upgrade;\n    }\n  }\n}\n";
    let after = fixed(&Memory::one("nginx.conf", broken), OLD, "location /ws", &Wish::Acceptable);
    assert!(
        String::from_utf8_lossy(&after.0["nginx.conf"])
            .contains("http {\n  map $http_upgrade $connection_upgrade {\n      default upgrade;")
    );
    let slip = broken.replace(
        "http {\n",
        "http {\n  map $http_upgrade $connection_upgrades { default upgrade; '' close; }\n",
    );
    let after = fixed(&Memory::one("nginx.conf", slip), OLD, "location /ws", &Wish::Acceptable);
    assert!(String::from_utf8_lossy(&after.0["nginx.conf"]).contains("Connection $connection_upgrades;"));
}

#[test]
fn included_files_are_edited_where_the_line_stands() {
    let files = Memory::one("nginx.conf", "events {}\nhttp {\n  map $http_upgrade $cu { default upgrade; '' close; }\n  include sites/*.conf;\n}\n")
        .with("sites/a.conf", "server {\n  location /ws {\n    include proxy.inc;\n    proxy_pass http://b;\n  }\n}\n")
        .with("proxy.inc", "proxy_http_version 1.1;\nproxy_set_header Host $host;\n");
    let after = fixed(&files, OLD, "location /ws", &Wish::PassUpgrade);
    let text = String::from_utf8_lossy(&after.0["sites/a.conf"]).into_owned();
    assert!(text.contains("proxy_pass http://b;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection $cu;\n"), "{text}");
    assert_eq!(after.0["nginx.conf"], files.0["nginx.conf"]);
}

#[test]
fn a_route_is_chosen_as_the_real_nginx_chooses_it() {
    let config = read(&server(
        "location /ws/ { proxy_pass http://a; } location /app/ { proxy_pass http://b; if ($request_method = POST) { proxy_pass http://c; } }",
    ));
    for (path, expected) in [
        ("/app/../ws/chat", "location /ws/"),
        ("/%77s/chat", "location /ws/"),
        ("/ws//chat", "location /ws/"),
        ("/./app/x", "location /app/"),
    ] {
        let request = Request { host: "x".into(), port: 80, tls: false, path: path.into() };
        let chosen = config.choose(&request).map(|route| config.route(route).unwrap().name);
        let chosen = chosen.as_deref();
        assert_eq!(chosen, Some(expected), "{path}");
    }
}

#[test]
fn an_empty_header_line_does_not_undo_another() {
    let text = server(
        "location /ws { proxy_pass http://b; proxy_set_header Upgrade $http_upgrade; proxy_set_header Upgrade ''; proxy_set_header Connection upgrade; }",
    );
    assert_eq!(passing(&about(&text, "location /ws")).0, Passing::ConnectionAlways);
}
