//! A content, parsed once per message and rendered once per recipient.

use mail_model::MessageId;

use crate::built::built;
use crate::charset::{Charset, Ink};
use crate::dkim::Signing;
use crate::error::ContentError;
use crate::fill::Fill;
use crate::piece::{Pen, Piece};
use crate::raw::raw;
use crate::sheet::{Rendered, Sheet, too_large};
use crate::spec::{ContentSpec, Dialect};
use crate::template::Templates;

/// A parsed content. Cheap to share behind an `Arc`; rendering takes `&self`.
#[derive(Debug)]
pub struct Content {
    templates: Templates,
    utf8: Sheet,
    jis: Option<Sheet>,
}

impl Content {
    /// Checks and compiles a content.
    ///
    /// `message` makes the boundaries of a multipart mail, so that every attempt has the same bytes. When a content is
    /// only checked, before its id is known, any id will do.
    pub fn parse(spec: &ContentSpec, dialect: Dialect, message: MessageId) -> Result<Self, ContentError> {
        Self::parse_for(spec, dialect, message, &[])
    }

    /// The same for carriers that read other charsets than UTF-8, too. Each charset costs another copy of the content.
    pub fn parse_for(
        spec: &ContentSpec,
        dialect: Dialect,
        message: MessageId,
        charsets: &[Charset],
    ) -> Result<Self, ContentError> {
        let mut templates = Templates::new(dialect);
        let pieces = match spec {
            ContentSpec::Raw(text) => raw(text, &mut templates)?,
            ContentSpec::Built(spec) => built(spec, message, &mut templates)?,
        };
        // Everything can be written in UTF-8, so a sheet of it always comes about.
        let utf8 = Sheet::new(&pieces, &templates, Charset::Utf8)?.ok_or_else(too_large)?;
        let jis = match charsets.contains(&Charset::Iso2022Jp) {
            true => Sheet::new(&pieces, &templates, Charset::Iso2022Jp)?,
            false => None,
        };
        Ok(Self { templates, utf8, jis })
    }

    /// Whether this recipient's mail can be made: every name that the text uses has a value, every value fits.
    ///
    /// Called for each recipient before anything is accepted. Costs next to nothing when the content has no marks.
    pub fn check(&self, fill: &Fill<'_>) -> Result<(), ContentError> {
        let values = self.templates.values(fill);
        let ink = Ink::new(Charset::Utf8);
        let pen = Pen { templates: &self.templates, values: &values, fill, ink: &ink };
        let mut out = Vec::new();
        for piece in self.utf8.pieces().iter().filter(|piece| !matches!(piece, Piece::Fixed(_))) {
            out.clear();
            piece.check(&pen, &mut out)?;
        }
        Ok(())
    }

    /// The mail for one recipient: CRLF line ends only, no line beyond 998 bytes, not dot-stuffed, unsigned.
    ///
    /// The same content and fill give the same bytes, so a retry cannot be taken for a second mail.
    pub fn render(&self, fill: &Fill<'_>) -> Result<Rendered, ContentError> {
        self.make(fill, None)
    }

    /// The same with the DKIM signatures of the keys in force for the domain of its From, if there are any.
    ///
    /// What is the same for all recipients is hashed once, and signed once where [`Signing::may_sign_once`] allows and
    /// no signed field differs. The same content, fill and signing give the same bytes.
    pub fn seal(&self, fill: &Fill<'_>, signing: &Signing<'_>) -> Result<Rendered, ContentError> {
        self.make(fill, Some(signing).filter(|signing| !signing.signers.is_empty()))
    }

    fn make(&self, fill: &Fill<'_>, signing: Option<&Signing<'_>>) -> Result<Rendered, ContentError> {
        let values = self.templates.values(fill);
        if let (Charset::Iso2022Jp, Some(jis)) = (fill.charset, &self.jis)
            && let Some(rendered) = jis.render(&self.templates, &values, fill, signing)?
        {
            return Ok(rendered);
        }
        self.utf8.render(&self.templates, &values, fill, signing)?.ok_or_else(too_large)
    }

    /// About how many bytes one mail has; for `SIZE=` use the length of the rendered mail.
    pub fn size_hint(&self) -> usize {
        self.utf8.size_hint()
    }
}
