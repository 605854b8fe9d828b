//! The parts of a mail: a tolerant walk through its MIME structure. What is returned inside a report is not walked.

use std::borrow::Cow;

use memchr::memmem;

use super::charset::{self, Transfer};
use super::header::Headers;
use super::lines::is_blank;

/// How deep parts may nest; deeper ones are left out.
const DEPTH_MAX: usize = 30;
/// How many parts are kept.
const PARTS_MAX: usize = 1000;

/// One leaf of the tree of parts.
#[derive(Debug)]
pub(crate) struct Part<'m> {
    /// Type and subtype in lower case; `text/plain` where none is given.
    pub essence: String,
    /// The bytes, still in their transfer encoding.
    pub body: &'m [u8],
    charset: Option<String>,
    transfer: Transfer,
}

impl Part<'_> {
    /// The text of the part.
    pub fn text(&self) -> Cow<'_, str> {
        match self.transfer.decode(self.body) {
            Cow::Borrowed(bytes) => charset::text(bytes, self.charset.as_deref()),
            Cow::Owned(bytes) => Cow::Owned(charset::text(&bytes, self.charset.as_deref()).into_owned()),
        }
    }

    /// A returned message or its header.
    pub fn is_returned_message(&self) -> bool {
        matches!(
            self.essence.as_str(),
            "message/rfc822"
                | "text/rfc822-headers"
                | "text/rfc822-header"
                | "message/rfc822-headers"
                | "message/global"
                | "message/global-headers"
                | "message/partial"
                | "message/news"
        )
    }
}

/// The value of a `Content-Type`: essence and parameters.
#[derive(Debug, Default)]
pub(crate) struct ContentType {
    /// Type and subtype in lower case.
    pub essence: String,
    parameters: Vec<(String, String)>,
}

impl ContentType {
    /// Reads a value; never fails, an empty essence stands for what cannot be read.
    pub fn read(value: &str) -> Self {
        let mut pieces = split_outside_quotes(value).into_iter();
        let first = pieces.next().unwrap_or_default();
        // `text/plain charset="x"`: a forgotten semicolon.
        let essence = first.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let late = first.trim_start().get(essence.len()..).unwrap_or_default();
        let parameters = std::iter::once(late)
            .chain(pieces)
            .filter_map(|piece| piece.split_once('='))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned()))
            .collect();
        Self { essence, parameters }
    }

    /// A parameter by its lower-case name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

fn split_outside_quotes(value: &str) -> Vec<&str> {
    let mut quoted = false;
    let pieces = value.split(move |c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    pieces.take(64).collect()
}

/// The parts of a mail in the order in which they stand.
pub(crate) fn parts<'m>(headers: &Headers<'m>, body: &'m [u8]) -> Vec<Part<'m>> {
    let mut out = Vec::new();
    walk(headers, body, 0, &mut out);
    out
}

fn walk<'m>(headers: &Headers<'m>, body: &'m [u8], depth: usize, out: &mut Vec<Part<'m>>) {
    if out.len() >= PARTS_MAX || depth > DEPTH_MAX {
        return;
    }
    let content_type = headers.get("Content-Type").map(|value| ContentType::read(&value)).unwrap_or_default();
    if content_type.essence.starts_with("multipart/")
        && let Some(pieces) = content_type.parameter("boundary").and_then(|boundary| pieces(body, boundary))
    {
        for piece in pieces {
            let (headers, body) = Headers::read(piece);
            walk(&headers, body, depth + 1, out);
        }
        return;
    }
    let essence = match content_type.essence.as_str() {
        "" | "text" => "text/plain".to_owned(),
        // Without delimiters it is read as one text.
        multipart if multipart.starts_with("multipart/") => "text/plain".to_owned(),
        other => other.to_owned(),
    };
    out.push(Part {
        essence,
        body,
        charset: content_type.parameter("charset").map(str::to_owned),
        transfer: headers.get("Content-Transfer-Encoding").map(|value| Transfer::read(&value)).unwrap_or_default(),
    });
}

