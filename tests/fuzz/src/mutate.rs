//! Inputs made of saved ones, the same for the same seed.

use clock::Chance;

/// Longest input that is made.
const BYTES_MAX: usize = 64 << 10;
/// Bytes that parsers care about.
const TELLING: &[u8] = b"\r\n.:;<>@\"\\={}[](),- \t\0%/+?&~0159azAZ\x1b\x7f\x80\xc3\xe3\xff";

fn index(chance: &mut Chance, length: usize) -> usize {
    let bound = u64::try_from(length).unwrap_or(u64::MAX).max(1);
    usize::try_from(chance.below(bound)).unwrap_or(0)
}

/// One to eight changes to `input`; `other` is another saved input to take parts of.
pub fn mutated(input: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut data = input.to_vec();
    for _ in 0..=chance.below(8) {
        change(&mut data, other, chance);
    }
    data.truncate(BYTES_MAX);
    data
}

fn change(data: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    let at = index(chance, data.len() + 1).min(data.len());
    let end = at + index(chance, 1 + (data.len() - at).min(40));
    let telling = TELLING.get(index(chance, TELLING.len())).copied().unwrap_or(b'\n');
    match chance.below(8) {
        0 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        1 => {
            if let Some(byte) = data.get_mut(at) {
                *byte = telling;
            }
        }
        2 => data.insert(at, telling),
        3 => {
            data.drain(at..end);
        }
        4 => {
            let part: Vec<u8> = data.get(at..end).unwrap_or_default().to_vec();
            let to = index(chance, data.len() + 1).min(data.len());
            data.splice(to..to, part);
        }
        5 => {
            let from = index(chance, other.len() + 1).min(other.len());
            let to = from + index(chance, 1 + (other.len() - from).min(200));
            let part: Vec<u8> = other.get(from..to).unwrap_or_default().to_vec();
            data.splice(at..at, part);
        }
        6 => data.truncate(at),
        _ => {
            let times = 1 + index(chance, 20);
            let part: Vec<u8> = data.get(at..end).unwrap_or_default().repeat(times);
            data.splice(at..at, part);
        }
    }
}
