//! Tests of `transfer`.

use super::*;

#[test]
fn every_line_end_becomes_crlf_and_white_lines_at_the_end_go() {
    let table = [
        ("a\nb", "a\r\nb\r\n"),
        ("a\rb\r\nc", "a\r\nb\r\nc\r\n"),
        ("a\n\rb", "a\r\n\r\nb\r\n"),
        ("a\n \t\r\n\n", "a\r\n"),
        ("a \n\u{1}\n ", "a\r\n"),
        ("\n\n", ""),
        ("", ""),
        ("a\0b\u{1b}c\td", "abc\td\r\n"),
        ("\n.\n", "\r\n.\r\n"),
    ];
    for (text, expected) in table {
        assert_eq!(normalise(text, Controls::Dropped), expected, "{text:?}");
    }
    assert_eq!(normalise("a\0\u{1b}$B", Controls::Kept), "a\u{1b}$B\r\n");
}

#[test]
fn the_plainest_safe_encoding_is_chosen() {
    let long = "x".repeat(999);
    let table = [
        ("hello\r\n", Transfer::SevenBit),
        ("", Transfer::SevenBit),
        ("caf\u{e9} au lait\r\n", Transfer::QuotedPrintable),
        ("運動会\r\n", Transfer::Base64),
        ("From here\r\n", Transfer::QuotedPrintable),
        ("--=_x\r\n", Transfer::QuotedPrintable),
        (&long, Transfer::QuotedPrintable),
    ];
    for (text, expected) in table {
        assert_eq!(Transfer::choose(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn quoted_printable_keeps_lines_within_76_and_hides_what_servers_change() {
    let table = [
        ("a=b\r\n", "a=3Db\r\n".to_owned()),
        ("tail \r\n", "tail=20\r\n".to_owned()),
        (".\r\n..x\r\n", "=2E\r\n=2E.x\r\n".to_owned()),
        ("From me\r\nFrost\r\n", "=46rom me\r\nFrost\r\n".to_owned()),
        (&"x".repeat(76), "x".repeat(76) + "\r\n"),
        (&"x".repeat(77), "x".repeat(75) + "=\r\nxx\r\n"),
        (&("x".repeat(75) + ".z"), "x".repeat(75) + "=\r\n=2Ez\r\n"),
    ];
    for (text, expected) in table {
        let mut out = Vec::new();
        write_body(text.as_bytes(), Transfer::QuotedPrintable, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn base64_reads_back_whatever_its_length() {
    for length in 0..200u8 {
        let bytes: Vec<u8> = (0..length).map(|b| b.wrapping_mul(37)).collect();
        let mut out = Vec::new();
        base64_lines(&bytes, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.len() <= 76));
        assert_eq!(from_base64(&text), Some(bytes));
    }
    for bad in ["A", "A===", "!!!!", "QQ==QQ==", "QUJ\u{e9}"] {
        assert_eq!(from_base64(bad), None, "{bad}");
    }
    assert_eq!(from_base64("QQ"), Some(b"A".to_vec()));
}
