//! Which product's language a file is in, by its name and by what stands in it.

use super::Dialect;

/// Bytes that are looked at.
const LOOKED_AT: usize = 256 * 1024;

pub(crate) fn guess(path: &str, text: &[u8]) -> Option<Dialect> {
    let text = String::from_utf8_lossy(&text[..text.len().min(LOOKED_AT)]);
    by_content(&text).or_else(|| by_name(path))
}

fn by_name(path: &str) -> Option<Dialect> {
    let path = path.replace('\\', "/").to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let folder = |word: &str| path.split('/').rev().skip(1).any(|part| part == word);
    let markup = [".yml", ".yaml", ".json"].iter().any(|end| name.ends_with(end));
    if name.starts_with("haproxy") || folder("haproxy") {
        Some(Dialect::Haproxy)
    } else if name.contains("caddy") || folder("caddy") {
        Some(Dialect::Caddy)
    } else if name.contains("traefik") || folder("traefik") {
        Some(Dialect::Traefik)
    } else if name.contains("envoy") || (folder("envoy") && markup) {
        Some(Dialect::Envoy)
    } else if name == ".htaccess"
        || ["apache2.conf", "httpd.conf"].contains(&name)
        || ["apache2", "httpd", "apache"].iter().any(|word| folder(word))
    {
        Some(Dialect::Apache)
    } else if name == "nginx.conf"
        || name.ends_with(".nginx")
        || ["nginx", "openresty", "sites-enabled", "sites-available", "conf.d"]
            .iter()
            .any(|word| folder(word))
    {
        Some(Dialect::Nginx)
    } else if markup && (name.contains("ingress") || folder("k8s") || folder("kubernetes")) {
        Some(Dialect::Kubernetes)
    } else {
        None
    }
}

fn by_content(text: &str) -> Option<Dialect> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') && text.contains("\":") {
        return json(text);
    }
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.trim_start().is_empty() && !line.trim_start().starts_with('#'))
        .collect();
    let begins = |words: &[&str]| lines.iter().any(|line| words.iter().any(|word| line.starts_with(word)));
    let first = |words: &[&str]| {
        lines.iter().any(|line| {
            let word = line.trim_start().split([' ', '\t']).next().unwrap_or_default();
            words.iter().any(|wanted| word.eq_ignore_ascii_case(wanted))
        })
    };
    let yaml = |key: &str| {
        lines
            .iter()
            .any(|line| line.trim_start().trim_start_matches("- ").trim_start_matches('"').starts_with(key))
    };
    if begins(&["apiVersion:"]) && begins(&["kind:"]) || yaml("apiVersion:") && yaml("kind:") {
        return Some(Dialect::Kubernetes);
    }
    if begins(&["static_resources:", "dynamic_resources:"]) || text.contains("type.googleapis.com/envoy.") {
        return Some(Dialect::Envoy);
    }
    let traefik_yaml = begins(&["http:", "entryPoints:", "providers:", "tls:"])
        && ["routers:", "services:", "middlewares:", "entryPoints:", "serversTransports:"]
            .iter()
            .any(|key| yaml(key));
    let traefik_toml = lines.iter().any(|line| {
        let line = line.trim_start();
        ["[entryPoints", "[http.routers", "[http.services", "[http.middlewares", "[http]", "[providers"]
            .iter()
            .any(|head| line.starts_with(head))
    });
    if traefik_yaml || traefik_toml || text.contains("traefik.http.") || text.contains("--entrypoints.") {
        return Some(Dialect::Traefik);
    }
    let section = |name: &str| {
        lines.iter().any(|line| {
            line.trim_start()
                .strip_prefix('<')
                .is_some_and(|rest| rest.to_ascii_lowercase().starts_with(name))
        })
    };
    if ["virtualhost", "location", "proxy", "ifmodule", "directory", "ifdefine"]
        .iter()
        .any(|name| section(name))
        || first(&["ProxyPass", "ProxyPassMatch", "RewriteRule", "LoadModule", "ProxyPassReverse"])
    {
        return Some(Dialect::Apache);
    }
    if one_line_nginx(&lines) {
        return Some(Dialect::Nginx);
    }
    let ended = lines.iter().filter(|line| line.ends_with(';') || line.contains("; ")).count();
    if first(&["proxy_pass", "server{", "upstream", "location", "proxy_set_header", "fastcgi_pass"])
        || (first(&["server", "map", "http", "events"]) && ended > 0)
    {
        // HAProxy has lines that begin with `server`, but none that end with a semicolon.
        if ended > 0 || text.contains('{') {
            return Some(Dialect::Nginx);
        }
    }
    if begins(&["frontend ", "backend ", "listen ", "defaults", "global"]) && ended == 0 {
        return Some(Dialect::Haproxy);
    }
    let block = lines.iter().any(|line| line.ends_with('{'));
    if first(&["reverse_proxy", "handle", "handle_path", "file_server", "php_fastcgi", "respond", "encode"])
        || (block && ended == 0 && first(&["import", "tls", "root", "log"]))
    {
        return Some(Dialect::Caddy);
    }
    None
}

