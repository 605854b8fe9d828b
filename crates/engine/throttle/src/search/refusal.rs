//! What a search makes of a no.

use std::time::Duration;

use super::state::Lonely;
use super::trial::BURST_MAX_MIN;
use super::{
    Bounds, Ceiling, PROBE_AFTER, PROBE_AFTER_BLOCK, PROBE_AFTER_BLOCK_MAX, PROBE_AFTER_DEAR, PROBE_SOON, Scene,
    Search, Stage,
};
use crate::laws::{Laws, RateKind};
use crate::pause::doubled;
use crate::tally::Tally;

/// Mails that must have gone through before a refusal that has perhaps nothing to do with the rate, and how many such
/// refusals make it certain.
const LONELY_AFTER: u64 = 6;
const LONELY_MAX: u32 = 3;

/// Where refusals are dear: how far back at one. While climbing three steps, for a bucket may have carried the last ones.
const DEAR_BACK: f64 = 1.8;
const DEAR_BACK_FROM_REST: f64 = 1.1;

/// A refusal that ends in this time, and not at the first knock, ended with a minute. At a steady rate a little less than
/// it is believed.
const MINUTE_ENDS: Duration = Duration::from_secs(100);
const BELOW_STEADY: f64 = 0.95;

/// Fewer mails in the minute before a refusal say nothing about what a minute bears.
const MINUTE_MIN: f64 = 8.0;

impl Search {
    /// The carrier had enough. To be called before the refusal is noted in the tally. Whether it is one too many that
    /// comes however slowly one sends: then all is as before the first of them.
    pub(crate) fn refused(&mut self, scene: Scene<'_>) -> bool {
        self.wants_lead = false;
        if scene.laws.rate != RateKind::Adaptive {
            return false;
        }
        if scene.laws.noise && self.is_noise(scene.tally) {
            return true;
        }
        if let Stage::Try(trial) = self.stage {
            self.trial_refused(trial, scene);
        } else {
            self.had_enough(scene);
        }
        self.bound(&scene.bounds);
        false
    }

    fn is_noise(&mut self, tally: &Tally) -> bool {
        let below = matches!(self.stage, Stage::Hold | Stage::Regrow) && self.rate <= self.lonely.last_rate * 1.05;
        let alone = below && tally.since_refusal() >= LONELY_AFTER;
        let before = (self.rate, self.ceiling);
        let undisturbed = self.lonely.undisturbed.filter(|_| alone).unwrap_or(before);
        let count = if alone { self.lonely.count + 1 } else { 0 };
        self.lonely = Lonely { count, last_rate: self.rate, undisturbed: Some(undisturbed) };
        if count < LONELY_MAX {
            return false;
        }
        (self.rate, self.ceiling) = undisturbed;
        self.stage = if self.ceiling.is_some() { Stage::Regrow } else { Stage::Climb };
        self.lonely = Lonely::default();
        true
    }

    fn had_enough(&mut self, scene: Scene<'_>) {
        let flow = scene.tally.flow_per_min(scene.now).filter(|_| scene.laws.estimate);
        if scene.bounds.dear && self.proven > 0.0 {
            // The pause fills any bucket, and another refusal costs another one: below what has been borne, at once.
            let known = self.ceiling.map_or(f64::INFINITY, |ceiling| ceiling.rate_per_min);
            let back = if self.stage == Stage::Climb { DEAR_BACK } else { DEAR_BACK_FROM_REST };
            let ceiling = Ceiling::guessed(self.proven.min(known).min(self.rate / back));
            self.ceiling = Some(ceiling);
            self.proven = ceiling.rate_per_min;
            self.probe_after = PROBE_AFTER_DEAR;
            self.rest();
        } else if let Some(minute) = self.minute(scene.tally.last_minute(scene.now)) {
            self.ceiling = Some(Ceiling::measured(minute));
            self.refused_at = f64::INFINITY;
            self.probe_after = PROBE_AFTER;
            self.rest();
        } else if let Some(flow) = flow {
            let flow = flow.min(self.rate);
            self.ceiling = Some(Ceiling::measured(flow));
            self.refused_at = self.rate;
            self.misses = 0;
            self.burst = scene.tally.above(flow, scene.now).min(flow * BURST_MAX_MIN);
            self.probe_after = PROBE_AFTER;
            if !self.halve_gap(scene) {
                self.rest();
            }
        } else {
            let known = self.ceiling.map_or(self.rate, |ceiling| ceiling.rate_per_min);
            let rate_per_min = if self.stage == Stage::Hold { known } else { known.min(self.rate) };
            self.ceiling = Some(Ceiling::guessed(rate_per_min));
            self.rate /= 2.0;
            self.stage = Stage::Regrow;
            self.held = Duration::ZERO;
        }
    }

