//! A mail, opened: its header, its parts, and the texts that a report is read from.

use super::delivery_status;
use super::header::Headers;
use super::html;
use super::mime::{self, Part};
use super::model::Original;
use super::original;
use super::speaker::Speaker;

/// How many bytes of notices are read in all.
const NOTICE_BYTES_MAX: usize = 64 << 10;

/// A mail in its parts.
#[derive(Debug)]
pub(crate) struct Mail<'m> {
    /// The header of the whole.
    pub headers: Headers<'m>,
    /// Who wrote it.
    pub speaker: Speaker,
    /// The leaves of its structure.
    pub parts: Vec<Part<'m>>,
}

impl<'m> Mail<'m> {
    /// Opens a mail with LF line ends.
    pub fn open(mail: &'m [u8]) -> Self {
        let (headers, body) = Headers::read(mail);
        let parts = mime::parts(&headers, body);
        Self { speaker: Speaker::of(&headers), headers, parts }
    }

    /// The first part of one type.
    pub fn part(&self, essence: &str) -> Option<&Part<'m>> {
        self.parts.iter().find(|part| part.essence == essence)
    }

    /// What the mail says to people, up to what it returns. A web page is read only where there is no plain text.
    pub fn notice(&self) -> String {
        let own = || self.parts.iter().take_while(|part| !part.is_returned_message());
        let mut out = join(own().filter(|part| part.essence == "text/plain"));
        if out.trim().is_empty() {
            out = own().find(|part| part.essence == "text/html").map(|part| html::to_text(&part.text())).unwrap_or(out);
        }
        out
    }

    /// The fields of a delivery report: of the part made for them, or standing in a text.
    pub fn delivery_status(&self, notice: &str) -> Option<String> {
        let is_status = |part: &&Part<'_>| {
            matches!(part.essence.as_str(), "message/delivery-status" | "message/global-delivery-status")
        };
        let fields = join(self.parts.iter().filter(is_status));
        if !fields.trim().is_empty() {
            return Some(fields);
        }
        delivery_status::stands_in(notice).then(|| notice.to_owned())
    }

    /// The mail that was returned, from a part made for it or from the end of the notice.
    pub fn original(&self, returned: &str) -> Option<Original> {
        let part = self.parts.iter().find(|part| part.is_returned_message());
        part.and_then(|part| original::read(part.body)).or_else(|| original::read(returned.as_bytes()))
    }
}

/// The texts of parts, one after the other; what is no text (a picture that calls itself one) is left out.
fn join<'p, 'm: 'p>(parts: impl Iterator<Item = &'p Part<'m>>) -> String {
    let mut out = String::new();
    for part in parts {
        let text = part.text();
        let is_text = !text.chars().take(64).any(|c| c == '\0' || c == '\u{fffd}');
        if is_text && out.len() + text.len() <= NOTICE_BYTES_MAX {
            if !out.is_empty() {
                out.push_str("\n\n");
            }
            out.push_str(&text);
        } else if is_text && out.is_empty() {
            out.push_str(super::quoted::cut(&text, NOTICE_BYTES_MAX));
        }
    }
    out
}
