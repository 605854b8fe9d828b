//! What a caller hands in: KumoMTA's `content` object, as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// How marks such as `{{ name }}` are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dialect {
    /// Jinja marks are filled in per recipient.
    #[default]
    Jinja,
    /// Nothing is filled in; braces are text.
    Static,
}

/// The content of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ContentSpec {
    /// A whole mail in the form of RFC 5322, marks allowed in header values and body.
    Raw(String),
    /// The parts of a mail; the engine makes the MIME form.
    Built(Box<BuiltSpec>),
}

/// The parts of a mail. Marks are allowed in `from`, `subject`, `reply_to`, the values of `headers` and the bodies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltSpec {
    /// Who it is from; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Sender>,
    /// The subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Where answers go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Sender>,
    /// Further header fields, for instance `List-Unsubscribe`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_body: Option<String>,
    /// The same as HTML; values filled in are HTML-escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html_body: Option<String>,
    /// Files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// `"School <school@example.jp>"` or `{"name": "School", "email": "school@example.jp"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Sender {
    /// As in a header.
    Text(String),
    /// In two parts; the safer form when the name is filled in.
    Parts(SenderParts),
}

/// A sender in two parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderParts {
    /// The address.
    pub email: String,
    /// What the phone shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A file that goes with the mail, the same for every recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The file: Base64 when `base64` is true, else text.
    pub data: String,
    /// For instance `application/pdf`.
    pub content_type: String,
    /// What the phone shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Makes it a picture inside `html_body`, which names it as `cid:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
    /// Whether `data` is Base64.
    #[serde(default)]
    pub base64: bool,
}

// serde's own untagged enums answer "did not match any variant"; reading by hand keeps "unknown field `htlm_body`".
struct StringOrMap<T, M>(&'static str, fn(String) -> T, fn(M) -> T, PhantomData<M>);

impl<'de, T, M: Deserialize<'de>> Visitor<'de> for StringOrMap<T, M> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Ok((self.1)(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<T, E> {
        Ok((self.1)(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        M::deserialize(MapAccessDeserializer::new(map)).map(self.2)
    }
}

impl<'de> Deserialize<'de> for ContentSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a mail as a string, or an object with from, subject, text_body …";
        let built = |spec: BuiltSpec| Self::Built(Box::new(spec));
        deserializer.deserialize_any(StringOrMap(expected, Self::Raw, built, PhantomData))
    }
}

impl<'de> Deserialize<'de> for Sender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "\"Name <name@example.jp>\" or {\"email\": …, \"name\": …}";
        deserializer.deserialize_any(StringOrMap(expected, Self::Text, Self::Parts, PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kumomta_requests_are_read_and_a_misspelt_field_is_named() {
        let table = [
            (r#""From: a@b.jp\n\nhi""#, None),
            (r#"{"from":{"email":"a@b.jp","name":"学校"},"text_body":"hi"}"#, None),
            (r#"{"from":"学校 <a@b.jp>","html_body":"<p>","attachments":[{"data":"","content_type":"a/b"}]}"#, None),
            (r#"{"from":"a@b.jp","htlm_body":"<p>"}"#, Some("unknown field `htlm_body`")),
            (r#"{"from":{"mail":"a@b.jp"}}"#, Some("unknown field `mail`")),
            ("7", Some("a mail as a string, or an object")),
        ];
        for (json, fault) in table {
            match (serde_json::from_str::<ContentSpec>(json), fault) {
                (Ok(spec), None) => {
                    let again = serde_json::to_string(&spec).unwrap();
                    assert_eq!(serde_json::from_str::<ContentSpec>(&again).unwrap(), spec);
                }
                (Err(error), Some(words)) => assert!(error.to_string().contains(words), "{error}"),
                (result, _) => panic!("{json}: {result:?}"),
            }
        }
    }
}
