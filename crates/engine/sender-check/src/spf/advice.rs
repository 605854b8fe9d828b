//! The SPF record that ought to stand there, made of the one that does.

use std::net::IpAddr;

/// A record that names these addresses and nobody else. Without addresses a word stands where they belong.
pub(crate) fn fresh(addresses: &[IpAddr]) -> String {
    let terms = if addresses.is_empty() { "ip4:ADDRESS".to_owned() } else { terms_of(addresses) };
    format!("v=spf1 {terms} -all")
}

/// The record with these addresses added before its end.
pub(crate) fn with_addresses(record: &str, addresses: &[IpAddr]) -> String {
    let (kept, end) = parted(record);
    [kept, vec![terms_of(addresses)], end].concat().join(" ")
}

/// The record with `-all` for its end.
pub(crate) fn closed(record: &str) -> String {
    let (kept, _) = parted(record);
    [kept, vec!["-all".to_owned()]].concat().join(" ")
}

/// One record of several: every term once, in order, then the end.
pub(crate) fn merged(records: &[String]) -> String {
    let mut all: Vec<String> = vec!["v=spf1".to_owned()];
    for record in records {
        for term in parted(record).0.into_iter().skip(1) {
            if !all.contains(&term) {
                all.push(term);
            }
        }
    }
    all.push("-all".to_owned());
    all.join(" ")
}

/// The record without the terms for which this holds. Addresses that no other term names by itself are added: nobody
/// may be cut off by following advice.
pub(crate) fn without(record: &str, addresses: &[IpAddr], unwanted: impl Fn(&str) -> bool) -> String {
    let terms: Vec<&str> = record.split_ascii_whitespace().filter(|term| !unwanted(term)).collect();
    let named = |address: &&IpAddr| !terms.contains(&term_of(address).as_str());
    let unnamed: Vec<IpAddr> = addresses.iter().filter(named).copied().collect();
    let kept = terms.join(" ");
    if unnamed.is_empty() { kept } else { with_addresses(&kept, &unnamed) }
}

fn term_of(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("ip4:{v4}"),
        IpAddr::V6(v6) => format!("ip6:{v6}"),
    }
}

fn terms_of(addresses: &[IpAddr]) -> String {
    addresses.iter().map(term_of).collect::<Vec<_>>().join(" ")
}

/// What is compared with the client, and what decides when nothing matches (`all`, `redirect=`, `exp=`).
fn parted(record: &str) -> (Vec<String>, Vec<String>) {
    let is_end = |term: &str| {
        let term = term.to_ascii_lowercase();
        let bare = term.trim_start_matches(['+', '-', '~', '?']);
        bare == "all" || term.starts_with("redirect=") || term.starts_with("exp=")
    };
    record.split_ascii_whitespace().map(str::to_owned).partition(|term| !is_end(term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_mended_and_not_replaced() {
        let added: Vec<IpAddr> = vec!["192.0.2.26".parse().unwrap(), "2001:db8::26".parse().unwrap()];
        assert_eq!(
            with_addresses("v=spf1 include:_spf.a.jp  ~all", &added),
            "v=spf1 include:_spf.a.jp ip4:192.0.2.26 ip6:2001:db8::26 ~all"
        );
        assert_eq!(with_addresses("v=spf1 redirect=b.jp", &added[..1]), "v=spf1 ip4:192.0.2.26 redirect=b.jp");
        assert_eq!(closed("v=spf1 mx ?all"), "v=spf1 mx -all");
        let two = ["v=spf1 mx -all".to_owned(), "v=spf1 mx include:b.jp ~all".to_owned()];
        assert_eq!(merged(&two), "v=spf1 mx include:b.jp -all");
        assert_eq!(fresh(&added), "v=spf1 ip4:192.0.2.26 ip6:2001:db8::26 -all");
        let is_ptr = |term: &str| term == "ptr";
        assert_eq!(without("v=spf1 ptr mx -all", &[], is_ptr), "v=spf1 mx -all");
        assert_eq!(without("v=spf1 ip4:192.0.2.26 ptr -all", &added[..1], is_ptr), "v=spf1 ip4:192.0.2.26 -all");
        assert_eq!(without("v=spf1 ptr -all", &added[..1], is_ptr), "v=spf1 ip4:192.0.2.26 -all");
    }
}
