//! A content, parsed once per message and rendered once per recipient.

use bytes::Bytes;
use mail_model::MessageId;

use crate::built::built;
use crate::error::ContentError;
use crate::fill::Fill;
use crate::limits::MAIL_BYTES_MAX;
use crate::piece::{Pen, Piece};
use crate::raw::raw;
use crate::spec::{ContentSpec, Dialect};
use crate::template::{Templates, Values};

/// A parsed content. Cheap to share behind an `Arc`; rendering takes `&self`.
#[derive(Debug)]
pub struct Content {
    pieces: Vec<Piece>,
    templates: Templates,
    size_hint: usize,
}

impl Content {
    /// Checks and compiles a content.
    ///
    /// `message` makes the boundaries of a multipart mail, so that every attempt has the same bytes. When a content is
    /// only checked, before its id is known, any id will do.
    pub fn parse(spec: &ContentSpec, dialect: Dialect, message: MessageId) -> Result<Self, ContentError> {
        let mut templates = Templates::new(dialect);
        let pieces = match spec {
            ContentSpec::Raw(text) => raw(text, &mut templates)?,
            ContentSpec::Built(spec) => built(spec, message, &mut templates)?,
        };
        let pieces: Result<Vec<_>, _> = pieces.into_iter().map(|piece| piece.settled(&templates)).collect();
        let pieces = merged(pieces?);
        let size_hint = pieces.iter().map(Piece::size_hint).sum();
        if size_hint > MAIL_BYTES_MAX {
            return Err(too_large());
        }
        Ok(Self { pieces, templates, size_hint })
    }

    /// Whether this recipient's mail can be made: every name that the text uses has a value, every value fits.
    ///
    /// Called for each recipient before anything is accepted. Costs next to nothing when the content has no marks.
    pub fn check(&self, fill: &Fill<'_>) -> Result<(), ContentError> {
        let values = self.templates.values(fill);
        let pen = Pen { templates: &self.templates, values: &values, fill };
        let mut out = Vec::new();
        for piece in self.pieces.iter().filter(|piece| !matches!(piece, Piece::Fixed(_))) {
            out.clear();
            piece.check(&pen, &mut out)?;
        }
        Ok(())
    }

    /// The mail for one recipient: CRLF line ends only, no line beyond 998 bytes, not dot-stuffed.
    ///
    /// The same content and fill give the same bytes, so a retry cannot be taken for a second mail.
    pub fn render(&self, fill: &Fill<'_>) -> Result<Bytes, ContentError> {
        let values: Values = self.templates.values(fill);
        let pen = Pen { templates: &self.templates, values: &values, fill };
        let mut out = Vec::with_capacity(self.size_hint);
        for piece in &self.pieces {
            piece.write(&pen, &mut out)?;
        }
        if out.len() > MAIL_BYTES_MAX {
            return Err(too_large());
        }
        Ok(Bytes::from(out))
    }

    /// About how many bytes one mail has; for `SIZE=` use the length of the rendered mail.
    pub fn size_hint(&self) -> usize {
        self.size_hint
    }
}

fn too_large() -> ContentError {
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
