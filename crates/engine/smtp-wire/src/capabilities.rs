//! What a server announces in its reply to EHLO.

/// The extensions that change what we send. Everything else a server announces is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Commands may be sent without waiting for each reply, RFC 2920.
    pub pipelining: bool,
    /// STARTTLS, RFC 3207.
    pub starttls: bool,
    /// `None`: SIZE is not announced. `Some(0)`: announced without a limit. `Some(n)`: at most n bytes, RFC 1870.
    pub size: Option<u64>,
    /// 8BITMIME, RFC 6152.
    pub eight_bit_mime: bool,
    /// SMTPUTF8, RFC 6531.
    pub smtputf8: bool,
    /// ENHANCEDSTATUSCODES, RFC 2034.
    pub enhanced_status_codes: bool,
    /// CHUNKING (BDAT), RFC 3030.
    pub chunking: bool,
}

impl Capabilities {
    /// The largest mail in bytes that the server says it takes.
    pub fn size_limit(&self) -> Option<u64> {
        self.size.filter(|&limit| limit > 0)
    }
}

/// Reads the lines of a positive reply to EHLO; the first one is the server's greeting and says nothing.
///
/// Keywords are compared without case; a SIZE whose number cannot be read counts as announced without a limit.
pub fn ehlo_capabilities<'a>(lines: impl IntoIterator<Item = &'a str>) -> Capabilities {
    let mut found = Capabilities::default();
    for line in lines.into_iter().skip(1) {
        // Servers older than RFC 1869 wrote `SIZE=n`.
        let mut parts = line.split([' ', '=']).filter(|part| !part.is_empty());
        let keyword = parts.next().unwrap_or_default().to_ascii_uppercase();
        match keyword.as_str() {
            "PIPELINING" => found.pipelining = true,
            "STARTTLS" => found.starttls = true,
            "SIZE" => found.size = Some(parts.next().and_then(|limit| limit.parse().ok()).unwrap_or(0)),
            "8BITMIME" => found.eight_bit_mime = true,
            "SMTPUTF8" => found.smtputf8 = true,
            "ENHANCEDSTATUSCODES" => found.enhanced_status_codes = true,
            "CHUNKING" => found.chunking = true,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_extensions_are_found_whatever_their_case_and_order() {
        let lines = [
            "mx.example.jp PIPELINING",
            "pipelining",
            "Size 52428800",
            "8BITMIME",
            "AUTH=PLAIN LOGIN",
            "LIMITS RCPTMAX=1",
            "",
            "EnhancedStatusCodes",
        ];
        let expected = Capabilities {
            pipelining: true,
            size: Some(52_428_800),
            eight_bit_mime: true,
            enhanced_status_codes: true,
            ..Capabilities::default()
        };
        assert_eq!(ehlo_capabilities(lines), expected);
        // The greeting line is a name, never a keyword.
        assert_eq!(ehlo_capabilities(["PIPELINING"]), Capabilities::default());
        assert_eq!(ehlo_capabilities([]), Capabilities::default());
    }

    #[test]
    fn a_size_without_a_readable_number_is_no_limit() {
        let table = [
            ("SIZE", Some(0), None),
            ("SIZE 0", Some(0), None),
            ("SIZE lots", Some(0), None),
            ("SIZE 99999999999999999999999", Some(0), None),
            ("SIZE=1000", Some(1_000), Some(1_000)),
            ("SIZES 7", None, None),
        ];
        for (line, size, limit) in table {
            let found = ehlo_capabilities(["mx.example.jp", line]);
            assert_eq!((found.size, found.size_limit()), (size, limit), "{line}");
        }
    }
}
