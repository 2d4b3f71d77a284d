//! Who a session is, and who may resume it: public ids that cannot be made up, secret tokens that are kept as hashes
//! (`protocol/PROTOCOL.md` section 13).

use aws_lc_rs::{constant_time, digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes of an id: 96 bits.
const RANDOM: usize = 12;
/// Bytes of its MAC that are kept.
const MAC: usize = 12;
/// Tokens of one session that may serve at once.
const SERVING: usize = 8;
/// Wrong tokens that end a session.
const WRONG_TOKENS: u32 = 5;

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

/// The tokens of one session: the last one that was used, and those that were issued since, because an answer may have
/// been lost on the way, and its request may have come twice.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// Oldest first; never empty.
    serving: Vec<[u8; 32]>,
    wrong: u32,
}

impl Tokens {
    pub(crate) fn new(token: &str) -> Tokens {
        Tokens { serving: vec![hash(token)], wrong: 0 }
    }

    /// Whether `token` may resume the session.
    pub(crate) fn accept(&mut self, token: &str) -> bool {
        let hash = hash(token);
        // All are compared in any case, so that time tells nothing.
        let known = self.serving.iter().fold(false, |known, own| same(own, &hash) | known);
        self.wrong = if known { 0 } else { self.wrong + 1 };
        known
    }

    /// Whether `token` is that of the current link: using it ends the others.
    pub(crate) fn is_current(&mut self, token: &str) -> bool {
        let current = self.serving.last().is_some_and(|own| same(own, &hash(token)));
        if current {
            self.used();
        }
        current
    }

    /// The link that got the newest token has shown that it knows it.
    pub(crate) fn used(&mut self) {
        self.serving.drain(..self.serving.len().saturating_sub(1));
    }

    /// A resume was taken; `token` is for the next time.
    pub(crate) fn issue(&mut self, token: &str) {
        if self.serving.len() == SERVING {
            // The first one is what the client has if all answers were lost.
            self.serving.remove(1);
        }
        self.serving.push(hash(token));
    }

    pub(crate) fn guessed_too_often(&self) -> bool {
        self.wrong >= WRONG_TOKENS
    }
}

fn same(own: &[u8; 32], other: &[u8; 32]) -> bool {
    constant_time::verify_slices_are_equal(own, other).is_ok()
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
    fn a_token_serves_until_a_later_one_was_used() {
        let mut tokens = Tokens::new("a");
        assert!(tokens.accept("a"));
        tokens.issue("b");
        // The answer with b was lost, or its request comes again; or it was not lost, and the second answer was.
        assert!(tokens.accept("a"));
        tokens.issue("c");
        assert!(tokens.accept("b") && tokens.accept("a") && tokens.accept("c"));
        assert!(!tokens.is_current("b"));
        assert!(tokens.is_current("c") && !tokens.accept("a") && !tokens.accept("b"));
        for number in 0..100 {
            tokens.issue(&format!("{number}"));
        }
        assert!(tokens.accept("c") && tokens.accept("99") && !tokens.accept("50"));
        for _ in 0..5 {
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
