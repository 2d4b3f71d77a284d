//! Counters for `/metrics`, in the text format of Prometheus (version 0.0.4).

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($name:ident $kind:literal $help:literal)*) => {
        /// What a gateway counts.
        #[derive(Debug, Default)]
        pub(crate) struct Metrics { $(pub $name: AtomicU64,)* }

        impl Metrics {
            pub(crate) fn text(&self) -> String {
                let mut out = String::new();
                $(
                    let name = concat!("keepwire_", stringify!($name));
                    let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {}\n{name} {}", $help, $kind,
                        self.$name.load(Relaxed));
                )*
                out
            }
        }
    };
}

counters! {
    connections "gauge" "Open connections in front."
    connections_total "counter" "Connections accepted."
    refused_total "counter" "Requests refused, for any reason."
    relays "gauge" "Plain clients that are relayed."
    relays_total "counter" "Plain clients that were relayed."
    messages_up_total "counter" "Messages from clients."
    messages_down_total "counter" "Messages from backends."
    bytes_up_total "counter" "Bytes from clients, frames and all."
    bytes_down_total "counter" "Bytes from backends, frames and all."
    sessions "gauge" "Sessions, with a link or without."
    sessions_detached "gauge" "Sessions that wait for their client."
    sessions_total "counter" "Sessions begun."
    resumes_total "counter" "Sessions that went on with another link."
    resets_total "counter" "Sessions that ended with a possible hole."
    session_bytes "gauge" "Bytes that sessions hold."
    backend_failures_total "counter" "Backends that could not be reached or refused."
}

/// Adds one for as long as it lives.
pub(crate) struct Gauge<'a>(&'a AtomicU64);

impl<'a> Gauge<'a> {
    pub(crate) fn new(value: &'a AtomicU64) -> Gauge<'a> {
        value.fetch_add(1, Relaxed);
        Gauge(value)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Relaxed);
}
