//! Where in the body a slice stops being JSON.

use serde_json::error::Category;

use crate::http::fault::Fault;

/// The slice as text, or a 400 with the place of the first byte that is no UTF-8.
pub fn utf8(at: u64, text: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(text).map_err(|error| {
        let place = at + error.valid_up_to() as u64;
        Fault::bad_request(format!("not UTF-8 at byte {place}"))
    })
}

/// A 400 with the place in the whole body of a syntax error in one slice.
pub fn syntax(at: u64, text: &str, error: &serde_json::Error) -> Fault {
    let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let place = at + (line_start + error.column().saturating_sub(1)) as u64;
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(head, _)| head);
    let kind = if error.classify() == Category::Io { "unreadable" } else { "not JSON" };
    Fault::bad_request(format!("{kind} at byte {place}: {words}"))
}

/// A caller's own field name in our answer: short, and without anything that plays tricks on a terminal.
pub fn shown(name: &str) -> String {
    let odd =
        |c: char| c.is_control() || ('\u{200b}'..='\u{202e}').contains(&c) || ('\u{2060}'..='\u{206f}').contains(&c);
    name.chars().take(64).map(|c| if odd(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_counted_in_the_whole_body() {
        let table = [
            ("{\"a\": 1e400}", "number out of range", 1011),
            ("{\"a\": tru}", "expected ident", 1009),
            ("{\n\n\"a\": \"\\ud800\"}", "hex escape", 1015),
        ];
        for (text, words, place) in table {
            let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
            let message = syntax(1_000, text, &error).lines[0].message.clone();
            assert!(message.contains(words), "{message}");
            let near = message.split("byte ").nth(1).and_then(|t| t.split(':').next()).unwrap();
            assert!(near.parse::<i64>().unwrap().abs_diff(place) <= 2, "{message}, {place}");
        }
        let fault = utf8(10, b"\"ab\xff\"").unwrap_err();
        assert_eq!(fault.lines[0].message, "not UTF-8 at byte 13");
    }
}
