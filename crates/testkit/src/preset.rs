//! The ten carriers of the demonstration, each with its real words, as plans that may be changed before they start.

use mail_model::CarrierName;

use crate::behaviour::Behaviour;
use crate::limits::Limits;
use crate::plan::{CarrierPlan, WorldPlan};

/// The names of the presets, in the order of addresses 127.0.0.11 to 127.0.0.20.
pub const PRESETS: [&str; 10] =
    ["docomo", "au", "softbank", "rakuten", "google", "apple", "yahoo_jp", "microsoft", "jp_isp", "other"];

macro_rules! preset_text {
    ($wanted:expr, $($name:literal),+) => {
        match $wanted {
            $($name => Some(include_str!(concat!("../presets/", $name, ".toml"))),)+
            _ => None,
        }
    };
}

/// One preset by its name; `None` for a name that is not in [`PRESETS`].
pub fn preset(name: &str) -> Option<CarrierPlan> {
    let text = preset_text!(
        name,
        "docomo",
        "au",
        "softbank",
        "rakuten",
        "google",
        "apple",
        "yahoo_jp",
        "microsoft",
        "jp_isp",
        "other"
    )?;
    // The files are part of the program; a test reads every one of them.
    toml::from_str(text).ok()
}

/// A world of all ten presets. The seed chooses which guardians fail.
pub fn demo_world(seed: u64) -> WorldPlan {
    let seeded = |mut plan: CarrierPlan| {
        plan.script.behaviour.seed = seed;
        plan
    };
    WorldPlan::of(PRESETS.into_iter().filter_map(preset).map(seeded))
}

impl WorldPlan {
    /// The same world without any limit per source: for measuring the engine and nothing else.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        for carrier in &mut self.carriers {
            carrier.script.limits = Limits::default();
            carrier.script.hidden = None;
        }
        self
    }

    /// The same world in which every recipient is accepted, but for those whose prefix says otherwise.
    #[must_use]
    pub fn flawless(mut self) -> Self {
        for carrier in &mut self.carriers {
            carrier.script.behaviour = Behaviour::by_prefix();
        }
        self
    }

    /// The plan of one carrier, to change it before the start.
    pub fn carrier_mut(&mut self, name: &str) -> Option<&mut CarrierPlan> {
        let wanted = CarrierName::new(name).ok()?;
        self.carriers.iter_mut().find(|carrier| carrier.name == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_sound_and_bears_its_name() {
        for name in PRESETS {
            let plan = preset(name).unwrap_or_else(|| panic!("{name} does not parse"));
            assert_eq!(plan.name.as_str(), name);
            assert_eq!(plan.fault(), None, "{name}");
        }
        assert!(preset("nobody").is_none());
    }

    #[test]
    fn every_presets_failures_and_deferrals_are_a_few_in_a_hundred() {
        for plan in demo_world(1).carriers {
            let b = &plan.script.behaviour;
            let failing = b.unknown + b.filtered + b.full + b.disabled + b.content;
            assert!((0.008..0.04).contains(&failing), "{}: {failing}", plan.name);
            assert!(b.grey + b.busy <= 0.02, "{}", plan.name);
            assert_eq!(b.seed, 1);
        }
    }

    #[test]
    fn no_two_presets_claim_one_domain() {
        let mut domains: Vec<String> = demo_world(1).carriers.into_iter().flat_map(|plan| plan.domains).collect();
        let all = domains.len();
        domains.sort();
        domains.dedup();
        assert_eq!(domains.len(), all);
    }
}