    /// What a minute holds, where the carrier counts by it. Two minutes of the clock may have paid for what went through at
    /// a steady rate; so never quite that rate again.
    fn minute(&self, taken: u32) -> Option<f64> {
        let taken = f64::from(taken);
        (self.by_minute && taken >= MINUTE_MIN).then(|| taken.min(self.rate * BELOW_STEADY))
    }

    /// The door that a refusal shut is open again, but not at the first knock: it was not about the rate, or it is
    /// counted by the minute. `before` is the search as it stood at the refusal, `minute` what the carrier had taken in
    /// the minute before it.
    pub(crate) fn reopened(&mut self, before: &Self, minute: u32, lasted: Duration, bounds: &Bounds) {
        *self = *before;
        self.wants_lead = false;
        self.by_minute |= lasted <= MINUTE_ENDS && f64::from(minute) >= MINUTE_MIN;
        if let Some(minute) = self.minute(minute) {
            self.ceiling = Some(Ceiling::measured(minute));
            self.refused_at = f64::INFINITY;
            self.probe_after = PROBE_AFTER;
            self.rest();
            return self.bound(bounds);
        }
        let good = match self.ceiling {
            Some(ceiling) => ceiling.hold(),
            None => self.proven,
        };
        self.rate = self.rate.min(good.max(bounds.start));
        let is_known = self.ceiling.is_some_and(|ceiling| ceiling.confirmed);
        let minute = f64::from(minute);
        if !is_known && minute >= MINUTE_MIN && minute < self.rate {
            // A rate that had not yet lasted a minute: no more than a minute has borne.
            self.ceiling = Some(Ceiling::guessed(minute));
            self.probe_after = PROBE_SOON;
            self.rest();
        } else if self.ceiling.is_some() {
            self.hold();
        }
        self.bound(bounds);
    }

    /// A door has shut for the second time soon after it opened: it is a ban, whatever its words, and what was sent just
    /// before it is the cause. Below what the minute before it carried, for long.
    pub(crate) fn shut_out(&mut self, before: &Self, minute: u32, bounds: &Bounds) {
        *self = *before;
        self.wants_lead = false;
        let known = self.ceiling.map_or(self.rate, |ceiling| ceiling.rate_per_min).min(self.rate);
        // A path that had just begun has no minute to show.
        let ceiling = Ceiling::blocked(f64::from(minute).max(known / 2.0).min(known));
        self.ceiling = Some(ceiling);
        self.proven = ceiling.hold();
        self.rate = ceiling.hold();
        self.probe_after = PROBE_AFTER_BLOCK;
        self.hold();
        self.bound(bounds);
    }

    /// Blocked. Up to the start value a block is about the source or the content; only a rate that had grown is suspect.
    pub(crate) fn blocked(&mut self, scene: Scene<'_>) {
        self.wants_lead = false;
        let Laws { rate, estimate, .. } = scene.laws;
        if rate != RateKind::Adaptive {
            return;
        }
        let start = scene.bounds.start;
        if self.rate > start * 1.01 {
            let known = self.ceiling.map_or(self.rate, |ceiling| ceiling.rate_per_min).min(self.rate);
            let flow = scene.tally.flow_per_min(scene.now).filter(|_| estimate).unwrap_or(known);
            let minute = Some(f64::from(scene.tally.last_minute(scene.now))).filter(|taken| *taken >= MINUTE_MIN);
            self.ceiling = Some(Ceiling::blocked(known.min(flow).min(minute.unwrap_or(known)).max(start)));
            self.blocks = self.blocks.saturating_add(1);
            self.refused_at = f64::INFINITY;
            self.probe_after = doubled(PROBE_AFTER_BLOCK, self.blocks - 1).min(PROBE_AFTER_BLOCK_MAX);
            self.stage = Stage::Regrow;
        }
        self.proven = self.proven.min(self.rate);
        self.rate = (self.rate / 2.0).min(start);
        self.bound(&scene.bounds);
    }
}
