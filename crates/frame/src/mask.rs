//! The masking of RFC 6455 section 5.3: XOR with a four-byte key, eight bytes at a time.

/// Masks or unmasks `payload` in place (the operation is its own inverse).
///
/// `position` says how many bytes of the same frame came before, so that a payload may arrive in pieces.
pub fn apply_mask(payload: &mut [u8], key: [u8; 4], position: u64) {
    let shift = (position % 4) as usize;
    let key: [u8; 4] = std::array::from_fn(|index| key[(index + shift) % 4]);
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (index, byte) in tail.iter_mut().enumerate() {
        *byte ^= key[index % 4];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_gives_what_the_definition_gives() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let payload: Vec<u8> = (0..41).collect();
        let expect: Vec<u8> = payload.iter().enumerate().map(|(index, byte)| byte ^ key[index % 4]).collect();
        for cut in 0..=payload.len() {
            let mut masked = payload.clone();
            let (left, right) = masked.split_at_mut(cut);
            apply_mask(left, key, 0);
            apply_mask(right, key, cut as u64);
            assert_eq!(masked, expect, "cut at {cut}");
        }
    }
}
