//! Whose a domain or a mail host is.

use std::collections::HashMap;
use std::hash::Hasher;

use engine_config::{CarrierProfile, CarriersConfig};
use mail_model::{CarrierName, SiteName};

/// The carriers and what they are known by. Names are compared as they come: lower case, without the final dot.
#[derive(Debug)]
pub struct Directory {
    carriers: CarriersConfig,
    domains: Names,
    hosts: Names,
}

/// Whole names, and ends of names with their leading dot.
#[derive(Debug, Default)]
struct Names {
    whole: HashMap<Box<str>, CarrierName>,
    ends: HashMap<Box<str>, CarrierName>,
}

impl Names {
    /// The whole name first, then its ends from the longest to the shortest.
    fn owner(&self, name: &str) -> Option<&CarrierName> {
        self.whole.get(name).or_else(|| {
            let mut dots = name.match_indices('.').map(|(at, _)| at);
            dots.find_map(|at| self.ends.get(name.get(at..)?))
        })
    }
}

impl Directory {
    /// Takes the profiles of a configuration, in which every name has one owner.
    pub fn new(carriers: CarriersConfig) -> Self {
        let (mut domains, mut hosts) = (Names::default(), Names::default());
        for profile in carriers.profiles.values() {
            let owned = |text: &str| (Box::<str>::from(text), profile.name.clone());
            domains.whole.extend(profile.domains.iter().map(|domain| owned(domain.as_str())));
            domains.ends.extend(profile.domain_suffixes.iter().map(|end| owned(end.as_str())));
            hosts.whole.extend(profile.mx_hosts.iter().map(|host| owned(host.as_str())));
            hosts.ends.extend(profile.mx_suffixes.iter().map(|end| owned(end.as_str())));
        }
        Self { carriers, domains, hosts }
    }

    /// The carrier of a recipient's domain: by the whole domain, else by its longest known end.
    pub fn by_domain(&self, domain: &str) -> Option<&CarrierName> {
        self.domains.owner(domain)
    }

    /// The carrier of a mail host: by its whole name, else by its longest known end.
    pub fn by_mx(&self, mx_host: &str) -> Option<&CarrierName> {
        self.hosts.owner(mx_host)
    }

    /// A carrier's profile; that of `other` for a name that has none.
    pub fn profile(&self, name: &CarrierName) -> &CarrierProfile {
        self.carriers.profile(name)
    }

    /// The profile of a domain's carrier, without asking DNS.
    pub fn profile_of_domain(&self, domain: &str) -> &CarrierProfile {
        self.by_domain(domain).map_or(&self.carriers.other, |name| self.carriers.profile(name))
    }

    /// Every profile, `other` last.
    pub fn profiles(&self) -> impl Iterator<Item = &CarrierProfile> {
        self.carriers.iter()
    }

    /// Which lane a domain's mail waits in, without asking DNS: the carrier's, where a profile knows the domain, else
    /// `other`; in either case the domain's own, since the domains of one carrier can have different hosts.
    ///
    /// The site is a key and not always the domain: where a domain is too long for a name, the site is a hash of it and
    /// its end. Resolve the recipient's own domain.
    pub fn lane_site(&self, domain: &str) -> (CarrierName, SiteName) {
        (self.by_domain(domain).cloned().unwrap_or_else(CarrierName::other), site(domain))
    }
}

fn site(domain: &str) -> SiteName {
    SiteName::new(domain).unwrap_or_else(|_| {
        // Two long domains must not meet in one lane: mail for one would go to the hosts of the other.
        let end = domain.get(domain.len().saturating_sub(40)..).unwrap_or_default();
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        hash.write(domain.as_bytes());
        SiteName::new(&format!("long:{:016x}:{end}", hash.finish())).unwrap_or_else(|_| SiteName::none())
    })
}

/// FNV-1a: sites are stored, so that the hash must be the same in every release; the standard library's need not be.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine_config::EngineConfig;

    fn directory() -> Directory {
        let text = "[engine]\nnode_name = \"mail.example.jp\"\n\
            [carriers.ours]\ndomain_suffixes = [\".special.ezweb.ne.jp\"]\n";
        Directory::new(EngineConfig::from_toml(text, "test.toml").unwrap().carriers)
    }

    #[test]
    fn a_domain_is_known_whole_or_by_its_longest_end() {
        let directory = directory();
        let table = [
            ("docomo.ne.jp", Some("docomo")),
            ("mopera.net", Some("mopera")),
            ("ezweb.ne.jp", Some("au")),
            ("ab.ezweb.ne.jp", Some("au")),
            ("x.special.ezweb.ne.jp", Some("ours")),
            ("special.ezweb.ne.jp", Some("au")),
            ("i.softbank.jp", Some("softbank_i")),
            ("z.vodafone.ne.jp", Some("softbank")),
            ("notdocomo.ne.jp", None),
            ("ne.jp", None),
            ("sub.docomo.ne.jp", None),
            ("", None),
        ];
        for (domain, carrier) in table {
            assert_eq!(directory.by_domain(domain).map(CarrierName::as_str), carrier, "{domain}");
        }
    }

    #[test]
    fn a_mail_host_tells_whose_a_domain_is() {
        let directory = directory();
        let table = [
            ("mfsmax.docomo.ne.jp", Some("docomo")),
            ("aspmx.l.google.com", Some("google")),
            ("example-jp.mail.protection.outlook.com", Some("microsoft365")),
            ("outlook-com.olc.protection.outlook.com", Some("microsoft")),
            ("mx.example.jp", None),
        ];
        for (host, carrier) in table {
            assert_eq!(directory.by_mx(host).map(CarrierName::as_str), carrier, "{host}");
        }
    }

    #[test]
    fn every_domain_waits_in_a_lane_of_its_own_however_long_its_name() {
        let directory = directory();
        let lane = |domain: &str| {
            let (carrier, site) = directory.lane_site(domain);
            (carrier.to_string(), site.to_string())
        };
        assert_eq!(lane("docomo.ne.jp"), ("docomo".to_owned(), "docomo.ne.jp".to_owned()));
        assert_eq!(lane("school.example.jp"), ("other".to_owned(), "school.example.jp".to_owned()));
        let long = |first: &str| format!("{first}.{}.{}.example.jp", "a".repeat(60), "b".repeat(60));
        let (one, two) = (lane(&long("one")), lane(&long("two")));
        assert_eq!(one.0, "other");
        assert_ne!(one.1, two.1);
        assert!(one.1.starts_with("long:") && one.1.ends_with("bbb.example.jp"), "{}", one.1);
        assert_eq!(directory.profile_of_domain("school.example.jp").name, CarrierName::other());
        assert_eq!(directory.profile_of_domain("au.com").name.as_str(), "au");
    }
}
