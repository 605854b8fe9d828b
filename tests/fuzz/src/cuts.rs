//! Input cut into pieces as a network cuts it, the same way every time.

use clock::Chance;

/// A seed made of the input, so that a saved input is cut as it was when it failed (FNV-1a).
pub fn seed_of(data: &[u8]) -> u64 {
    data.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// The input in pieces: mostly a few bytes each, sometimes one.
pub fn pieces(data: &[u8]) -> Vec<&[u8]> {
    let mut chance = Chance::seeded(seed_of(data));
    let longest = if chance.one_of(1, 4) { 1 } else { 1 + chance.below(40) };
    let mut rest = data;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(1 + chance.below(longest)).unwrap_or(1).min(rest.len());
        let (piece, behind) = rest.split_at(length);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
