//! What DNS says, without the DNS library's types.

/// What DNS says of one name and type. Times to live are seconds; none where the answer names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records<T> {
    /// At least one record.
    Found {
        /// The records, in no particular order.
        records: Vec<T>,
        /// For how long they may be believed: the shortest of the answer, CNAMEs on the way included.
        ttl_s: u32,
    },
    /// The name exists without such records.
    NoData {
        /// For how long that may be believed.
        ttl_s: Option<u32>,
    },
    /// The name does not exist.
    NoName {
        /// For how long that may be believed.
        ttl_s: Option<u32>,
    },
    /// No answer, or one that says nothing (SERVFAIL, REFUSED, time-out, a forged answer …).
    Failed,
}

impl<T> Records<T> {
    /// The records; empty when there are none or the question failed.
    pub fn found(&self) -> &[T] {
        match self {
            Self::Found { records, .. } => records,
            Self::NoData { .. } | Self::NoName { .. } | Self::Failed => &[],
        }
    }

    /// For how long the answer may be believed, where it says so.
    pub fn ttl_s(&self) -> Option<u32> {
        match self {
            Self::Found { ttl_s, .. } => Some(*ttl_s),
            Self::NoData { ttl_s } | Self::NoName { ttl_s } => *ttl_s,
            Self::Failed => None,
        }
    }

    /// Joins the answers for two types of one name. What is found counts even if the other question failed.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Found { mut records, ttl_s }, Self::Found { records: more, ttl_s: other }) => {
                records.extend(more);
                Self::Found { records, ttl_s: ttl_s.min(other) }
            }
            (found @ Self::Found { .. }, _) | (_, found @ Self::Found { .. }) => found,
            (Self::Failed, _) | (_, Self::Failed) => Self::Failed,
            (no_data @ Self::NoData { .. }, _) | (_, no_data @ Self::NoData { .. }) => no_data,
            (no_name, _) => no_name,
        }
    }
}

/// An MX record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mx {
    /// Lower goes first.
    pub preference: u16,
    /// In lower case without the final dot; empty for `.`, the null MX (RFC 7505).
    pub host: String,
}

/// A TLSA record, RFC 6698 2.1. The numbers are those of the record, known or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tlsa {
    /// 2 is DANE-TA, 3 is DANE-EE; mail uses no others (RFC 7672 3.1.3).
    pub usage: u8,
    /// 0 is the whole certificate, 1 its public key.
    pub selector: u8,
    /// 0 is the data itself, 1 its SHA-256, 2 its SHA-512.
    pub matching: u8,
    /// What the certificate or key must match.
    pub data: Vec<u8>,
}

/// What DNSSEC proves of an answer, RFC 4035 4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Signed, from a trust anchor down.
    Secure,
    /// Provably not signed: nothing is proved, and nothing should be.
    Insecure,
    /// It ought to be signed and is not, or wrongly: forged, or broken by its owner. The records are
    /// [`Records::Failed`].
    Bogus,
    /// The question failed, or no trust anchor covers the name.
    Unknown,
}

/// An answer with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured<T> {
    /// The answer.
    pub records: Records<T>,
    /// What is proved of it, of its absence, and of every CNAME on the way.
    pub proof: Proof,
    /// The name that has the records: other than the one asked for when a CNAME leads there. In lower case without the
    /// final dot.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_addresses_of_both_kinds_and_fails_only_when_none_is_found() {
        let found = |n: u8| Records::Found { records: vec![n], ttl_s: u32::from(n) };
        let (no_data, no_name) = (Records::NoData { ttl_s: None }, Records::NoName { ttl_s: None });
        let table = [
            (found(4), found(6), Records::Found { records: vec![4, 6], ttl_s: 4 }),
            (found(4), Records::Failed, found(4)),
            (no_data.clone(), found(6), found(6)),
            (no_data.clone(), Records::Failed, Records::Failed),
            (no_name.clone(), no_data.clone(), no_data.clone()),
            (no_name.clone(), no_name.clone(), no_name.clone()),
        ];
        for (v4, v6, expected) in table {
            assert_eq!(v4.clone().and(v6.clone()), expected, "{v4:?} {v6:?}");
        }
    }
}
