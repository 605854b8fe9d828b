//! The cutter: same slices however the bytes are cut, and a place for every fault.

use super::*;

const LIMITS: CutLimits = CutLimits { fields_bytes_max: 60, element_bytes_max: 40, depth_max: 5 };

/// Every slice as a line, then the fault if there was one.
fn cut(pieces: &[&[u8]]) -> Vec<String> {
    let mut cutter = Cutter::new("list", LIMITS);
    let mut lines = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut sink = |slice: Slice<'_>| -> Result<(), CutFault> {
        lines.push(match slice {
            Slice::Field { name, at, text: t } => format!("{name}@{at} {}", text(t)),
            Slice::List => "list".to_owned(),
            Slice::Element { at, text: t } => format!("- @{at} {}", text(t)),
        });
        Ok(())
    };
    let fed = pieces.iter().try_for_each(|piece| cutter.feed(piece, &mut sink));
    if let Err(fault) = fed.and_then(|()| cutter.end()) {
        lines.push(fault.to_string());
    }
    lines
}

#[test]
fn slices_are_the_same_for_every_cut_and_in_every_order() {
    let table: [(&str, &[&str]); 22] = [
        ("{}", &[]),
        (" \r\n{ } \t", &[]),
        (r#"{"a":1}"#, &["a@5 1"]),
        (r#"{"a" : -1.5e3 , "b":true,"c":null}"#, &["a@7 -1.5e3", "b@20 true", "c@29 null"]),
        (r#"{"a":"x\"}],{","list":[]}"#, &[r#"a@5 "x\"}],{""#, "list"]),
        (
            r#"{"a":"\\","list":[1,"b",{"c":[]}]}"#,
            &[r#"a@5 "\\""#, "list", "- @18 1", "- @20 \"b\"", r#"- @24 {"c":[]}"#],
        ),
        (r#"{"list":[{"e":"}"} , {}],"a":[{}]}"#, &["list", r#"- @9 {"e":"}"}"#, "- @21 {}", "a@29 [{}]"]),
        (r#"{"\u006cist":[1]}"#, &["list", "- @14 1"]),
        (r#"{"list":{"a":1}}"#, &[r#"list@8 {"a":1}"#]),
        (r#"{"list":[],"list":[1]}"#, &["list", "list", "- @19 1"]),
        ("", &["not JSON at byte 0: expected '{'; the body is empty"]),
        ("\u{feff}{}", &["not JSON at byte 0: expected '{'"]),
        ("[1]", &["not JSON at byte 0: expected '{'"]),
        (r#"{"a":1"#, &["not JSON: the body ends at byte 6 before the object does"]),
        (r#"{"a":1}x"#, &["a@5 1", "not JSON at byte 7: expected the end of the body"]),
        (r#"{"a":1,}"#, &["a@5 1", "not JSON at byte 7: expected a field name"]),
        (r#"{"a":}"#, &["not JSON at byte 5: expected a value"]),
        (r#"{"a":[1}"#, &["not JSON at byte 7: expected ']'"]),
        (r#"{"list":[1,]}"#, &["list", "- @9 1", "not JSON at byte 11: expected a value"]),
        (r#"{"a":[[[[[1]]]]]}"#, &["nested too deeply at byte 9"]),
        (r#"{"list":[[[[[1]]]]]}"#, &["list", "nested too deeply at byte 12"]),
        (
            r#"{"list":["0123456789012345678901234567890123456789"]}]"#,
            &["list", "a value is too long; it passes the limit at byte 49"],
        ),
    ];
    for (body, expected) in table {
        let bytes = body.as_bytes();
        assert_eq!(cut(&[bytes]), expected, "{body}");
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(cut(&[head, tail]), expected, "{body} cut at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(cut(&single), expected, "{body} byte by byte");
    }
}

#[test]
fn fields_together_are_bounded() {
    let long = format!(r#"{{"a":"{}","b":"{}"}}"#, "x".repeat(30), "y".repeat(30));
    let lines = cut(&[long.as_bytes()]);
    assert!(lines[0].starts_with("a@5"));
    assert!(lines[1].starts_with("a value is too long"), "{lines:?}");
}

#[test]
fn a_name_of_invalid_bytes_is_refused_with_its_place() {
    let table: [&[u8]; 3] = [b"{\"\xff\":1}", b"{\"\\ud800\":1}", b"{\"a\nb\":1}"];
    for body in table {
        let lines = cut(&[body]);
        assert!(lines[0].contains("expected a field name of valid UTF-8"), "{lines:?}");
    }
    let long = format!("{{\"{}\":1}}", "a".repeat(300));
    assert_eq!(cut(&[long.as_bytes()]), ["a value is too long; it passes the limit at byte 257"]);
}
