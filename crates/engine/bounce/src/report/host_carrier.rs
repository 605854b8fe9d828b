//! Whose host or domain a report speaks of, for the carriers that have rules of their own.

use mail_model::CarrierName;

/// Domains, and the carrier whose words are spoken there; a host belongs to the longest one it ends in. The lists of
/// the carrier profiles name more domains; here stand those whose words differ.
const DOMAINS: &[(&str, &str)] = &[
    ("docomo.ne.jp", "docomo"),
    ("ezweb.ne.jp", "au"),
    ("au.com", "au"),
    ("uqmobile.jp", "au"),
    ("softbank.ne.jp", "softbank"),
    ("vodafone.ne.jp", "softbank"),
    ("disney.ne.jp", "softbank"),
    ("i.softbank.jp", "softbank"),
    ("mailsv.softbank.jp", "softbank"),
    ("y-mobile.ne.jp", "ymobile"),
    ("ymobile.ne.jp", "ymobile"),
    ("emnet.ne.jp", "ymobile"),
    ("pdx.ne.jp", "ymobile"),
    ("willcom.com", "ymobile"),
    ("wcm.ne.jp", "ymobile"),
    ("rakumail.jp", "rakuten"),
    ("rmb-ss.jp", "rakuten"),
    ("yahoo.co.jp", "yahoo_jp"),
    ("ybb.ne.jp", "yahoo_jp"),
    ("gmail.com", "google"),
    ("googlemail.com", "google"),
    ("google.com", "google"),
    ("icloud.com", "apple"),
    ("me.com", "apple"),
    ("mac.com", "apple"),
    ("me.com.akadns.net", "apple"),
    ("outlook.com", "microsoft"),
    ("outlook.jp", "microsoft"),
    ("hotmail.com", "microsoft"),
    ("hotmail.co.jp", "microsoft"),
    ("live.com", "microsoft"),
    ("live.jp", "microsoft"),
    ("msn.com", "microsoft"),
    ("mx.microsoft", "microsoft"),
    ("yahoo.com", "yahoo_inc"),
    ("yahoodns.net", "yahoo_inc"),
    ("ymail.com", "yahoo_inc"),
    ("aol.com", "yahoo_inc"),
];

/// The carrier of a host or, where that is nobody's, of a recipient's domain: a domain may be hosted by a carrier.
pub(crate) fn carrier(host: Option<&str>, domain: Option<&str>) -> Option<CarrierName> {
    host.and_then(of).or_else(|| domain.and_then(of)).and_then(|name| CarrierName::new(name).ok())
}

fn of(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let ends_in =
        |domain: &str| name.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'));
    let fitting = DOMAINS.iter().filter(|(domain, _)| ends_in(domain));
    fitting.max_by_key(|(domain, _)| domain.len()).map(|(_, carrier)| *carrier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_goes_before_the_domain_and_names_end_at_dots() {
        let table = [
            (Some("mfsmax.docomo.ne.jp"), Some("x.example"), Some("docomo")),
            (Some("mx.example"), Some("ezweb.ne.jp"), Some("au")),
            (Some("ymx1.softbank.ne.jp"), None, Some("softbank")),
            (None, Some("d.vodafone.ne.jp"), Some("softbank")),
            (None, Some("notau.com"), None),
            (Some("mx2.me.com.akadns.net."), None, Some("apple")),
            (None, None, None),
        ];
        for (host, domain, wanted) in table {
            assert_eq!(
                carrier(host, domain).map(|name| name.as_str().to_owned()).as_deref(),
                wanted,
                "{host:?} {domain:?}"
            );
        }
    }
}
