//! The pieces of a content in one charset, and what they become for one recipient.

use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use mail_model::UnixMs;
use memchr::memmem::Finder;

use crate::charset::{Charset, Ink};
use crate::dkim::{Letterhead, Signer, Signing, Span, body_hash, from_domain, is_signed, signatures};
use crate::error::ContentError;
use crate::fill::Fill;
use crate::limits::MAIL_BYTES_MAX;
use crate::piece::{Pen, Piece};
use crate::template::{Templates, Values};

/// A mail for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Header, empty line and body, in CRLF lines, not dot-stuffed.
    pub bytes: Bytes,
    /// How many of them are the header, its signatures included, without the empty line.
    pub header_bytes: usize,
    /// DKIM signatures in it.
    pub signatures: usize,
}

/// What List-Unsubscribe takes, so that one allocation serves a mail.
const UNSUBSCRIBE_BYTES: usize = 300;

static HEADER_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));

/// The pieces of a content, encoded as far as they are the same for every recipient.
#[derive(Debug)]
pub(crate) struct Sheet {
    charset: Charset,
    pieces: Vec<Piece>,
    size_hint: usize,
    /// Length of the body when it is the same for every recipient.
    fixed_body: Option<usize>,
    /// Whether every signed field but To, Date and Message-ID is the same for every recipient.
    has_fixed_fields: bool,
    body_hash: OnceLock<[u8; 32]>,
    for_all: OnceLock<ForAll>,
}

/// One signature that serves every recipient, and what it was made with.
#[derive(Debug)]
struct ForAll {
    keys: Vec<Arc<Signer>>,
    date: UnixMs,
    fields: Vec<u8>,
}

impl Sheet {
    /// `None` when the charset lacks a character that every recipient would get.
    pub fn new(pieces: &[Piece], templates: &Templates, charset: Charset) -> Result<Option<Self>, ContentError> {
        let ink = Ink::new(charset);
        let pieces: Result<Vec<_>, _> = pieces.iter().map(|piece| piece.settled(templates, &ink)).collect();
        let pieces = merged(pieces?);
        if ink.has_lost() {
            return Ok(None);
        }
        let size_hint = pieces.iter().map(Piece::size_hint).sum();
        if size_hint > MAIL_BYTES_MAX {
            return Err(too_large());
        }
        let varies = |piece: &Piece| piece.field_name().is_some_and(|name| is_signed(name.as_str(), Span::EveryMail));
        Ok(Some(Self {
            charset,
            fixed_body: fixed_body(&pieces),
            has_fixed_fields: !pieces.iter().any(varies),
            pieces,
            size_hint,
            body_hash: OnceLock::new(),
            for_all: OnceLock::new(),
        }))
    }

