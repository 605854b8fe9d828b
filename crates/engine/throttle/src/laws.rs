//! Which laws are in force: all of them, all but one, or one of the two fixed ways of sending they are measured against.

/// One switch per law, so that what each of them buys can be measured. `Default` has all of them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laws {
    /// What moves the rate at all.
    pub rate: RateKind,
    /// Without a known ceiling a clean round multiplies the rate. Off: one step of the profile each minute.
    pub growth: bool,
    /// Only one path of a netblock at a time goes beyond what another one has proved. Off: each finds out for itself.
    pub scout: bool,
    /// The limit is computed from what was accepted between refusals. Off: a refusal halves, and nothing else is known.
    pub estimate: bool,
    /// A known ceiling is tried again after a while. Off: it stands for ever.
    pub probes: bool,
    /// Refusals of several sources of one netblock are the netblock's. Off: each source blames itself.
    pub netblock: bool,
    /// A refused further session is about the number of sessions. Off: it is about the host or the rate.
    pub sessions: bool,
    /// Sessions cut after the same number of mails are about that number. Off: each cut counts as trouble.
    pub session_mails: bool,
    /// Replies that become slow while the rate grew, and silence, hold the rate. Off: only words count.
    pub latency: bool,
    /// Refusals that come however slowly one sends are the carrier's own trouble. Off: each is a word on the rate.
    pub noise: bool,
    /// The share of unknown users is judged by a sequential test. Off: nobody counts.
    pub unknown: bool,
    /// A block is followed by a rest, one mail, and a slower beginning. Off: it is a refusal like any other.
    pub blocks: bool,
    /// Sources of one netblock are out of phase. Off: each keeps only its own spacing.
    pub phase: bool,
    /// What was learned before a restart counts. Off: every path begins with its start values.
    pub memory: bool,
}

/// What moves the rate of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateKind {
    /// It is found out by sending.
    Adaptive,
    /// Nothing: the start rate for ever, and the pause of the signal.
    Fixed,
    /// Nothing: the highest rate and all connections from the first mail on; a refusal or a block suspends the path for
    /// a time that is written down. What KumoMTA's shaping files do.
    StaticShaping,
}

const ALL: Laws = Laws {
    rate: RateKind::Adaptive,
    growth: true,
    scout: true,
    estimate: true,
    probes: true,
    netblock: true,
    sessions: true,
    session_mails: true,
    latency: true,
    noise: true,
    unknown: true,
    blocks: true,
    phase: true,
    memory: true,
};

const NONE: Laws = Laws {
    rate: RateKind::Fixed,
    growth: false,
    scout: false,
    estimate: false,
    probes: false,
    netblock: false,
    sessions: false,
    session_mails: false,
    latency: false,
    noise: false,
    unknown: false,
    blocks: true,
    phase: false,
    memory: false,
};

/// Every set that has a name: all laws, the two baselines, and all laws but one.
const NAMED: [(&str, Laws); 16] = [
    ("all", ALL),
    ("fixed", NONE),
    ("static-shaping", Laws { rate: RateKind::StaticShaping, ..NONE }),
    ("no-growth", Laws { growth: false, ..ALL }),
    ("no-scout", Laws { scout: false, ..ALL }),
    ("no-estimate", Laws { estimate: false, ..ALL }),
    ("no-probes", Laws { probes: false, ..ALL }),
    ("no-netblock", Laws { netblock: false, ..ALL }),
    ("no-sessions", Laws { sessions: false, ..ALL }),
    ("no-session-mails", Laws { session_mails: false, ..ALL }),
    ("no-latency", Laws { latency: false, ..ALL }),
    ("no-noise", Laws { noise: false, ..ALL }),
    ("no-unknown", Laws { unknown: false, ..ALL }),
    ("no-blocks", Laws { blocks: false, ..ALL }),
    ("no-phase", Laws { phase: false, ..ALL }),
    ("no-memory", Laws { memory: false, ..ALL }),
];

impl Default for Laws {
    fn default() -> Self {
        ALL
    }
}

impl Laws {
    /// The start rate and the start connections for ever: what is done where no limit is published and nobody looks.
    pub fn fixed() -> Self {
        NONE
    }

    /// Highest rate and connections of the profile from the first mail on, with written suspensions.
    pub fn static_shaping() -> Self {
        Self { rate: RateKind::StaticShaping, ..NONE }
    }

    /// The set with this name; one of [`Laws::names`].
    pub fn named(name: &str) -> Option<Self> {
        NAMED.iter().find(|(known, _)| *known == name).map(|(_, laws)| *laws)
    }

    /// The names of all sets, the complete one first, then the two baselines.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// Whether the rate is found out by sending.
    pub fn is_adaptive(self) -> bool {
        self.rate == RateKind::Adaptive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_gives_another_set_and_the_first_is_the_default() {
        let names: Vec<&str> = Laws::names().collect();
        assert_eq!(Laws::named(names[0]), Some(Laws::default()));
        assert_eq!(
            (Laws::named("fixed"), Laws::named("static-shaping")),
            (Some(Laws::fixed()), Some(Laws::static_shaping()))
        );
        for (index, name) in names.iter().enumerate() {
            for other in &names[..index] {
                assert_ne!(Laws::named(name), Laws::named(other), "{name} and {other}");
            }
        }
        assert_eq!(Laws::named("no such set"), None);
    }
}