/// What stands between the delimiter lines; `None` where there is none. A blank before a delimiter is forgiven.
fn pieces<'m>(body: &'m [u8], boundary: &str) -> Option<Vec<&'m [u8]>> {
    if boundary.is_empty() {
        return None;
    }
    let delimiter = format!("--{boundary}");
    let mut out = Vec::new();
    let mut begun = None;
    for at in memmem::find_iter(body, delimiter.as_bytes()) {
        let before = body.get(..at).unwrap_or_default();
        let line_start = at - usize::from(before.ends_with(b" "));
        let is_at_line_start = line_start == 0 || body.get(line_start - 1) == Some(&b'\n');
        let after = body.get(at + delimiter.len()..).unwrap_or_default();
        let line_end = memchr::memchr(b'\n', after).unwrap_or(after.len());
        let tail = after.get(..line_end).unwrap_or_default();
        let closes = tail.starts_with(b"--");
        if !is_at_line_start || !(closes || is_blank(tail)) {
            continue;
        }
        if let Some(from) = begun {
            out.push(body.get(from..line_start.saturating_sub(1).max(from)).unwrap_or_default());
        }
        if out.len() >= PARTS_MAX {
            return Some(out);
        }
        begun = (!closes).then(|| (at + delimiter.len() + line_end + 1).min(body.len()));
    }
    if let Some(from) = begun {
        out.push(body.get(from..).unwrap_or_default());
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn essences(mail: &[u8]) -> Vec<(String, String)> {
        let (headers, body) = Headers::read(mail);
        let parts = parts(&headers, body);
        parts.iter().map(|part| (part.essence.clone(), part.text().into_owned())).collect()
    }

    #[test]
    fn nested_parts_come_out_in_order_and_returned_messages_stay_closed() {
        let mail = b"Content-Type: multipart/mixed; boundary=\"a\"\n\npreamble\n--a\nContent-Type: multipart/report;\n \
            boundary=ab\n\n--ab\n\none\n--ab\nContent-Type: message/delivery-status\n\nFinal-Recipient: x\n--ab--\n\n --a\n\
            Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\ntwo\n--c--\n--a--\nend";
        let found = essences(mail);
        let wanted = ["text/plain", "message/delivery-status", "message/rfc822"];
        assert_eq!(found.iter().map(|(essence, _)| essence.as_str()).collect::<Vec<_>>(), wanted);
        assert_eq!(found[0].1, "one");
        assert!(found[2].1.contains("--c--"));
    }

    #[test]
    fn a_multipart_without_delimiters_is_one_text() {
        let mail = b"Content-Type: multipart/report; boundary=\"x\"\n\nReporting-MTA: dns; a\n--y\n";
        assert_eq!(essences(mail), [("text/plain".to_owned(), "Reporting-MTA: dns; a\n--y\n".to_owned())]);
    }

    #[test]
    fn content_types_are_read_with_forgotten_semicolons_and_quoted_ones() {
        let table = [
            ("Text/Plain; charset=\"iso-2022-jp\"", "text/plain", "iso-2022-jp"),
            ("text/plain  charset=utf-8", "text/plain", "utf-8"),
            ("multipart/x; boundary=\"a;b\"; charset=c", "multipart/x", "c"),
            ("text/plain;;charset = x ", "text/plain", "x"),
        ];
        for (value, essence, charset) in table {
            let read = ContentType::read(value);
            assert_eq!((read.essence.as_str(), read.parameter("charset")), (essence, Some(charset)), "{value}");
        }
        assert_eq!(ContentType::read("").parameter("charset"), None);
    }

    #[test]
    fn parts_without_number_and_depth_without_end_are_bounded() {
        let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(5_000));
        assert_eq!(essences(many.as_bytes()).len(), PARTS_MAX);
        let mut deep = String::new();
        for level in 0..200 {
            deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"));
        }
        assert!(essences(deep.as_bytes()).len() <= 1);
    }
}
