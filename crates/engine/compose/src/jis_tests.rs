//! Tests of `jis`.

use super::*;

#[test]
fn what_jis_x_0208_lacks_becomes_what_is_nearest() {
    let table = [
        ("plain ASCII", "plain ASCII"),
        ("運動会", "運動会"),
        ("ｶﾞｯｺｳﾉ ﾌﾟｰﾙ｡", "ガッコウノ プール。"),
        ("ｳﾞｧｲｵﾘﾝ ｱﾞ ﾊﾟﾊﾞ", "ヴァイオリン ア゛ パバ"),
        ("か\u{3099}っこう は\u{309a}ん", "がっこう ぱん"),
        ("か゛", "か゛"),
        ("①②⑳ ㉑ ❸", "(1)(2)(20) (21) (3)"),
        ("髙橋・山﨑・濵田・𠮷野", "高橋・山崎・濱田・吉野"),
        ("葛\u{e0100}城", "葛城"),
        ("1〜2 −5 — ‖", "1～2 －5 ― ∥"),
        ("㈱サクラ ㎡ Ⅳ ㍻ №3", "(株)サクラ m2 IV 平成 No.3"),
        ("¥500\u{a0}税\u{200b}込", "￥500 税込"),
        ("社\u{fa18}", "社礼"),
    ];
    for (given, expected) in table {
        let spelled = nearest(given);
        assert_eq!(spelled, expected, "{given}");
        let bytes = encode(&spelled).unwrap_or_else(|| panic!("{expected}"));
        assert_eq!(ISO_2022_JP.decode_without_bom_handling(&bytes).0, expected, "{given}");
        assert!(bytes.is_ascii());
    }
}

#[test]
fn what_has_no_near_form_is_not_encoded() {
    for lost in ["😀", "é", "♡", "한국", "①", "髙", "\u{1b}$B", "¥"] {
        assert_eq!(encode(lost), None, "{lost}");
    }
    for lost in ["😀", "é", "♡", "한국"] {
        assert_eq!(encode(&nearest(lost)), None, "{lost}");
    }
}

#[test]
fn every_line_ends_in_ascii() {
    let bytes = encode("漢字\r\nkana カナ\r\n").unwrap();
    assert_eq!(bytes, b"\x1b$B4A;z\x1b(B\r\nkana \x1b$B%+%J\x1b(B\r\n");
}

#[test]
fn the_table_is_sorted_needed_and_leads_into_the_charset() {
    assert!(NEAREST.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for (from, to) in NEAREST {
        assert!(encode(to).is_some(), "{from} becomes {to}");
        assert_eq!(nearest(to), *to, "{from}");
        assert!(encode(&from.to_string()).is_none() || *from == '\u{2212}', "{from} could stay");
    }
    assert_eq!(HALF_WIDTH.chars().count(), 0xff9e - 0xff61);
    assert!(encode(HALF_WIDTH).is_some());
}

#[test]
fn a_prefix_that_fits_is_as_long_as_it_can_be() {
    let text = "運動会 Sports day のお知らせ a い b ろ";
    for bytes in 0..120 {
        let end = fitting(text, bytes);
        assert!(encode(&text[..end]).unwrap().len() <= bytes || end == 0, "{bytes}");
        if let Some(next) = text[end..].chars().next() {
            assert!(encode(&text[..end + next.len_utf8()]).unwrap().len() > bytes, "{bytes}");
        }
    }
}
