//! Who a mail is for and which notification it is, in the few bytes that the journal keeps.

use clock::Chance;
use mail_model::{EmailAddress, NotificationId};

/// Digits, hyphen, digits of a [`NotificationId`] in text.
const ID_CHARS: usize = 25;

/// A stable 64-bit name of a recipient, equal for both spellings of an irregular address (`a..b@…`, `"a..b"@…`).
///
/// FNV-1a over the lower-cased address: carriers compare local parts without case. Two of a million recipients share a
/// hash with a probability of 3 in 10⁸, so a wrong address is seen as such.
pub fn recipient_hash(address: &EmailAddress) -> u64 {
    hash_of(address.as_str())
}

/// [`recipient_hash`] for a path as a client wrote it.
pub(crate) fn hash_of(path: &str) -> u64 {
    let (local, domain) = path.rsplit_once('@').unwrap_or((path, ""));
    let local = unquoted(local);
    let bytes = local.bytes().chain([b'@']).chain(domain.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, b| {
        (hash ^ u64::from(b.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The local part without the quotes that an irregular one wears on the wire.
pub(crate) fn unquoted(local: &str) -> &str {
    local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(local)
}

/// A number in `0.0..1.0` that belongs to this recipient under this seed.
pub(crate) fn share_of(hash: u64, seed: u64) -> f64 {
    // 53 bits fill a double exactly.
    let bits = Chance::seeded(hash ^ seed.rotate_left(17)).next_u64() >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    let share = bits as f64 / (1u64 << 53) as f64;
    share
}

/// The notification named by the `Message-ID` of a mail's header section, if it is one of ours.
///
/// The id may stand alone before the `@` or behind a prefix (`<todoke.0193…-0000a40f@node>`).
pub fn notification_of(content: &[u8]) -> Option<NotificationId> {
    let value = header(content, b"message-id")?;
    let text = std::str::from_utf8(value).ok()?;
    let inner = text.trim().trim_start_matches('<');
    let left = inner.split(['@', '>']).next()?;
    let start = left.len().checked_sub(ID_CHARS)?;
    left.get(start..)?.parse().ok()
}

/// The first line of the header field `name` (lower case), without its name. Stops at the end of the header section.
fn header<'a>(content: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    for line in content.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        let Some((field, rest)) = line.split_at_checked(name.len()) else { continue };
        if field.eq_ignore_ascii_case(name) && rest.first() == Some(&b':') {
            return rest.get(1..);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_has_one_hash_however_it_is_spelt() {
        let plain: EmailAddress = "a..b@docomo.ne.jp".parse().unwrap();
        let quoted: EmailAddress = "\"a..b\"@docomo.ne.jp".parse().unwrap();
        assert_eq!(recipient_hash(&plain), recipient_hash(&quoted));
        assert_eq!(hash_of("Taro@DOCOMO.ne.jp"), hash_of("taro@docomo.ne.jp"));
        assert_ne!(hash_of("taro@docomo.ne.jp"), hash_of("taro@au.com"));
    }

    #[test]
    fn shares_are_spread_evenly_and_change_with_the_seed() {
        let below = |seed| (0..10_000).filter(|n| share_of(hash_of(&format!("g{n}@au.com")), seed) < 0.1).count();
        assert!((850..1150).contains(&below(1)), "{}", below(1));
        assert_ne!(share_of(7, 1).to_bits(), share_of(7, 2).to_bits());
    }

    #[test]
    fn the_id_is_read_from_the_header_section_only() {
        let id = "01935a2b00000001-0000a40f";
        let table = [
            (format!("From: a\r\nMessage-ID: <{id}@node>\r\n\r\nbody"), true),
            (format!("message-id:<todoke.{id}@node>\r\n\r\n"), true),
            (format!("From: a\r\n\r\nMessage-ID: <{id}@node>\r\n"), false),
            ("Message-ID: <abc@node>\r\n\r\n".to_owned(), false),
            (format!("X-Message-ID: <{id}@node>\r\n\r\n"), false),
            (String::new(), false),
        ];
        for (content, found) in table {
            assert_eq!(
                notification_of(content.as_bytes()).map(|id| id.to_string()),
                found.then(|| id.to_owned()),
                "{content:?}"
            );
        }
    }
}
