//! Text that stays on its line: the only things that can become a header field's name and value.

use std::borrow::Cow;

/// Text without CR, LF, NUL or any other control character, so that it cannot end the field it stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OneLine<'t>(Cow<'t, str>);

impl<'t> OneLine<'t> {
    /// Every control character becomes a space.
    pub fn of(text: impl Into<Cow<'t, str>>) -> Self {
        let text = text.into();
        if text.contains(char::is_control) { Self(Cow::Owned(text.replace(char::is_control, " "))) } else { Self(text) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without white space at its ends.
    pub fn trimmed(self) -> Self {
        match self.0 {
            Cow::Borrowed(text) => Self(Cow::Borrowed(text.trim())),
            Cow::Owned(text) => Self(Cow::Owned(text.trim().to_owned())),
        }
    }

    /// The same, to be kept.
    pub fn into_owned(self) -> OneLine<'static> {
        OneLine(Cow::Owned(self.0.into_owned()))
    }
}

/// The name of a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldName(Cow<'static, str>);

impl FieldName {
    /// A name that we write ourselves.
    pub const fn ours(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// RFC 5322 3.6.8, and short enough to leave room on its line; `None` for any other text.
    pub fn new(name: &str) -> Option<Self> {
        let good = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        good.then(|| Self(Cow::Owned(name.to_owned())))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this field; case does not count.
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_end_its_line() {
        for bad in ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\0b", "a\u{85}b", "\u{1b}$B"] {
            assert!(!OneLine::of(bad).as_str().contains(char::is_control), "{bad:?}");
        }
        assert!(matches!(OneLine::of("運動会"), OneLine(Cow::Borrowed("運動会"))));
        for bad in ["", "A B", "A:", "A\r\nB", "Größe", &"x".repeat(65)] {
            assert_eq!(FieldName::new(bad), None, "{bad:?}");
        }
        assert!(FieldName::new("reply-TO").is_some_and(|name| name.is("Reply-To")));
    }
}