    pub fn size_hint(&self) -> usize {
        self.size_hint
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The mail; `None` when the charset lacks a character that this recipient would get.
    pub fn render(
        &self,
        templates: &Templates,
        values: &Values,
        fill: &Fill<'_>,
        signing: Option<&Signing<'_>>,
    ) -> Result<Option<Rendered>, ContentError> {
        let ink = Ink::new(self.charset);
        let pen = Pen { templates, values, fill, ink: &ink };
        // Signatures stand above the header and are known last: room is left for them, so that nothing is moved.
        let room = signing.map_or(0, |signing| signing.signers.bytes_max());
        let unsubscribe = if fill.unsubscribe.is_some() { UNSUBSCRIBE_BYTES } else { 0 };
        let mut out = Vec::with_capacity(room + self.size_hint + unsubscribe);
        out.resize(room, 0);
        for piece in &self.pieces {
            piece.write(&pen, &mut out)?;
        }
        if ink.has_lost() {
            return Ok(None);
        }
        if out.len() - room > MAIL_BYTES_MAX {
            return Err(too_large());
        }
        let header_end = self.header_end(&out, room);
        let Some(signing) = signing else {
            return Ok(Some(Rendered { bytes: Bytes::from(out), header_bytes: header_end, signatures: 0 }));
        };
        let mut signed = Vec::new();
        let count = self.sign(&out, (room, header_end), fill, signing, &mut signed);
        let start = room.saturating_sub(signed.len());
        match out.get_mut(start..room) {
            Some(place) if place.len() == signed.len() => place.copy_from_slice(&signed),
            // More than was said to be the most: correct all the same, at the price of moving the mail.
            _ => drop(out.splice(start..room, signed.iter().copied())),
        }
        let header_bytes = signed.len() + header_end - room;
        Ok(Some(Rendered { bytes: Bytes::from(out).slice(start..), header_bytes, signatures: count }))
    }

    /// Where the header ends, behind the CRLF of its last line.
    fn header_end(&self, mail: &[u8], start: usize) -> usize {
        match self.fixed_body {
            Some(body) => mail.len().saturating_sub(body + 2),
            None => {
                let found = HEADER_END.find(mail.get(start..).unwrap_or_default());
                found.map_or(mail.len(), |at| start + at + 2)
            }
        }
    }

    /// Writes the signatures of the keys in force for the domain of From; gives their number.
    fn sign(
        &self,
        mail: &[u8],
        (start, header_end): (usize, usize),
        fill: &Fill<'_>,
        signing: &Signing<'_>,
        signed: &mut Vec<u8>,
    ) -> usize {
        let header = mail.get(start..header_end).unwrap_or_default();
        let body = mail.get(header_end + 2..).unwrap_or_default();
        let letterhead = Letterhead::read(header);
        let Some(domain) = from_domain(&letterhead) else { return 0 };
        let keys = signing.signers.for_domain(&domain, signing.at);
        if keys.is_empty() {
            return 0;
        }
        let once =
            signing.may_sign_once && self.has_fixed_fields && self.fixed_body.is_some() && fill.unsubscribe.is_none();
        if !once {
            let hash = match self.fixed_body {
                Some(_) => *self.body_hash.get_or_init(|| body_hash(body)),
                None => body_hash(body),
            };
            return signatures(&keys, &letterhead, &hash, fill.date, Span::OneMail, signed);
        }
        let make = || {
            let hash = self.body_hash.get_or_init(|| body_hash(body));
            let mut fields = Vec::new();
            let count = signatures(&keys, &letterhead, hash, fill.date, Span::EveryMail, &mut fields);
            (count, fields)
        };
        let kept = self.for_all.get_or_init(|| {
            let (count, fields) = make();
            let keys = keys.iter().take(count).map(Arc::clone).collect();
            ForAll { keys, date: fill.date, fields }
        });
        let is_the_same = kept.date == fill.date
            && kept.keys.len() == keys.iter().count()
            && kept.keys.iter().zip(keys.iter()).all(|(kept, key)| Arc::ptr_eq(kept, key));
        if is_the_same {
            signed.extend_from_slice(&kept.fields);
            return kept.keys.len();
        }
        let (count, fields) = make();
        signed.extend_from_slice(&fields);
        count
    }
}

/// Length of the body when no part of it differs. It then stands in the last piece, whose first empty line ends the
/// header: what is before are header fields, and these have none.
fn fixed_body(pieces: &[Piece]) -> Option<usize> {
    if pieces.iter().any(Piece::is_body) {
        return None;
    }
    let Some(Piece::Fixed(last)) = pieces.last() else { return None };
    HEADER_END.find(last).map(|at| last.len() - at - 4)
}

pub(crate) fn too_large() -> ContentError {
    let message = format!("the mail exceeds {MAIL_BYTES_MAX} bytes; make the attachments smaller or send a link");
    ContentError::new("content", message)
}

/// Joins neighbours that are the same for every recipient.
fn merged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (merged.last_mut(), piece) {
            (Some(Piece::Fixed(before)), Piece::Fixed(bytes)) => before.extend_from_slice(&bytes),
            (_, piece) => merged.push(piece),
        }
    }
    merged
}
