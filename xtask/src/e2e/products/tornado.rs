//! Tornado; its WebSocket is at /ws.

use serde_json::Value;

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// An echo server; `options` are those of `e2e-servers/tornado_echo.py`.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, options: Value) -> Result<u16> {
    super::python::script(stage, "tornado", "tornado_echo.py", options)
}
