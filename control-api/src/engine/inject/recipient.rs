//! One element of `recipients`.

use mail_model::EmailAddress;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::inject::place;
use crate::http::fault::{Fault, Faults};

/// Longest display name in characters; the same as `compose` allows.
pub const NAME_CHARS_MAX: usize = compose::limits::NAME_CHARS_MAX;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    email: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    substitutions: Option<Map<String, Value>>,
    // KumoMTA's clients send it for their logs; nothing here reads it.
    #[serde(default, rename = "metadata")]
    _metadata: Option<Map<String, Value>>,
}

/// A recipient that may be queued.
#[derive(Debug)]
pub struct Recipient {
    /// Where to.
    pub email: EmailAddress,
    /// Display name.
    pub name: Option<String>,
    /// Its own substitutions.
    pub substitutions: Map<String, Value>,
}

/// Reads one element. Text that is no JSON is a 400; a wrong value is added to `faults` under `recipients[index]`.
pub fn read(index: u64, at: u64, text: &[u8], faults: &mut Faults) -> Result<Option<Recipient>, Fault> {
    let text = place::utf8(at, text)?;
    let written: Written = match serde_json::from_str(text) {
        Ok(written) => written,
        Err(error) if error.is_data() => {
            let (below, message) = wrong(text, &error);
            faults.add(format!("recipients[{index}]{below}"), message);
            return Ok(None);
        }
        Err(error) => return Err(place::syntax(at, text, &error)),
    };
    let email: EmailAddress = match written.email.parse() {
        Ok(email) => email,
        Err(error) => {
            let error: mail_model::AddressError = error;
            faults.add(format!("recipients[{index}].email"), error.to_string());
            return Ok(None);
        }
    };
    let name = written.name.filter(|name| !name.is_empty());
    if name.as_ref().is_some_and(|name| name.chars().count() > NAME_CHARS_MAX) {
        faults.add(format!("recipients[{index}].name"), format!("at most {NAME_CHARS_MAX} characters"));
        return Ok(None);
    }
    Ok(Some(Recipient { email, name, substitutions: written.substitutions.unwrap_or_default() }))
}

/// Which field of the element is wrong. Only asked once reading it whole has failed, so it may take its time.
fn wrong(text: &str, error: &serde_json::Error) -> (String, String) {
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(text) else {
        return (String::new(), "give an object like {\"email\": \"taro@example.jp\"}".to_owned());
    };
    for (name, value) in &fields {
        let (fits, needed) = match name.as_str() {
            "email" => (value.is_string(), "must be a string"),
            "name" => (value.is_string() || value.is_null(), "must be a string"),
            "substitutions" | "metadata" => (value.is_object() || value.is_null(), "must be an object"),
            _ => (false, "unknown field; known are email, name, substitutions and metadata"),
        };
        if !fits {
            return (format!(".{}", place::shown(name)), needed.to_owned());
        }
    }
    if !fields.contains_key("email") {
        return (".email".to_owned(), "required".to_owned());
    }
    let (message, field) = crate::http::body::explain(&error.to_string());
    (field.map_or(String::new(), |field| format!(".{field}")), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_element_names_its_field() {
        let table = [
            (r#"{"email":"taro@docomo.ne.jp"}"#, None),
            (r#"{"email":"a..b@docomo.ne.jp","name":null,"substitutions":null,"metadata":{"a":1}}"#, None),
            (r#"{"email":"taro"}"#, Some("recipients[7].email: the address needs a name, '@' and a domain")),
            (r#"{"email":7}"#, Some("recipients[7].email: must be a string")),
            (r#"{"name":"太郎"}"#, Some("recipients[7].email: required")),
            (r#"{"email":"a@b.jp","name":["x"]}"#, Some("recipients[7].name: must be a string")),
            (r#"{"email":"a@b.jp","substitutions":[]}"#, Some("recipients[7].substitutions: must be an object")),
            (r#"{"email":"a@b.jp","metadata":1}"#, Some("recipients[7].metadata: must be an object")),
            (
                r#"{"email":"a@b.jp","mail":1}"#,
                Some("recipients[7].mail: unknown field; known are email, name, substitutions and metadata"),
            ),
            (r#"{"email":"a@b.jp","email":"c@d.jp"}"#, Some("recipients[7].email: duplicate field `email`")),
            (r#""a@b.jp""#, Some("recipients[7]: give an object like {\"email\": \"taro@example.jp\"}")),
            (
                r#"{"email":"a\u0000@b.jp"}"#,
                Some("recipients[7].email: the part before '@' holds a character that mail addresses cannot have"),
            ),
            (
                r#"{"email":"a\u200b@b.jp"}"#,
                Some("recipients[7].email: the part before '@' holds a character that mail addresses cannot have"),
            ),
        ];
        for (text, expected) in table {
            let mut faults = Faults::default();
            let read = read(7, 0, text.as_bytes(), &mut faults).unwrap();
            assert_eq!(read.is_some(), expected.is_none(), "{text}");
            let said = faults.into_result().err().map(|fault| {
                let line = fault.lines[0].clone();
                format!("{}: {}", line.field.unwrap(), line.message)
            });
            assert_eq!(said.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_domain_beyond_255_bytes_and_a_long_name_are_refused() {
        let domain = format!("a@{}jp", format!("{}.", "b".repeat(60)).repeat(5));
        let table = [
            (format!(r#"{{"email":"{domain}"}}"#), "recipients[0].email"),
            (format!(r#"{{"email":"a@b.jp","name":"{}"}}"#, "長".repeat(NAME_CHARS_MAX + 1)), "recipients[0].name"),
        ];
        for (text, field) in table {
            let mut faults = Faults::default();
            assert!(read(0, 0, text.as_bytes(), &mut faults).unwrap().is_none());
            assert!(faults.names(field));
        }
    }
}
