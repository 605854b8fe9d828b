//! Trials beyond a known ceiling: how a limit that rose is found, and how the gap between what was borne and what was
//! refused is closed.
//!
//! A rate that was borne for a while proves nothing: a bucket may have paid for it. It proves something when more went
//! through, beyond the old ceiling, than the bucket is known to hold.

use std::time::Duration;

use super::state::Trial;
use super::{Ceiling, GROWTH, PROBE_AFTER, PROBE_AFTER_MAX, PROBE_SOON, Room, Scene, Search, Stage};

/// First step beyond a ceiling, as a share of it; doubled with each step that was borne. Not less: a mistake costs the same
/// one refusal whatever the step, and a small one takes minutes to prove anything.
const STEP: f64 = 0.25;

/// Where refusals are dear: the step, and how long each has to last.
const DEAR_STEP: f64 = 0.05;
const DEAR_LASTS: Duration = Duration::from_secs(60);

/// What must go through beyond the old ceiling: so many times the burst that was seen, so many mails, and what the old
/// ceiling gives in so many seconds.
const BEYOND_BURST: f64 = 1.5;
const BEYOND_MIN: f64 = 4.0;
const BEYOND_S: f64 = 3.0;

/// A burst is at most what the known flow gives in so many minutes: more is a flow.
pub(super) const BURST_MAX_MIN: f64 = 0.5;

/// Others are much further at this factor, and are followed after this time.
const FURTHER: f64 = 1.3;
const FOLLOW_AFTER: Duration = Duration::from_secs(10);

/// Share of the ceiling by which a minute must be fuller to count as more.
const MINUTE_MORE: f64 = 0.1;

/// A trial that takes longer has lasted long enough: the step was too small to tell. Or what was allowed was not used: then
/// nothing was tried.
const LASTS_MAX: Duration = Duration::from_secs(120);
const USED: f64 = 0.93;
const UNUSED_MAX: Duration = Duration::from_secs(30);

/// A ceiling and a refused rate closer than this factor are not worth another refusal.
const TIGHT: f64 = 1.08;

/// Trials between the two that may fail.
const MISSES_MAX: u32 = 2;

/// So many refusals in a minute, and nothing is tried before the minute is over: carriers that ban after a few count so.
const REFUSALS_A_MINUTE: usize = 2;

/// Mails beyond the flow that was known when the trial began.
fn excess(trial: Trial, scene: Scene<'_>) -> f64 {
    let mails = scene.tally.total().saturating_sub(trial.from.1) as f64;
    mails - trial.base / 60.0 * scene.now.since(trial.from.0).as_secs_f64()
}

impl Search {
    /// Tries a rate beyond the ceiling: half-way to what was refused, where that is near, else a step.
    pub(super) fn try_beyond(&mut self, room: Room, scene: Scene<'_>) {
        let Some(ceiling) = self.ceiling else { return };
        if self.halve_gap(scene) {
            return;
        }
        self.refused_at = f64::INFINITY;
        self.misses = 0;
        let step = if self.is_wary(scene) { DEAR_STEP } else { STEP };
        self.try_at(ceiling.rate_per_min, step, room, scene);
    }

    /// Whether another no costs minutes: by a published pause, or because the last one was a block.
    fn is_wary(&self, scene: Scene<'_>) -> bool {
        scene.bounds.dear || self.ceiling.is_some_and(|ceiling| ceiling.by_block)
    }

    fn try_at(&mut self, base: f64, step: f64, room: Room, scene: Scene<'_>) {
        let rate = base * (1.0 + step);
        self.stage = Stage::Try(Trial { base, from: (scene.now, scene.tally.total()), step });
        self.held = Duration::ZERO;
        self.rate = rate.min(base.max(self.rate) + room.step_max);
    }

    /// A source of the netblock tries more: so does their sum, by as much.
    pub(crate) fn try_with(&mut self, extra: f64, scene: Scene<'_>) {
        if let (Stage::Hold, Some(ceiling)) = (self.stage, self.ceiling)
            && extra > 0.0
        {
            let everything =
                Room { frontier: f64::INFINITY, leads: true, met_by_others: None, step_max: f64::INFINITY };
            self.try_at(ceiling.rate_per_min, extra / ceiling.rate_per_min, everything, scene);
        }
    }

    /// By how much it goes beyond its ceiling now, mails a minute.
    pub(crate) fn beyond(&self) -> f64 {
        match self.stage {
            // More than the step: below its ceiling it had rested.
            Stage::Try(trial) => (self.rate - trial.base * 0.9).max(0.0),
            _ => 0.0,
        }
    }

