//! How texts are encoded, and whether that cost a character.

use std::borrow::Cow;
use std::cell::Cell;

use crate::jis;

/// How the texts of a mail are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Charset {
    /// Everything can be written.
    #[default]
    Utf8,
    /// ISO-2022-JP (RFC 1468), for systems that read nothing else.
    Iso2022Jp,
}

/// What the texts of one mail are written with. Remembers whether a character had no place in the charset.
#[derive(Debug)]
pub(crate) struct Ink {
    charset: Charset,
    has_lost: Cell<bool>,
}

impl Ink {
    pub fn new(charset: Charset) -> Self {
        Self { charset, has_lost: Cell::new(false) }
    }

    pub fn charset(&self) -> Charset {
        self.charset
    }

    /// Whether what was written says less than what was meant.
    pub fn has_lost(&self) -> bool {
        self.has_lost.get()
    }

    /// The text in characters that the charset has, as far as that can be done.
    pub fn spelled<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.charset {
            Charset::Utf8 => Cow::Borrowed(text),
            Charset::Iso2022Jp => jis::nearest(text),
        }
    }

    /// The bytes of a text that is spelled. Begins and ends in ASCII, whatever its charset.
    pub fn bytes<'t>(&self, text: &'t str) -> Cow<'t, [u8]> {
        match self.charset {
            Charset::Utf8 => Cow::Borrowed(text.as_bytes()),
            Charset::Iso2022Jp => jis::encode(text).map_or_else(
                || {
                    self.has_lost.set(true);
                    Cow::Borrowed(&b"?"[..])
                },
                Cow::Owned,
            ),
        }
    }

    /// How much of a text, cut between two characters, has at most `bytes` bytes.
    pub fn fitting(&self, text: &str, bytes: usize) -> usize {
        match self.charset {
            Charset::Utf8 => floor_char(text, bytes),
            Charset::Iso2022Jp => jis::fitting(text, bytes),
        }
    }
}

/// The longest prefix of at most `bytes` bytes that ends between two characters.
fn floor_char(text: &str, bytes: usize) -> usize {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}
