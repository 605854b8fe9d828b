//! A reply's text as plain words: lower case, no punctuation, and everything that is only true for one mail blanked.

use std::net::IpAddr;

use mail_model::EnhancedStatus;

/// Longer texts are cut here; what matters stands in the first lines, and a hostile reply must not cost more.
pub(crate) const TEXT_BYTES_MAX: usize = 4096;

/// What is left of a text.
///
/// In `words`, tokens stand between single spaces: `addr` for a mail address, `ipaddr` for an IP address, `fqdn` for a
/// host name, `url` for a link, and `nobody` for a colon that has nobody before it (`550 : User unknown`). Apostrophes
/// vanish (`doesnt`), hyphens split (`black list`), `e-mail` becomes `email`, accents of Latin letters are dropped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Normal {
    /// The words.
    pub words: String,
    /// The links and host names that were blanked, split into words: `zen spamhaus org`.
    pub marks: String,
    /// The first enhanced status that stood inside the text.
    pub status: Option<EnhancedStatus>,
}

/// Normalises `text`. Never fails, whatever the bytes mean.
pub(crate) fn normalise(text: &str) -> Normal {
    let end = (0..=TEXT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let folded = fold(text.get(..end).unwrap_or_default());
    let mut normal = Normal::default();
    for chunk in folded.split(separates).filter(|chunk| !chunk.is_empty()) {
        normal.take_chunk(chunk);
    }
    normal
}

fn separates(c: char) -> bool {
    c.is_whitespace() || "<>()[]{}\",;|".contains(c)
}

/// Lower case, straight quotes, Latin letters without accents.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if c.is_ascii() => out.push(c.to_ascii_lowercase()),
            '‘' | '’' => out.push('\''),
            '“' | '”' | '\u{a0}' => out.push(' '),
            'À'..='Å' | 'à'..='å' | 'Ą' | 'ą' => out.push('a'),
            'Ç' | 'ç' | 'Ć'..='č' => out.push('c'),
            'È'..='Ë' | 'è'..='ë' | 'Ę'..='ě' => out.push('e'),
            'Ì'..='Ï' | 'ì'..='ï' => out.push('i'),
            'Ñ' | 'ñ' | 'Ń' | 'ń' => out.push('n'),
            'Ò'..='Ö' | 'ò'..='ö' => out.push('o'),
            'Ù'..='Ü' | 'ù'..='ü' | 'Ů' | 'ů' => out.push('u'),
            'Ś'..='š' => out.push('s'),
            'Ź'..='ž' => out.push('z'),
            'Ł' | 'ł' => out.push('l'),
            'ß' => out.push_str("ss"),
            _ => out.extend(c.to_lowercase()),
        }
    }
    out
}

impl Normal {
    /// One stretch of text without spaces or brackets.
    fn take_chunk(&mut self, chunk: &str) {
        if chunk.starts_with(':') && (self.words.is_empty() || is_reply_code(self.last_word())) {
            self.push_word("nobody");
        }
        let chunk = chunk.trim_matches(|c| ".':!?*`".contains(c));
        if chunk.contains("://") || chunk.starts_with("//") || chunk.starts_with("www.") {
            self.push_word("url");
            self.push_marks(chunk);
        } else if chunk.contains('@') {
            self.push_word("addr");
        } else if is_ip(chunk) {
            self.push_word("ipaddr");
        } else if is_host_name(chunk) {
            self.push_word("fqdn");
            self.push_marks(chunk);
        } else {
            let breaks = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '.' && c != '\'';
            for piece in chunk.split(breaks) {
                self.take_piece(piece.trim_matches(['.', '\'']));
            }
        }
    }

    /// A part of a chunk between hyphens, slashes and the like.
    fn take_piece(&mut self, piece: &str) {
        if piece.is_empty() {
            return;
        }
        if let Some((status, "")) = EnhancedStatus::read(piece) {
            self.status = self.status.or(Some(status));
        } else if is_ip(piece) {
            self.push_word("ipaddr");
        } else if is_host_name(piece) {
            self.push_word("fqdn");
            self.push_marks(piece);
        } else {
            let plain = piece.replace('\'', "");
            for word in plain.split('.').filter(|word| !word.is_empty()) {
                self.push_word(word);
            }
        }
    }

    fn last_word(&self) -> &str {
        self.words.rsplit(' ').next().unwrap_or_default()
    }

    fn push_word(&mut self, word: &str) {
        let is_email = word.starts_with("mail") && self.last_word() == "e";
        if !self.words.is_empty() && !is_email {
            self.words.push(' ');
        }
        self.words.push_str(word);
    }

    fn push_marks(&mut self, chunk: &str) {
        for word in chunk.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
            if !self.marks.is_empty() {
                self.marks.push(' ');
            }
            self.marks.push_str(word);
        }
    }
}

fn is_reply_code(word: &str) -> bool {
    word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|b| b.is_ascii_digit())
}

/// An IPv4 address with or without a port, or an IPv6 address with or without the `ipv6:` of an address literal.
fn is_ip(chunk: &str) -> bool {
    if !chunk.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':' || c == 'i') {
        return false;
    }
    let bare = chunk.strip_prefix("ipv6:").unwrap_or(chunk);
    let without_port = bare.split_once(':').map_or(bare, |(address, _)| address);
    bare.parse::<IpAddr>().is_ok() || without_port.parse::<std::net::Ipv4Addr>().is_ok()
}

fn is_host_name(chunk: &str) -> bool {
    let label = |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let Some((front, top)) = chunk.rsplit_once('.') else { return false };
    top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic()) && front.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_true_for_one_mail_only_is_blanked() {
        let table = [
            ("<taro@docomo.ne.jp>: User unknown", "addr user unknown"),
            (": User unknown", "nobody user unknown"),
            ("said: 550 : User unknown", "said 550 nobody user unknown"),
            ("The user’s E-mail box isn't known.", "the users email box isnt known"),
            ("#5.1.0 Address rejected a@b.jp", "address rejected addr"),
            (
                "Client host [192.0.2.1]:25 black-listed by zen.example.org!",
                "client host ipaddr 25 black listed by fqdn",
            ),
            ("IPv6:2001:db8::1 refused", "ipaddr refused"),
            ("see https://example.com/a?b=c.", "see url"),
            ("Boîte pleine, veuillez réessayer", "boite pleine veuillez reessayer"),
            ("a..b@docomo.ne.jp is_blocked", "addr is blocked"),
            ("", ""),
            ("<>[] ...", ""),
        ];
        for (text, words) in table {
            assert_eq!(normalise(text).words, words, "{text:?}");
        }
    }

    #[test]
    fn links_hosts_and_a_status_inside_the_text_are_kept_beside_the_words() {
        let normal = normalise("550-5.7.1 blocked, see http://www.example.org/query?ip=192.0.2.1 or zen.example.net");
        assert_eq!(normal.words, "550 blocked see url or fqdn");
        assert_eq!(normal.marks, "http www example org query ip 192 0 2 1 zen example net");
        assert_eq!(normal.status.map(|s| s.to_string()).as_deref(), Some("5.7.1"));
    }

    #[test]
    fn a_text_without_end_is_cut_between_characters() {
        let normal = normalise(&"容".repeat(100_000));
        assert!(normal.words.len() <= TEXT_BYTES_MAX);
    }
}
