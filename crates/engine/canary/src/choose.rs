//! Which mailboxes take part in a campaign. Pure.

use std::collections::BTreeSet;

use engine_config::{CanariesConfig, CanaryMailbox};
use mail_model::{CarrierName, Class, Lane, UnixMs};

/// What a campaign is like, as far as it matters here.
pub(crate) struct Campaign<'a> {
    /// The lanes it has recipients in.
    pub(crate) lanes: &'a [Lane],
    /// How many recipients.
    pub(crate) recipients: u32,
    /// How urgent it is.
    pub(crate) class: Class,
    /// From when on it is sent.
    pub(crate) from: UnixMs,
}

/// The mailboxes that take part: those at carriers that the campaign goes to, and which rest long enough before and after
/// it. `nearest` tells when a mailbox takes part in whatever is nearest to that time; it may be later.
pub(crate) fn mailboxes<'c>(
    config: &'c CanariesConfig,
    campaign: &Campaign<'_>,
    nearest: impl Fn(&CanaryMailbox) -> Option<UnixMs>,
) -> Vec<&'c CanaryMailbox> {
    if !config.enabled || campaign.recipients < config.recipients_min {
        return Vec::new();
    }
    let carriers: BTreeSet<&CarrierName> = campaign.lanes.iter().map(|lane| &lane.carrier).collect();
    let rest_ms = config.mailbox_rest_s.saturating_mul(1_000);
    // An emergency that is not watched because of the lunch menu before it would be the wrong thing to save.
    let rests = |mailbox: &CanaryMailbox| {
        let between = |other: UnixMs| other.0.abs_diff(campaign.from.0);
        campaign.class == Class::Emergency || nearest(mailbox).is_none_or(|other| between(other) >= rest_ms)
    };
    let takes_part = |mailbox: &&CanaryMailbox| carriers.contains(&mailbox.carrier) && rests(mailbox);
    config.mailboxes.iter().filter(takes_part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine_config::EngineConfig;

    fn config(more: &str) -> CanariesConfig {
        let mailbox = |name: &str, carrier: &str, address: &str| {
            format!(
                "[[canary_mailboxes]]\nname = \"{name}\"\ncarrier = \"{carrier}\"\naddress = \"{address}\"\n\
                 arrives_by = \"webhook\"\n"
            )
        };
        let text = format!(
            "[engine]\nnode_name = \"a.example.jp\"\n[canaries]\n{more}\n{}{}{}{}",
            mailbox("docomo-1", "docomo", "c1@docomo.ne.jp"),
            mailbox("docomo-2", "docomo", "c2@docomo.ne.jp"),
            mailbox("au-1", "au", "c@au.com"),
            mailbox("other-1", "other", "c@school.example.jp"),
        );
        EngineConfig::from_toml(&text, "a.toml").unwrap_or_else(|faults| panic!("{faults}")).edges.canaries
    }

    fn lane(carrier: &str) -> Lane {
        let (carrier, site, pool) = (carrier.parse().unwrap(), "x.jp".parse().unwrap(), "wide".parse().unwrap());
        Lane { carrier, site, pool, class: Class::Normal }
    }

    #[test]
    fn those_at_the_campaigns_carriers_take_part_when_it_is_large_and_they_have_rested() {
        let all = ["docomo-1", "docomo-2", "au-1"];
        // (settings, recipients, class, when docomo-1 takes part otherwise in minutes, who takes part)
        let table: [(&str, u32, Class, Option<u64>, &[&str]); 10] = [
            ("", 100, Class::Normal, None, &all),
            ("", 99, Class::Normal, None, &[]),
            ("recipients_min = 1", 1, Class::Normal, None, &all),
            ("enabled = false", 5_000, Class::Emergency, None, &[]),
            ("", 100, Class::Normal, Some(71), &all[1..]),
            ("", 100, Class::Normal, Some(70), &all),
            ("", 100, Class::Normal, Some(129), &all[1..]),
            ("", 100, Class::Normal, Some(1_440), &all),
            ("", 100, Class::Emergency, Some(99), &all),
            ("mailbox_rest_s = 0", 100, Class::Normal, Some(100), &all),
        ];
        for (settings, recipients, class, at_min, expected) in table {
            let (config, lanes) = (config(settings), [lane("docomo"), lane("au"), lane("google")]);
            let campaign = Campaign { lanes: &lanes, recipients, class, from: UnixMs(100 * 60_000) };
            let nearest = |mailbox: &CanaryMailbox| {
                let first = mailbox.name.as_str() == "docomo-1";
                at_min.filter(|_| first).map(|minutes| UnixMs(minutes * 60_000))
            };
            let chosen = mailboxes(&config, &campaign, nearest);
            let names: Vec<&str> = chosen.iter().map(|mailbox| mailbox.name.as_str()).collect();
            assert_eq!(names, expected, "{settings} {recipients} {class:?} {at_min:?}");
        }
    }
}
