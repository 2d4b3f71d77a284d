//! One line of JSON for every refusal and every close, with the id that `keepwire explain` knows. Secrets never come
//! near it: it is given public ids, paths without queries, and numbers.

use serde_json::{Map, Value, json};
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where lines go.
pub(crate) type Sink = std::sync::Arc<dyn Fn(&str) + Send + Sync>;

/// Standard error.
pub(crate) fn stderr() -> Sink {
    std::sync::Arc::new(|line| {
        let _ = writeln!(std::io::stderr(), "{line}");
    })
}

/// Writes one line: time in seconds since 1970, what happened, and its particulars.
pub(crate) fn note(sink: &Sink, event: &str, particulars: Value) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut line = Map::new();
    line.insert("time".to_owned(), json!((now.as_millis() as f64) / 1000.0));
    line.insert("event".to_owned(), json!(event));
    if let Value::Object(particulars) = particulars {
        line.extend(particulars.into_iter().filter(|(_, value)| !value.is_null()));
    }
    sink(&Value::Object(line).to_string());
}