/// A block of nginx that is written on one line, such as `server{listen 80;location /ws{proxy_pass "http://a";}}`: words
/// that begin a directive behind `{`, `;` or `}`, with a semicolon behind them.
fn one_line_nginx(lines: &[&str]) -> bool {
    lines.iter().any(|line| {
        let mut parts = line.split_inclusive(['{', ';', '}']);
        line.contains('{')
            && parts.any(|part| {
                let word = part.trim_start().split([' ', '\t', '{', ';']).next().unwrap_or_default();
                matches!(word, "proxy_pass" | "proxy_set_header" | "fastcgi_pass") && part.ends_with(';')
            })
    })
}

fn json(text: &str) -> Option<Dialect> {
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    if has("apiVersion") && has("kind") {
        Some(Dialect::Kubernetes)
    } else if has("static_resources") || text.contains("type.googleapis.com/envoy.") {
        Some(Dialect::Envoy)
    } else if has("apps") || has("handler") || has("upstreams") {
        Some(Dialect::Caddy)
    } else if has("routers") || has("entryPoints") {
        Some(Dialect::Traefik)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart() {
        for (path, text, expected) in [
            ("/etc/nginx/sites-enabled/a", "", Some(Dialect::Nginx)),
            ("a", "map $http_upgrade $c { default upgrade; }", Some(Dialect::Nginx)),
            ("a", "location /ws { proxy_pass http://a; }", Some(Dialect::Nginx)),
            ("a", "proxy_pass http://a;\n", Some(Dialect::Nginx)),
            (
                "a",
                "server{listen 80;location /ws{proxy_pass \"http://127.0.0.1:8080\";}}",
                Some(Dialect::Nginx),
            ),
            ("/etc/apache2/sites-enabled/a.conf", "", Some(Dialect::Apache)),
            ("a", "ProxyPass /ws ws://a/", Some(Dialect::Apache)),
            ("a", "<VirtualHost *:80>\n</VirtualHost>", Some(Dialect::Apache)),
            ("/etc/haproxy/haproxy.cfg", "", Some(Dialect::Haproxy)),
            ("a", "listen a\n bind :80\n server b 1.1.1.1:1", Some(Dialect::Haproxy)),
            ("a", "app.example {\n reverse_proxy localhost:1\n}", Some(Dialect::Caddy)),
            ("Caddyfile", "", Some(Dialect::Caddy)),
            ("a", "{\"apps\": {\"http\": {}}}", Some(Dialect::Caddy)),
            ("a", "http:\n  routers:\n    a: {}", Some(Dialect::Traefik)),
            ("a", "[http.routers.a]\nrule = \"Path(`/`)\"", Some(Dialect::Traefik)),
            (
                "a",
                "services:\n  a:\n    labels:\n      - traefik.http.routers.a.rule=Host(`b`)",
                Some(Dialect::Traefik),
            ),
            ("a", "static_resources:\n  listeners: []", Some(Dialect::Envoy)),
            ("a", "apiVersion: v1\nkind: List", Some(Dialect::Kubernetes)),
            ("a", "nothing known", None),
        ] {
            assert_eq!(guess(path, text.as_bytes()), expected, "{path} {text}");
        }
    }
}
