//! The DKIM-Signature field, RFC 6376 3.5.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use mail_model::UnixMs;

use crate::dkim::canon::relaxed_field;
use crate::dkim::letterhead::{Letterhead, Span};
use crate::dkim::signers::{InForce, Signer};

const NAME: &str = "DKIM-Signature";
/// A line of the field is folded before it grows beyond this.
const LINE: usize = 76;

/// Appends one field for each key; gives their number. Neither signs the other, so each stands by itself.
pub(crate) fn signatures(
    keys: &InForce<'_>,
    letterhead: &Letterhead<'_>,
    body_hash: &[u8; 32],
    date: UnixMs,
    span: Span,
    out: &mut Vec<u8>,
) -> usize {
    let mut canonical = Vec::with_capacity(2_048);
    let names = names_folded(&letterhead.canonical(span, &mut canonical));
    let (fields, body_hash) = (canonical.len(), BASE64.encode(body_hash));
    let mut count = 0;
    for signer in keys.iter() {
        canonical.truncate(fields);
        let value = value(signer, &names, &body_hash, date);
        relaxed_field(NAME.as_bytes(), value.as_bytes(), &mut canonical);
        let Some(signature) = signer.key.sign(&digest(&SHA256, &canonical)) else { continue };
        out.extend_from_slice(NAME.as_bytes());
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
        write_folded(&BASE64.encode(&signature), out);
        out.extend_from_slice(b"\r\n");
        count += 1;
    }
    count
}

/// Everything but the signature, which goes behind `b=`. No `x=`: a mail may wait for days behind our back, and `t=` is
/// the time of acceptance, so that every attempt has the same bytes. No `l=` ever: it lets others append.
fn value(signer: &Signer, names: &str, body_hash: &str, date: UnixMs) -> String {
    let (algorithm, domain, selector) = (signer.algorithm().of_signature(), signer.domain(), signer.selector());
    let seconds = date.0 / 1_000;
    format!(
        " v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={domain}; s={selector}; t={seconds};\r\n\
         \x20h={names};\r\n bh={body_hash};\r\n b="
    )
}

fn names_folded(names: &[&str]) -> String {
    let mut text = String::with_capacity(400);
    let mut column = " h=".len();
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            text.push(':');
            column += 1;
        }
        if column + name.len() > LINE {
            text.push_str("\r\n  ");
            column = 2;
        }
        text.push_str(name);
        column += name.len();
    }
    text
}

fn write_folded(base64: &str, out: &mut Vec<u8>) {
    let mut room = LINE - " b=".len();
    let mut rest = base64.as_bytes();
    while let Some((line, tail)) = rest.split_at_checked(room.min(rest.len())).filter(|(line, _)| !line.is_empty()) {
        out.extend_from_slice(line);
        rest = tail;
        room = LINE - 1;
        if !rest.is_empty() {
            out.extend_from_slice(b"\r\n ");
        }
    }
}
