//! Socket.IO 4 (engine.io 6).

use serde_json::Value;

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// The address at which its WebSocket transport answers.
pub(crate) const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// A server; `options` are those of `e2e-servers/socketio.js`.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, options: Value) -> Result<u16> {
    super::node_ws::script(stage, "socketio", "socketio.js", options)
}
