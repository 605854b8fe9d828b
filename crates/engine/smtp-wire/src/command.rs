//! What a client says. Every argument has a type that cannot hold a line end, so no command can carry a second one.

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use bytes::BytesMut;
use mail_model::EmailAddress;
use thiserror::Error;

/// Why a text is no name to say EHLO with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the EHLO name is neither a host name nor an address literal such as [192.0.2.1]")]
pub struct EhloNameError;

/// The name a client gives itself: a host name or an address literal, RFC 5321 4.1.1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EhloName(Box<str>);

impl EhloName {
    /// The name as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EhloName {
    type Err = EhloNameError;

    fn from_str(text: &str) -> Result<Self, EhloNameError> {
        let literal = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let good = match literal {
            Some(inner) => match inner.strip_prefix("IPv6:") {
                Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
                None => inner.parse::<Ipv4Addr>().is_ok(),
            },
            None => text.len() <= 255 && text.split('.').all(is_label),
        };
        if good { Ok(Self(text.into())) } else { Err(EhloNameError) }
    }
}

impl fmt::Display for EhloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The parameters of MAIL FROM that we use. Give only what the server announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// `SIZE=`: bytes of the mail, RFC 1870.
    pub size: Option<u64>,
    /// `BODY=8BITMIME`, RFC 6152.
    pub eight_bit: bool,
    /// `SMTPUTF8`, RFC 6531: an address or the header holds letters beyond ASCII.
    pub smtputf8: bool,
}

/// `EHLO name`.
pub fn write_ehlo(out: &mut BytesMut, name: &EhloName) {
    write_line(out, &["EHLO ", name.as_str()]);
}

/// `HELO name`, for servers that do not know EHLO.
pub fn write_helo(out: &mut BytesMut, name: &EhloName) {
    write_line(out, &["HELO ", name.as_str()]);
}

/// `STARTTLS`.
pub fn write_starttls(out: &mut BytesMut) {
    write_line(out, &["STARTTLS"]);
}

/// `MAIL FROM:<sender>`; without a sender the null return path `<>`. An irregular local part is sent in quotes, as
/// RFC 5321 demands: return paths are our own, no carrier has a say in their form.
pub fn write_mail(out: &mut BytesMut, sender: Option<&EmailAddress>, parameters: MailParameters) {
    out.extend_from_slice(b"MAIL FROM:<");
    if let Some(sender) = sender {
        out.extend_from_slice(sender.wire(true).as_bytes());
    }
    out.extend_from_slice(b">");
    if let Some(size) = parameters.size {
        // Writing to a BytesMut cannot fail: it grows.
        let _ = write!(out, " SIZE={size}");
    }
    if parameters.eight_bit {
        out.extend_from_slice(b" BODY=8BITMIME");
    }
    if parameters.smtputf8 {
        out.extend_from_slice(b" SMTPUTF8");
    }
    write_line(out, &[]);
}

/// `RCPT TO:<recipient>`; `quote_irregular` as in [`EmailAddress::wire`].
pub fn write_rcpt(out: &mut BytesMut, recipient: &EmailAddress, quote_irregular: bool) {
    write_line(out, &["RCPT TO:<", &recipient.wire(quote_irregular), ">"]);
}

/// `DATA`.
pub fn write_data(out: &mut BytesMut) {
    write_line(out, &["DATA"]);
}

/// `RSET`.
pub fn write_rset(out: &mut BytesMut) {
    write_line(out, &["RSET"]);
}

/// `QUIT`.
pub fn write_quit(out: &mut BytesMut) {
    write_line(out, &["QUIT"]);
}

fn write_line(out: &mut BytesMut, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ehlo_name_cannot_carry_a_second_command() {
        let good = ["mail.example.jp", "localhost", "mx_1.example.jp", "[192.0.2.1]", "[IPv6:2001:db8::1]"];
        for text in good {
            assert_eq!(text.parse::<EhloName>().unwrap().as_str(), text);
        }
        let long = "a".repeat(64);
        let bad =
            ["", "a b", "a\r\nRSET", "a\n", "a..b", "メール.jp", "[192.0.2.1", "[2001:db8::1]", "[x]", "<a>", &long];
        for text in bad {
            assert_eq!(text.parse::<EhloName>(), Err(EhloNameError), "{text:?}");
        }
    }

    #[test]
    fn a_whole_group_of_commands_is_written_as_the_rfc_has_it() {
        let mut out = BytesMut::new();
        let name: EhloName = "mx1.example.jp".parse().unwrap();
        let sender: EmailAddress = "b+7@bounce.example.jp".parse().unwrap();
        let recipient: EmailAddress = "a..b@docomo.ne.jp".parse().unwrap();
        write_ehlo(&mut out, &name);
        write_helo(&mut out, &name);
        write_starttls(&mut out);
        write_rset(&mut out);
        write_mail(&mut out, Some(&sender), MailParameters { size: Some(4_096), eight_bit: true, smtputf8: false });
        write_mail(&mut out, None, MailParameters::default());
        write_mail(&mut out, None, MailParameters { size: None, eight_bit: true, smtputf8: true });
        write_rcpt(&mut out, &recipient, false);
        write_rcpt(&mut out, &recipient, true);
        write_data(&mut out);
        write_quit(&mut out);
        let expected = "EHLO mx1.example.jp\r\nHELO mx1.example.jp\r\nSTARTTLS\r\nRSET\r\n\
            MAIL FROM:<b+7@bounce.example.jp> SIZE=4096 BODY=8BITMIME\r\nMAIL FROM:<>\r\n\
            MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\n\
            RCPT TO:<a..b@docomo.ne.jp>\r\nRCPT TO:<\"a..b\"@docomo.ne.jp>\r\nDATA\r\nQUIT\r\n";
        assert_eq!(std::str::from_utf8(&out), Ok(expected));
    }
}
