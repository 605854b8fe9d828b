//! A small reader of mails, written apart from the writer, so that a test compares two opinions.

/// A mail taken apart: unfolded header fields with encoded-words decoded, and the body as sent.
pub struct Read {
    pub fields: Vec<(String, String)>,
    pub body: String,
}

impl Read {
    pub fn of(mail: &[u8]) -> Self {
        let text = String::from_utf8(mail.to_vec()).expect("a mail is ASCII");
        let (head, body) = text.split_once("\r\n\r\n").expect("a mail has an empty line");
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", "\t");
        let fields = unfolded.split("\r\n").map(|line| {
            let (name, value) = line.split_once(':').expect("a header has a colon");
            (name.to_owned(), decoded(value.strip_prefix(' ').unwrap_or(value)))
        });
        Self { fields: fields.collect(), body: body.to_owned() }
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    pub fn one(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} stands {} times", all.len());
        all[0]
    }

    /// The body with its transfer encoding undone.
    pub fn text(&self) -> String {
        let bytes = match self.one("Content-Transfer-Encoding") {
            "7bit" => self.body.clone().into_bytes(),
            "base64" => from_base64(&self.body),
            "quoted-printable" => from_quoted_printable(&self.body),
            other => panic!("unknown encoding {other}"),
        };
        match self.one("Content-Type").contains("iso-2022-jp") {
            true => from_jis(&bytes),
            false => String::from_utf8(bytes).expect("a decoded body is UTF-8"),
        }
    }
}

/// What must hold for every mail, whatever went in.
pub fn assert_sound(mail: &[u8]) {
    assert!(mail.iter().all(|b| b.is_ascii() && *b != 0), "8-bit or NUL");
    let text = std::str::from_utf8(mail).unwrap();
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "lone CR or LF in {line:?}");
        assert!(line.len() <= 998, "a line of {} bytes", line.len());
    }
    assert!(text.ends_with("\r\n"));
    let (head, body) = text.split_once("\r\n\r\n").expect("a mail has an empty line");
    assert!(head.split("\r\n").all(|line| !line.trim().is_empty()), "white line in the header");
    if !body.is_empty() {
        let last = body.strip_suffix("\r\n").unwrap().rsplit("\r\n").next().unwrap();
        assert!(!last.trim().is_empty(), "the body ends in a white line");
    }
}

fn decoded(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    let mut after_word = false;
    while let Some(start) = rest.find("=?UTF-8?B?").or_else(|| rest.find("=?ISO-2022-JP?B?")) {
        let gap = &rest[..start];
        // White space between two encoded-words is not part of the text, RFC 2047 6.2.
        if !(after_word && gap.trim().is_empty()) {
            out.push_str(gap);
        }
        let (charset, coded) = rest[start + 2..].split_once("?B?").unwrap();
        let end = coded.find("?=").expect("an encoded-word ends");
        assert!(charset.len() + end + 7 <= 75, "an encoded-word of {} bytes", charset.len() + end + 7);
        let bytes = from_base64(&coded[..end]);
        out.push_str(&match charset {
            "UTF-8" => String::from_utf8(bytes).expect("no character is cut in two"),
            _ => from_jis(&bytes),
        });
        rest = &coded[end + 2..];
        after_word = true;
    }
    out + rest
}

fn from_jis(bytes: &[u8]) -> String {
    assert!(bytes.is_ascii());
    let text = encoding_rs::ISO_2022_JP.decode_without_bom_handling_and_without_replacement(bytes);
    text.expect("a text in ISO-2022-JP, each by itself").into_owned()
}

pub fn from_base64(text: &str) -> Vec<u8> {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = Vec::new();
    for c in text.chars().filter(|c| !c.is_whitespace() && *c != '=') {
        let value = digits.find(c).expect("a Base64 digit");
        bits.extend((0..6).rev().map(|shift| value >> shift & 1));
    }
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0u8, |acc, bit| acc << 1 | u8::try_from(*bit).unwrap())).collect()
}

fn from_quoted_printable(text: &str) -> Vec<u8> {
    assert!(text.split("\r\n").all(|line| line.len() <= 76 && !line.ends_with([' ', '\t'])));
    let joined = text.replace("=\r\n", "");
    let mut out = Vec::new();
    let mut bytes = joined.bytes();
    while let Some(b) = bytes.next() {
        if b == b'=' {
            let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
            out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
        } else {
            out.push(b);
        }
    }
    out
}
