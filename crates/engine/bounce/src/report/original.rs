//! The mail that was returned, as far as it was.

use super::header::Headers;
use super::model::Original;

/// What one field may fill, in characters.
const FIELD_CHARS_MAX: usize = 1000;

/// Reads the header of a returned mail.
pub(crate) fn read(bytes: &[u8]) -> Option<Original> {
    let skipped = bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let (headers, _) = Headers::read(bytes.get(skipped..)?);
    let field = |name: &str| headers.decoded(name).map(|value| value.chars().take(FIELD_CHARS_MAX).collect::<String>());
    let original = Original {
        message_id: field("Message-ID").map(|id| id.trim_matches(['<', '>', ' ']).to_owned()),
        subject: field("Subject"),
        from: field("From"),
        to: field("To"),
    };
    (original != Original::default()).then_some(original)
}