    /// Half-way, as factors go, between the ceiling and the rate that was refused; `false` when they are close enough or
    /// enough was tried.
    pub(super) fn halve_gap(&mut self, scene: Scene<'_>) -> bool {
        let Some(ceiling) = self.ceiling.filter(|_| scene.laws.probes && !scene.bounds.dear) else { return false };
        let gap = self.refused_at / ceiling.rate_per_min;
        if gap.is_infinite() || gap < TIGHT || self.misses > MISSES_MAX {
            return false;
        }
        // The refusal that leads here is not noted yet.
        if scene.tally.refusals_lately(scene.now) + 1 >= REFUSALS_A_MINUTE {
            return false;
        }
        let everything = Room { frontier: f64::INFINITY, leads: true, met_by_others: None, step_max: f64::INFINITY };
        self.try_at(ceiling.rate_per_min, gap.sqrt() - 1.0, everything, scene);
        true
    }

    /// A clean round of a trial.
    pub(super) fn tried(&mut self, trial: Trial, carried: f64, room: Room, scene: Scene<'_>) {
        let lasted = scene.now.since(trial.from.0);
        let needed = (self.burst * BEYOND_BURST).max(BEYOND_MIN).max(trial.base / 60.0 * BEYOND_S);
        let minute = f64::from(scene.tally.last_minute(scene.now));
        // What a minute holds shows only when it is full.
        let full = !self.by_minute || minute >= trial.base + needed.min(trial.base * MINUTE_MORE);
        let wary = self.is_wary(scene);
        let borne = full && if wary { lasted >= DEAR_LASTS } else { excess(trial, scene) >= needed };
        if !borne && lasted >= UNUSED_MAX && carried < self.rate * USED {
            return self.rest();
        }
        if !borne && lasted < LASTS_MAX {
            return;
        }
        let base = carried.max(trial.base);
        let by_block = self.ceiling.is_some_and(|ceiling| ceiling.by_block);
        self.ceiling = Some(if by_block { Ceiling::blocked(base) } else { Ceiling::measured(base) });
        self.proven = self.proven.max(base);
        if self.refused_at.is_finite() {
            if !self.halve_gap(scene) {
                self.rest();
            }
            return;
        }
        let step = if wary { trial.step } else { (trial.step * 2.0).min(GROWTH - 1.0) };
        self.try_at(base, step, Room { leads: true, ..room }, scene);
    }

    /// A round did not use what was allowed. A trial that is not used ends.
    pub(super) fn unused(&mut self, scene: Scene<'_>) {
        if let Stage::Try(trial) = self.stage
            && scene.now.since(trial.from.0) >= UNUSED_MAX
        {
            self.rest();
        }
    }

    /// A trial was refused: back to what is known, without halving.
    pub(super) fn trial_refused(&mut self, trial: Trial, scene: Scene<'_>) {
        let flow = scene.tally.flow_per_min(scene.now).filter(|_| scene.laws.estimate);
        let guessed = self.ceiling.filter(|ceiling| !ceiling.confirmed);
        // What went through beside the known flow and the known burst was more flow.
        let excess = excess(trial, scene);
        let lasted = scene.now.since(trial.from.0).as_secs_f64().max(1.0);
        let more = if self.burst > 0.0 { (excess - self.burst).max(0.0) * 60.0 / lasted } else { 0.0 };
        let base = flow.unwrap_or(0.0).max(trial.base + more).min(self.rate.max(trial.base));
        let upwards = self.refused_at.is_infinite();
        // Refused before the bucket was empty: nothing new, and no reason for another refusal.
        let nothing_new = upwards && excess <= self.burst;
        self.burst = self.burst.max(excess).min(trial.base * BURST_MAX_MIN);
        self.ceiling = Some(guessed.unwrap_or(Ceiling::measured(base)));
        if upwards {
            self.probe_after = (self.probe_after * 2).clamp(PROBE_AFTER, PROBE_AFTER_MAX);
        }
        self.refused_at = self.rate.max(base);
        self.misses += 1;
        if nothing_new || !self.halve_gap(scene) {
            self.rest();
        }
    }

    /// Others have come much further: a limit that had been met may be gone. Once for each time they do.
    pub(crate) fn note_frontier(&mut self, frontier: f64) {
        let rests = self.stage == Stage::Hold && self.ceiling.is_some_and(|ceiling| !ceiling.by_block);
        let Some(ceiling) = self.ceiling.filter(|_| rests) else { return };
        if frontier > (ceiling.rate_per_min * FURTHER).max(self.frontier_noted * FURTHER) {
            self.frontier_noted = frontier;
            self.probe_after = self.probe_after.min(self.held + FOLLOW_AFTER);
        }
    }

    /// A little below the ceiling, until the next trial: soon, where the gap to what was refused is wide.
    pub(super) fn rest(&mut self) {
        let mut gap = f64::INFINITY;
        if let Some(ceiling) = self.ceiling {
            self.rate = ceiling.hold();
            gap = self.refused_at / ceiling.rate_per_min;
        }
        if gap.is_finite() && gap >= TIGHT && self.misses <= MISSES_MAX {
            self.probe_after = PROBE_SOON * 2;
        } else {
            self.refused_at = f64::INFINITY;
            self.misses = 0;
        }
        self.hold();
    }
}
