//! Who a session is, and who may resume it: public ids that cannot be made up, secret tokens that are kept as hashes
//! (`protocol/PROTOCOL.md` section 13).

use aws_lc_rs::{constant_time, digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes of an id: 96 bits.
const RANDOM: usize = 12;
/// Bytes of its MAC that are kept.
const MAC: usize = 12;
/// Wrong tokens that end a session.
pub(crate) const WRONG_TOKENS: u32 = 5;

/// Makes ids and knows its own.
pub(crate) struct Keys {
    key: hmac::Key,
    /// Names this process: a session does not outlive it.
    pub epoch: String,
}

impl Keys {
    pub(crate) fn new() -> Keys {
        let secret = random::<32>();
        Keys { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), epoch: URL_SAFE_NO_PAD.encode(random::<6>()) }
    }

    pub(crate) fn new_id(&self) -> String {
        let random = random::<RANDOM>();
        let mac = hmac::sign(&self.key, &random);
        let mut bytes = random.to_vec();
        bytes.extend_from_slice(mac.as_ref().get(..MAC).unwrap_or_default());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether this gateway made the id. What was made up costs no look-up.
    pub(crate) fn knows(&self, id: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(id) else { return false };
        if bytes.len() != RANDOM + MAC {
            return false;
        }
        let (random, mac) = bytes.split_at(RANDOM);
        let own = hmac::sign(&self.key, random);
        constant_time::verify_slices_are_equal(mac, own.as_ref().get(..MAC).unwrap_or_default()).is_ok()
    }
}

pub(crate) fn new_token() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without random numbers nothing here is safe; the system has them, or nothing works at all.
    if rand::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}

/// Uniform from 0 to `most`.
pub(crate) fn drawn(most: u64) -> u64 {
    let wide = u128::from(u64::from_le_bytes(random::<8>())) * (u128::from(most) + 1);
    (wide >> 64) as u64
}

/// The tokens of one session: the current one, and the one before it until the current one was used, because its
/// answer may have been lost on the way.
#[derive(Debug)]
pub(crate) struct Tokens {
    current: [u8; 32],
    previous: Option<[u8; 32]>,
    wrong: u32,
}

impl Tokens {
    pub(crate) fn new(token: &str) -> Tokens {
        Tokens { current: hash(token), previous: None, wrong: 0 }
    }

    /// Whether `token` may resume the session.
    pub(crate) fn accept(&mut self, token: &str) -> bool {
        let hash = hash(token);
        let same = |own: &[u8; 32]| constant_time::verify_slices_are_equal(own, &hash).is_ok();
        // Both are compared in any case, so that time tells nothing.
        let (current, previous) = (same(&self.current), self.previous.as_ref().is_some_and(same));
        if current || previous {
            self.wrong = 0;
        } else {
            self.wrong += 1;
        }
        current || previous
    }

    /// Whether `token` is that of the current link: using it ends the previous one.
    pub(crate) fn is_current(&mut self, token: &str) -> bool {
        let current = constant_time::verify_slices_are_equal(&self.current, &hash(token)).is_ok();
        if current {
            self.used();
        }
        current
    }

    /// The link that got the current token has shown that it knows it.
    pub(crate) fn used(&mut self) {
        self.previous = None;
    }

    /// `accepted` was taken; `token` is for the next time.
    pub(crate) fn rotate(&mut self, accepted: &str, token: &str) {
        self.previous = Some(hash(accepted));
        self.current = hash(token);
    }

    pub(crate) fn guessed_too_often(&self) -> bool {
        self.wrong >= WRONG_TOKENS
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_and_cannot_be_made_up() {
        let keys = Keys::new();
        let id = keys.new_id();
        assert!(keys.knows(&id) && !Keys::new().knows(&id));
        for other in ["", "x", "AAAA", &id[1..], &format!("{id}A"), &id.to_lowercase()] {
            assert!(!keys.knows(other), "{other}");
        }
    }

    #[test]
    fn the_previous_token_serves_until_the_new_one_was_used() {
        let mut tokens = Tokens::new("a");
        assert!(tokens.accept("a"));
        tokens.rotate("a", "b");
        // The answer with b was lost.
        assert!(tokens.accept("a"));
        tokens.rotate("a", "c");
        assert!(!tokens.accept("b") && tokens.accept("a") && tokens.accept("c"));
        assert!(tokens.is_current("c") && !tokens.accept("a"));
        for _ in 0..4 {
            assert!(!tokens.accept("z"));
        }
        assert!(tokens.guessed_too_often());
    }

    #[test]
    fn draws_stay_in_range() {
        for most in [0, 1, 25_000] {
            assert!((0..100).all(|_| drawn(most) <= most));
        }
    }
}
