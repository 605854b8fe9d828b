//! What stands in a canary in place of a family's values: of the same length, and nobody's. Pure.

use compose::StoredRecipient;
use serde_json::{Map, Value};

/// The same values with nothing in them, so that a canary is as long as the mails beside it and tells nobody's name,
/// class or link. The host of a link stays: carriers judge links, and a canary must be judged like the rest.
pub(crate) fn harmless(name: Option<&str>, substitutions: &Map<String, Value>) -> StoredRecipient {
    StoredRecipient { name: name.map(text), substitutions: object(substitutions) }
}

fn object(values: &Map<String, Value>) -> Map<String, Value> {
    values.iter().map(|(key, value)| (key.clone(), masked(value))).collect()
}

fn masked(value: &Value) -> Value {
    match value {
        // Whether something is shown often hangs on these, and they tell nobody apart.
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(_) => Value::from(0),
        Value::String(written) => Value::String(text(written)),
        Value::Array(items) => Value::Array(items.iter().map(masked).collect()),
        Value::Object(fields) => Value::Object(object(fields)),
    }
}

fn text(written: &str) -> String {
    let kept = host_end(written);
    let (head, tail) = written.split_at_checked(kept).unwrap_or(("", written));
    head.chars().chain(tail.chars().map(sign)).collect()
}

/// Where the host of a link ends; 0 for what is no link.
fn host_end(written: &str) -> usize {
    let Some(begin) = ["https://", "http://"].iter().find(|scheme| written.starts_with(**scheme)).map(|s| s.len())
    else {
        return 0;
    };
    let rest = written.get(begin..).unwrap_or_default();
    // What stands before an @ is no host but somebody's name.
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') { begin } else { begin + host.len() }
}

fn sign(written: char) -> char {
    match written {
        '0'..='9' => '0',
        'a'..='z' | 'A'..='Z' => 'x',
        other if other.is_ascii() => other,
        // As long in UTF-8 as nearly all that is written in Japanese.
        _ => '〇',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_of_a_family_is_left_and_the_length_stays() {
        let table = [
            (json!("山田 花子"), json!("〇〇 〇〇")),
            (json!("3-B, Room 12"), json!("0-x, xxxx 00")),
            (json!("https://s.example.jp/p/Ab9?k=é"), json!("https://s.example.jp/x/xx0?x=〇")),
            (json!("https://taro@s.example.jp/"), json!("https://xxxx@x.xxxxxxx.xx/")),
            (json!(""), json!("")),
            (json!(-17.5), json!(0)),
            (json!(true), json!(true)),
            (json!(null), json!(null)),
            (json!([{"child": "太郎"}, 4]), json!([{"child": "〇〇"}, 0])),
        ];
        for (written, expected) in table {
            let given = Map::from_iter([("value".to_owned(), written.clone())]);
            assert_eq!(harmless(None, &given).substitutions["value"], expected, "{written}");
        }
        let masked = harmless(Some("山田 太郎"), &Map::new());
        assert_eq!(masked.name.as_deref(), Some("〇〇 〇〇"));
    }
}
