//! A mail as its reader's program shows it: header words and body decoded. Written apart from the code that composes.

use anyhow::{Context, Result, bail};

/// A mail taken apart.
#[derive(Debug)]
pub struct Mail {
    fields: Vec<(String, String)>,
    /// The body, its transfer encoding undone.
    pub text: String,
}

impl Mail {
    /// Reads a mail with one text part.
    ///
    /// # Errors
    /// When it is no mail, or says that it is encoded in a way that it is not.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let whole = std::str::from_utf8(bytes).context("a mail is ASCII on its way")?.replace("\r\n", "\n");
        let (head, body) = whole.split_once("\n\n").context("a mail has an empty line behind its header")?;
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in head.split('\n') {
            match (line.strip_prefix([' ', '\t']), fields.last_mut()) {
                (Some(more), Some((_, value))) => {
                    value.push(' ');
                    value.push_str(more);
                }
                _ => {
                    let (name, value) = line.split_once(':').context("a header field has a colon")?;
                    fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
        }
        let mut mail = Self { fields, text: String::new() };
        mail.text = match mail.raw("content-transfer-encoding").unwrap_or("7bit") {
            "7bit" | "8bit" => body.to_owned(),
            "base64" => String::from_utf8(base64(body)?)?,
            "quoted-printable" => String::from_utf8(quoted_printable(&body.replace("=\n", ""))?)?,
            other => bail!("no reader knows the transfer encoding {other:?}"),
        };
        mail.text = mail.text.replace("\r\n", "\n");
        Ok(mail)
    }

    /// A header field as it came; the first one of its name.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A header field with its encoded words read (RFC 2047).
    ///
    /// # Errors
    /// When the field is missing, or an encoded word is broken.
    pub fn field(&self, name: &str) -> Result<String> {
        words(self.raw(name).with_context(|| format!("the mail has no {name}"))?)
    }
}

/// Undoes encoded words. White space between two of them is not part of the text (RFC 2047 6.2).
fn words(value: &str) -> Result<String> {
    let (mut out, mut rest, mut after_word) = (String::new(), value, false);
    while let Some(start) = rest.find("=?") {
        let gap = rest.get(..start).unwrap_or_default();
        if !(after_word && gap.trim().is_empty()) {
            out.push_str(gap);
        }
        let mut parts = rest.get(start + 2..).unwrap_or_default().splitn(4, '?');
        let (charset, kind, text) = (parts.next(), parts.next(), parts.next());
        let charset = charset.unwrap_or_default().to_ascii_lowercase();
        let bytes = match (charset.as_str(), kind, text) {
            ("utf-8", Some("B" | "b"), Some(text)) => base64(text)?,
            ("utf-8", Some("Q" | "q"), Some(text)) => quoted_printable(&text.replace('_', " "))?,
            _ => bail!("an encoded word in {charset:?} as {kind:?}"),
        };
        out.push_str(&String::from_utf8(bytes)?);
        rest = parts.next().and_then(|tail| tail.strip_prefix('=')).context("an encoded word does not end")?;
        after_word = true;
    }
    out.push_str(rest);
    Ok(out)
}

fn base64(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0u32, 0u32);
    for digit in text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => bail!("{digit:#x} is no digit of Base64"),
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.extend(u8::try_from(bits >> held & 0xff));
        }
    }
    Ok(out)
}

fn quoted_printable(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'=' {
            out.push(byte);
            continue;
        }
        let pair = [bytes.next(), bytes.next()].map(Option::unwrap_or_default);
        out.push(u8::from_str_radix(std::str::from_utf8(&pair)?, 16).context("two hex digits follow =")?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_words_and_both_encodings_are_read() {
        let mail = "Subject: =?UTF-8?B?5LyR5qCh?=\r\n =?utf-8?Q?=E3=81=AE_x?= y\r\nContent-Transfer-Encoding: base64\r\n\r\n5LyR5qCh\r\n";
        let read = Mail::read(mail.as_bytes()).unwrap();
        assert_eq!(read.field("subject").unwrap(), "休校の x y");
        assert_eq!(read.text, "休校");
        let quoted = "Content-Transfer-Encoding: quoted-printable\n\nA=3D=\nB =E4=BC=91\n";
        assert_eq!(Mail::read(quoted.as_bytes()).unwrap().text, "A=B 休\n");
        assert!(Mail::read(b"no header").is_err());
    }
}
