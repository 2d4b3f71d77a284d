//! Bytes to replace so that a route is as wished.

use super::Envoy;
use super::observe::{cluster, duration, enabled, endpoints, http2, shadowing};
use crate::dialects::common::{At, seconds, tls_port, whole_lines};
use crate::yaml::{Editor, Node, Style};
use crate::{Config, Edit, NoEdit, version};
use evidence::Wish;

type Edits = Result<Vec<Edit>, NoEdit>;

fn no(why: &str) -> Edits {
    Err(NoEdit(why.to_owned()))
}

pub(crate) fn edit(tree: &Envoy, config: &Config, route: usize, wish: &Wish) -> Edits {
    let roots = &tree.roots;
    let Some(way) = tree.ways.iter().find(|way| way.route == Some(route)) else {
        return no("there is no such route");
    };
    let (Some(node), Some(action), Some(document)) =
        (way.node(roots), way.action(roots), config.documents.first())
    else {
        return no("the route is gone");
    };
    let editor = Editor { document, number: 0 };
    let json = document.text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    // A word of protobuf: in JSON it has quotes.
    let word = |text: String| if json { format!("\"{text}\"") } else { text };
    let lasts = |ms: u64| word(format!("{}s", seconds(ms)));
    let own_cluster = cluster(roots, &way.cluster);
    let one = |edit: Option<Edit>| edit.into_iter().collect::<Vec<Edit>>();
    let http11 = || -> Vec<Edit> {
        let Some((parent, entry)) = own_cluster.and_then(http2) else { return Vec::new() };
        let quote = if document.text.get(entry.key_range.start) == Some(&b'"') { "\"" } else { "" };
        if own_cluster.is_some_and(|cluster| std::ptr::eq(cluster, parent)) {
            return one(editor.remove(parent, "http2_protocol_options"));
        }
        let range = entry.range();
        vec![At::new(0, range).replace(format!("{quote}http_protocol_options{quote}: {{}}"))]
    };
    let edits = match wish {
        Wish::PassUpgrade => {
            let mut edits = match enabled(action.get("upgrade_configs")) {
                Some((false, item)) => one(editor.put(item, &["enabled"], "true")),
                Some((true, _)) => Vec::new(),
                None => {
                    let above =
                        way.manager(roots).and_then(|manager| enabled(manager.get("upgrade_configs")));
                    if way.filter.is_none() || above.is_some_and(|(on, _)| on) {
                        Vec::new()
                    } else if let Some(list) = action.get("upgrade_configs") {
                        // Another protocol is listed already.
                        list_more(&editor, list)
                    } else {
                        let value = if action.style == Style::Flow {
                            "[{\"upgrade_type\": \"websocket\"}]"
                        } else {
                            "\n- upgrade_type: websocket"
                        };
                        one(editor.put(action, &["upgrade_configs"], value))
                    }
                }
            };
            edits.extend(http11());
            edits
        }
        Wish::UpstreamHttp11 => http11(),
        Wish::IdleAtLeast(ms) => one(editor.put(action, &["idle_timeout"], &lasts(*ms))),
        Wish::LifetimeAtLeast(ms) => {
            let mut edits = Vec::new();
            let low = |node: &Node| duration(node).is_some_and(|own| own > 0 && own < *ms);
            let common = way.manager(roots).and_then(|manager| manager.get("common_http_protocol_options"));
            let own = action.get("max_stream_duration").and_then(|node| node.get("max_stream_duration"));
            let above = common.and_then(|common| common.get("max_stream_duration"));
            if own.or(above).is_some_and(low) {
                edits.extend(editor.put(
                    action,
                    &["max_stream_duration", "max_stream_duration"],
                    &lasts(*ms),
                ));
            }
            if let Some(node) = common.and_then(|common| common.get("max_connection_duration"))
                && low(node)
            {
                edits.push(editor.set(node, &lasts(*ms)));
            }
            if !version::has(&config.version, "envoy-route-timeout-spares-upgrades")
                && action.get("timeout").is_none_or(low)
            {
                edits.extend(editor.put(action, &["timeout"], &word("0s".to_owned())));
            }
            edits
        }
        Wish::PassHost => {
            let keys = ["host_rewrite_literal", "auto_host_rewrite"];
            keys.iter().filter_map(|key| editor.remove(action, key)).take(1).collect()
        }
        Wish::KeepPath => one(editor.remove(action, "prefix_rewrite")),
        Wish::LeaveHeader(header) => [Some(node), way.virtual_host(roots), way.table(roots)]
            .into_iter()
            .flatten()
            .filter_map(|node| {
                let list = node.get("request_headers_to_remove")?;
                let unwanted =
                    |item: &Node| item.text().is_some_and(|text| text.eq_ignore_ascii_case(header));
                let number = list.items().iter().position(unwanted)?;
                if list.items().len() == 1 {
                    return editor.remove(node, "request_headers_to_remove");
                }
                editor.remove_item(list, number)
            })
            .collect(),
        Wish::ComesFirst => {
            let (Some(other), Some(list)) = (shadowing(&tree.ways, way), way.list(roots)) else {
                return no("no route stands before it");
            };
            let (Some(before), Style::Block) = (other.node(roots), list.style) else {
                return no("routes in one line are not moved");
            };
            let lines = whole_lines(document, &node.range);
            let text = document.str(lines.clone()).into_owned();
            let text = if text.ends_with('\n') { text } else { format!("{text}{}", document.newline()) };
            let target = whole_lines(document, &before.range).start;
            vec![
                Edit { document: 0, at: target..target, with: text },
                Edit { document: 0, at: lines, with: String::new() },
            ]
        }
        Wish::Sticky => {
            let Some(cluster) = own_cluster else { return no("the cluster is not in this file") };
            let mut edits = one(editor.put(cluster, &["lb_policy"], &word("RING_HASH".to_owned())));
            if action.get("hash_policy").is_none() {
                let value = if action.style == Style::Flow {
                    "[{\"cookie\": {\"name\": \"lb\", \"ttl\": \"0s\"}}]"
                } else {
                    "\n- cookie:\n    name: lb\n    ttl: 0s"
                };
                edits.extend(editor.put(action, &["hash_policy"], value));
            }
            edits
        }
        Wish::MatchScheme => {
            let Some(cluster) = own_cluster else { return no("the cluster is not in this file") };
            if endpoints(cluster).iter().any(|(_, port, _)| !tls_port(Some(*port))) {
                return no("the endpoints of one cluster do not agree on TLS");
            }
            let value = "{\"name\": \"envoy.transport_sockets.tls\", \"typed_config\": {\"@type\": \
                \"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\"}}";
            one(editor.put(cluster, &["transport_socket"], value))
        }
        Wish::Sockets(count) => {
            let Some(cluster) = own_cluster else { return no("the cluster is not in this file") };
            let thresholds =
                cluster.at(&["circuit_breakers", "thresholds"]).map(Node::items).unwrap_or_default();
            match thresholds.first() {
                Some(first) => {
                    let owner =
                        thresholds.iter().find(|node| node.get("max_connections").is_some()).unwrap_or(first);
                    one(editor.put(owner, &["max_connections"], &count.to_string()))
                }
                None => {
                    let value = format!("[{{\"max_connections\": {count}, \"max_requests\": {count}}}]");
                    one(editor.put(cluster, &["circuit_breakers", "thresholds"], &value))
                }
            }
        }
        _ => return no("Envoy has no setting of a route for this"),
    };
    if edits.is_empty() { no("nothing of this route can be changed for it") } else { Ok(edits) }
}

/// One more item of a list of `upgrade_configs`.
fn list_more(editor: &Editor<'_>, list: &Node) -> Vec<Edit> {
    let Some(last) = list.items().last() else { return Vec::new() };
    let text = match list.style {
        Style::Flow => ", {\"upgrade_type\": \"websocket\"}".to_owned(),
        _ => {
            let line = editor.document.line_range(editor.document.line(last.range.start));
            let dash = editor.document.str(line.start..last.range.start).into_owned();
            format!("{}{dash}upgrade_type: websocket", editor.document.newline())
        }
    };
    vec![At::new(editor.number, last.range.end..last.range.end).replace(text)]
}
