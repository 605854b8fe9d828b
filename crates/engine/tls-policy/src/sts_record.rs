//! The TXT record that says whether there is a policy, and which (RFC 8461 3.1).

/// Longest id, RFC 8461 3.1.
const ID_BYTES_MAX: usize = 32;

/// The policy's id. `None` when no record announces a policy, when more than one does, or when the one is malformed:
/// all three mean that there is none.
pub(crate) fn policy_id(texts: &[String]) -> Option<&str> {
    let mut announcing = texts.iter().filter_map(|text| after_version(text));
    let (fields, None) = (announcing.next()?, announcing.next()) else { return None };
    fields.split(';').find_map(|field| {
        let (key, value) = field.split_once('=')?;
        let (key, id) = (key.trim_matches(WHITE), value.trim_matches(WHITE));
        let is_id = (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        (key == "id" && is_id).then_some(id)
    })
}

const WHITE: [char; 2] = [' ', '\t'];

/// What follows `v=STSv1;`.
fn after_version(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('v')?.trim_start_matches(WHITE).strip_prefix('=')?.trim_start_matches(WHITE);
    rest.strip_prefix("STSv1")?.trim_start_matches(WHITE).strip_prefix(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_well_formed_record_announces_a_policy() {
        let table: [(&[&str], Option<&str>); 11] = [
            (&["v=STSv1; id=20160831085700Z;"], Some("20160831085700Z")),
            (&["v=STSv1;id=a"], Some("a")),
            (&["v = STSv1 ; extra=x; id = 7 ;"], Some("7")),
            (&["v=spf1 -all", "v=STSv1; id=1"], Some("1")),
            (&["v=STSv1; id=1", "v=STSv1; id=2"], None),
            (&["v=STSv1; id=1", "v=STSv1; id=1"], None),
            (&["v=STSv2; id=1"], None),
            (&["v=STSv1"], None),
            (&["v=STSv1; id=with-dash"], None),
            (&["v=STSv1; id=123456789012345678901234567890123"], None),
            (&[], None),
        ];
        for (texts, id) in table {
            let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
            assert_eq!(policy_id(&texts), id, "{texts:?}");
        }
    }
}
