//! A scenario: what is sent, from where, to which carriers.

use mail_model::{CarrierName, Class, SourceName};

use crate::behaviour::Period;
use crate::words::Style;

/// One file: a world that a run can be played in.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file's name without its end; a word for tables and charts. Nothing may be decided by it.
    pub name: String,
    /// One sentence.
    pub title: String,
    /// What it plays, in as many words as needed.
    pub about: String,
    /// Seconds after which a run ends whether all is sent or not. 60–604,800.
    pub horizon_s: u64,
    /// Seconds since midnight at which the scenario begins, in the carriers' own time. Below 86,400.
    pub start_of_day_s: u64,
    /// Whether the sender has already sent a campaign here and remembers what it learned.
    pub learned: bool,
    /// How old that knowledge is, in days. 0–365.
    pub learned_age_days: f64,
    /// Engines that share the sources: source number `i` belongs to node `i % nodes`. 1 or 2.
    pub nodes: u32,
    /// Whether even a careful sender meets a ban here, so that bans are not held against it.
    pub bans_expected: bool,
    /// Whether the time to a share of all mails means anything here; false where a careful sender stops on its own.
    pub time_judged: bool,
    /// Groups of our sources, as written.
    pub groups: Vec<SourceGroup>,
    /// Every source, in the order of the groups. A source's place in this list is its number everywhere.
    pub sources: Vec<Source>,
    /// What is sent, in the order of `at_s`.
    pub waves: Vec<Wave>,
    /// The carriers. A carrier's place in this list is its number everywhere.
    pub carriers: Vec<CarrierWorld>,
}

/// Sources that are alike.
#[derive(Clone, Debug)]
pub struct SourceGroup {
    /// Beginning of the names of its sources.
    pub name: String,
    /// How many.
    pub count: u32,
    /// The network they stand in; any word, usually a CIDR. Carriers that count by network count by it.
    pub netblock: String,
    /// Factor on every hidden rate and count per source. 0.01–100.
    pub standing: f64,
    /// Days since the carriers first saw these sources. 0–3,650.
    pub days: f64,
    /// Day of our own warm-up, when these sources are still warmed up by us; 0 is its first day.
    pub warmup_day: Option<u32>,
}

/// One source address of ours.
#[derive(Clone, Debug)]
pub struct Source {
    /// `<group>-<n>`, from 1.
    pub name: SourceName,
    /// Place of its group in [`Scenario::groups`].
    pub group: usize,
    /// Its netblock's place in [`Scenario::netblocks`].
    pub netblock: usize,
}

/// Mails handed over at one moment.
#[derive(Clone, Debug)]
pub struct Wave {
    /// Seconds after the scenario's beginning.
    pub at_s: u64,
    /// Place of the carrier in [`Scenario::carriers`].
    pub carrier: usize,
    /// How many mails.
    pub mails: u64,
    /// How urgent.
    pub class: Class,
    /// Seconds after `at_s` when a mail is of no more use.
    pub not_after_s: Option<u64>,
    /// Share of its recipients who do not exist. 0–1.
    pub unknown_share: f64,
}

/// A carrier: what we believe about it, and what it really does.
#[derive(Clone, Debug)]
pub struct CarrierWorld {
    /// Its name in lanes and reports; a built-in profile's name makes that profile what we believe.
    pub name: CarrierName,
    /// Domain of its recipients.
    pub domain: String,
    /// How it words its replies.
    pub style: Style,
    /// Keys of engine-config's `[carriers.<name>]`: what we believe about it. Not checked here.
    pub profile: toml::Table,
    /// What it does, from when on. The first begins at 0; the order is that of `from_s`.
    pub periods: Vec<Period>,
}

impl Scenario {
    /// All mails of all waves.
    pub fn mails(&self) -> u64 {
        self.waves.iter().map(|wave| wave.mails).sum()
    }

    /// The netblocks' names, each once, in the order in which the groups name them.
    pub fn netblocks(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for group in &self.groups {
            if !names.contains(&group.netblock.as_str()) {
                names.push(&group.netblock);
            }
        }
        names
    }

    /// The group of a source.
    ///
    /// # Panics
    /// When there is no such source.
    pub fn group_of(&self, source: usize) -> &SourceGroup {
        &self.groups[self.sources[source].group]
    }

    /// Whether the recipient of mail `number` (from 0) of wave `wave` does not exist. The same seed gives the same
    /// people; they are spread evenly by chance.
    ///
    /// # Panics
    /// When there is no such wave.
    pub fn is_unknown(&self, wave: usize, number: u64, seed: u64) -> bool {
        let share = self.waves[wave].unknown_share;
        let mut chance = clock::Chance::seeded(seed ^ ((wave as u64 + 1) << 48) ^ number.wrapping_mul(0x9e37_79b9));
        share > 0.0 && crate::draw::unit(&mut chance) < share
    }
}

impl CarrierWorld {
    /// What it does at a moment of the scenario, in whole seconds.
    ///
    /// # Panics
    /// When the carrier was made by hand without a period.
    pub fn period_at(&self, now_s: u64) -> &Period {
        let begun = self.periods.partition_point(|period| period.from_s <= now_s);
        &self.periods[begun.saturating_sub(1)]
    }
}
