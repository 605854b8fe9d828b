//! Text in a CSV cell that no spreadsheet takes for a formula.

use std::borrow::Cow;

/// What begins a formula in Excel, LibreOffice or Google Sheets. A Japanese Excel also takes the full-width forms.
const FORMULA_STARTS: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '−'];

/// The text, with `'` in front when a spreadsheet would calculate it. Invisible characters in front do not hide the
/// start of a formula, since some programs drop them.
pub fn safe(text: &str) -> Cow<'_, str> {
    let invisible = |c: char| {
        c.is_control() && !matches!(c, '\t' | '\r' | '\n')
            || matches!(c, ' ' | '\u{a0}' | '\u{3000}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
    };
    let first = text.chars().find(|c| !invisible(*c));
    match first {
        Some(c) if FORMULA_STARTS.contains(&c) => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_calculates_leaves_without_an_apostrophe() {
        let table = [
            ("=1+1", "'=1+1"),
            ("+81-90", "'+81-90"),
            ("-everyone..-_-..annoyed-@docomo.ne.jp", "'-everyone..-_-..annoyed-@docomo.ne.jp"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("＝１", "'＝１"),
            ("＋", "'＋"),
            ("－", "'－"),
            ("＠", "'＠"),
            (" =1", "' =1"),
            ("\u{3000}＝1", "'\u{3000}＝1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{200b}=1", "'\u{200b}=1"),
            ("", ""),
            ("a=b", "a=b"),
            ("taro@docomo.ne.jp", "taro@docomo.ne.jp"),
            ("550 5.1.1 Unknown user", "550 5.1.1 Unknown user"),
            ("宛先不明", "宛先不明"),
            ("'=1", "'=1"),
        ];
        for (given, expected) in table {
            assert_eq!(safe(given), expected, "{given:?}");
        }
    }
}
