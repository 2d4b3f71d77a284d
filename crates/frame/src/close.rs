//! Close codes: which of them may stand on the wire (RFC 6455 section 7.4 and the IANA "WebSocket Close Code
//! Number Registry").

/// A status code as it stood in a close frame.
pub type CloseCode = u16;

/// Whether a peer may send this code in a close frame.
///
/// 1004 is reserved; 1005, 1006 and 1015 only ever describe what happened locally; 1000-2999 belong to the
/// protocol and are unassigned beyond 1014; 3000-3999 are registered by libraries, 4000-4999 are private
/// (RFC 6455 section 7.4.2). 1012, 1013 and 1014 were added by IANA after the RFC.
pub fn is_sendable(code: CloseCode) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_of_the_registry() {
        for code in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
            assert!(is_sendable(code), "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            assert!(!is_sendable(code), "{code}");
        }
    }
}
