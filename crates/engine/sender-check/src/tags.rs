//! Lists of tags (`v=DKIM1; k=rsa; p=…`, RFC 6376 3.2), which DKIM, DMARC, MTA-STS and TLS-RPT share.

/// A list of tags in its order. Names are in lower case; spaces around names and values are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tags(Vec<(String, String)>);

impl Tags {
    /// Reads a record.
    ///
    /// # Errors
    /// The part that is no `name=value`, or whose name stands there twice.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| part.to_owned())?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name || tags.iter().any(|(known, _)| *known == name) {
                return Err(part.to_owned());
            }
            tags.push((name, value));
        }
        Ok(Self(tags))
    }

    /// The value of a tag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the first tag is `v=` with this value, as every version tag must be.
    pub fn begins_with_version(&self, version: &str) -> bool {
        self.0.first().is_some_and(|(name, value)| name == "v" && value == version)
    }

    /// The items of a tag's list.
    pub fn items<'a>(&'a self, name: &str, separator: char) -> impl Iterator<Item = &'a str> {
        self.get(name).unwrap_or_default().split(separator).map(str::trim).filter(|item| !item.is_empty())
    }
}

/// Whether a text claims to be a record of this version, well formed or not.
pub(crate) fn claims_version(text: &str, version: &str) -> bool {
    let first = text.split(';').next().unwrap_or_default();
    let value = first.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("v"));
    value.is_some_and(|(_, value)| value.trim().eq_ignore_ascii_case(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_and_a_broken_part_is_named() {
        let tags = Tags::parse(" v=DMARC1 ; P = none; rua=mailto:a@b.jp , mailto:c@d.jp;").unwrap();
        assert!(tags.begins_with_version("DMARC1"));
        assert_eq!(tags.get("p"), Some("none"));
        assert_eq!(tags.items("rua", ',').collect::<Vec<_>>(), ["mailto:a@b.jp", "mailto:c@d.jp"]);
        for (text, part) in [("v=DMARC1; p", "p"), ("v=a; v=b", "v=b"), ("v=a; =x", "=x"), ("v=a p=none; ü=1", "ü=1")]
        {
            assert_eq!(Tags::parse(text), Err(part.to_owned()), "{text}");
        }
        assert!(claims_version("V = dmarc1; p", "DMARC1"));
        assert!(!claims_version("v=spf1 -all", "DMARC1"));
    }
}
