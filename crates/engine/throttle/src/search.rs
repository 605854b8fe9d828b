//! The search for the rate that a carrier bears: grow while all is well, compute the limit when it says no, hold a
//! little below it, and try it again from time to time. The same law serves a path and the sum of a netblock.

mod ceiling;
mod refusal;
mod state;
mod trial;

use std::time::Duration;

use mail_model::MonoUs;

pub(crate) use self::ceiling::Ceiling;
use self::state::{Lonely, Trial};
use crate::laws::{Laws, RateKind};
use crate::round::Clean;
use crate::tally::Tally;

/// A round that carried less than this share of its rate proved nothing about the rate.
const PROOF: f64 = 0.7;

/// What a clean round multiplies the rate by while no ceiling is known …
const GROWTH: f64 = 1.5;
/// … and beyond so many times the start value, where a mistake hits more mail.
const GROWTH_FAR: f64 = 1.25;
const FAR: f64 = 10.0;

/// Where refusals are dear, each step lasts so long at least: a bucket must not carry it.
const DEAR_CLIMB: Duration = Duration::from_secs(15);

/// The way back to a rate that was refused.
const REGROWTH: f64 = 1.25;

/// Clean running at half the refused rate before it grows again.
const REGROW_AFTER: Duration = Duration::from_secs(45);

/// Clean running before a ceiling is tried again, doubled by each trial that was refused.
const PROBE_AFTER: Duration = Duration::from_secs(120);
const PROBE_AFTER_MAX: Duration = Duration::from_secs(960);
/// The same for a ceiling that is a guess and probably too low.
const PROBE_SOON: Duration = Duration::from_secs(30);
/// The same where refusals are dear.
const PROBE_AFTER_DEAR: Duration = Duration::from_secs(600);
/// The same after a block.
const PROBE_AFTER_BLOCK: Duration = Duration::from_secs(900);
const PROBE_AFTER_BLOCK_MAX: Duration = Duration::from_secs(14_400);

/// Clean running after which a rate is known to be borne.
const CONFIRMED_AFTER: Duration = Duration::from_secs(60);

/// The bounds a search stays in, mails a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) start: f64,
    pub(crate) floor: f64,
    pub(crate) max: f64,
    /// Added a minute where growth by factors is switched off.
    pub(crate) step: f64,
    /// A refusal costs minutes, for the carrier has published a pause: it is to be met rarely.
    pub(crate) dear: bool,
}

/// How far a clean round may lead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// The rate that others have proved, mails a minute.
    pub(crate) frontier: f64,
    /// Whether this one may go beyond it.
    pub(crate) leads: bool,
    /// Where another one met its limit, mails a minute.
    pub(crate) met_by_others: Option<f64>,
    /// Most that may be added at once, mails a minute: what is in flight at a mistake must be few.
    pub(crate) step_max: f64,
}

/// What a search is asked about: the moment, what was taken, its bounds, the laws in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) now: MonoUs,
    pub(crate) tally: &'a Tally,
    pub(crate) bounds: Bounds,
    pub(crate) laws: Laws,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// No ceiling is known.
    Climb,
    /// On the way back to the ceiling.
    Regrow,
    /// A little below the ceiling.
    Hold,
    /// Beyond it.
    Try(Trial),
}

/// Where a search stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Search {
    rate: f64,
    proven: f64,
    ceiling: Option<Ceiling>,
    /// The lowest rate that was refused since the ceiling was found; infinite when none was.
    refused_at: f64,
    stage: Stage,
    held: Duration,
    probe_after: Duration,
    /// Growth that has not made a whole minute, where it goes by minutes.
    grown_for: Duration,
    wants_lead: bool,
    /// Mails that the carrier took at once beyond its rate, as far as was seen.
    burst: f64,
    /// Trials between the ceiling and the refused rate that failed, since the ceiling was found.
    misses: u32,
    lonely: Lonely,
    /// It counts by the minute: a refusal ends when the minute does, and what the minute held is the limit.
    by_minute: bool,
    /// Blocks that were met so far.
    blocks: u32,
    /// How far others had come when that was last a reason to try.
    frontier_noted: f64,
}

impl Search {
    /// A search that knows nothing and begins at a rate.
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            rate,
            proven: 0.0,
            ceiling: None,
            refused_at: f64::INFINITY,
            stage: Stage::Climb,
            held: Duration::ZERO,
            probe_after: PROBE_AFTER,
            grown_for: Duration::ZERO,
            wants_lead: false,
            burst: 0.0,
            misses: 0,
            lonely: Lonely::default(),
            by_minute: false,
            blocks: 0,
            frontier_noted: 0.0,
        }
    }

    /// A search that goes on with what was learned earlier.
    pub(crate) fn resumed(rate: f64, proven: f64, ceiling: Option<Ceiling>, probe_after: Duration) -> Self {
        let stage = if ceiling.is_some() { Stage::Hold } else { Stage::Climb };
        let probe_after = probe_after.clamp(PROBE_AFTER, PROBE_AFTER_BLOCK_MAX);
        Self { proven, ceiling, stage, probe_after, ..Self::new(rate) }
    }

    /// Mails a minute that may go now.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// The highest rate that a clean round carried.
    pub(crate) fn proven(&self) -> f64 {
        self.proven
    }

    pub(crate) fn ceiling(&self) -> Option<Ceiling> {
        self.ceiling
    }

    pub(crate) fn probe_after(&self) -> Duration {
        self.probe_after
    }

    /// Whether the rate is one that a clean round has carried.
    pub(crate) fn is_proven(&self) -> bool {
        self.rate <= self.proven * 1.1
    }

    /// Whether it rests below a limit that was measured: then a refusal is not about this rate.
    pub(crate) fn is_resting(&self) -> bool {
        self.stage == Stage::Hold && self.ceiling.is_some_and(|ceiling| ceiling.confirmed)
    }

    /// Whether it goes, or is about to go, where nobody has been.
    pub(crate) fn is_ahead(&self) -> bool {
        matches!(self.stage, Stage::Climb | Stage::Try(_))
    }

    /// Whether the last clean round would have gone further, had it been allowed to lead.
    pub(crate) fn wants_lead(&self) -> bool {
        self.wants_lead
    }

    /// What a clean round multiplies the rate by as things stand.
    pub(crate) fn growth(&self, bounds: &Bounds) -> f64 {
        match self.stage {
            Stage::Climb if self.rate < bounds.start * FAR && !bounds.dear => GROWTH,
            Stage::Climb => GROWTH_FAR,
            Stage::Regrow => REGROWTH,
            Stage::Hold => 1.0,
            Stage::Try(trial) => trial.growth(),
        }
    }

    /// A round ended without trouble.
    pub(crate) fn clean(&mut self, clean: Clean, room: Room, scene: Scene<'_>) {
        self.wants_lead = false;
        let carried = clean.carried_per_min.min(self.rate);
        self.proven = self.proven.max(carried);
        // Below the start value nothing has to be proved: it is what an unknown path may do anyway.
        let used = clean.carried_per_min >= self.rate * PROOF || self.rate < scene.bounds.start;
        if scene.laws.rate != RateKind::Adaptive || !used {
            self.unused(scene);
            return;
        }
        match self.stage {
            Stage::Climb if scene.bounds.dear && self.held + clean.span < DEAR_CLIMB => self.held += clean.span,
            Stage::Climb => {
                self.held = Duration::ZERO;
                // From what was carried, not from what was allowed: else the two part, and a mistake is a large one.
                let grown = carried * self.growth(&scene.bounds);
                let next = if scene.laws.growth { grown } else { self.stepped(clean.span, &scene.bounds) };
                self.climb(next, room);
            }
            // Carriers count excesses by the minute: the next one, if there must be one, comes in another minute.
            Stage::Regrow if self.held + clean.span < REGROW_AFTER => self.held += clean.span,
            Stage::Regrow => {
                let to = self.ceiling.map_or(self.rate, Ceiling::hold);
                self.rate = (self.rate * REGROWTH).min(to);
                if self.rate >= to {
                    self.hold();
                }
            }
            Stage::Hold => {
                self.held += clean.span;
                self.confirm(carried);
                if scene.laws.probes && self.held >= self.probe_after {
                    self.wants_lead = !room.leads;
                    if room.leads {
                        self.try_beyond(room, scene);
                    }
                }
            }
            Stage::Try(trial) => self.tried(trial, carried, room, scene),
        }
        self.bound(&scene.bounds);
    }

    /// A guess at which was rested for a while is one no more.
    fn confirm(&mut self, carried: f64) {
        let guess = self.ceiling.is_some_and(|ceiling| !ceiling.confirmed && !ceiling.by_block);
        if guess && self.held >= CONFIRMED_AFTER && carried >= self.rate * 0.9 {
            self.ceiling = Some(Ceiling::resting_at(self.rate));
        }
    }

    fn stepped(&mut self, span: Duration, bounds: &Bounds) -> f64 {
        self.grown_for += span;
        let minutes = self.grown_for.as_secs() / 60;
        self.grown_for -= Duration::from_secs(minutes * 60);
        self.rate + bounds.step * minutes as f64
    }

    fn climb(&mut self, next: f64, room: Room) {
        let next = next.min(self.rate + room.step_max).max(self.rate);
        if next <= room.frontier {
            self.rate = next;
            return;
        }
        if let Some(met) = room.met_by_others {
            // Where another one met its limit there is probably this one's: no leaps from here on.
            self.ceiling = Some(Ceiling::guessed(met.max(self.rate)));
            self.probe_after = PROBE_SOON;
            self.rate = self.rate.max(room.frontier);
            return self.hold();
        }
        self.wants_lead = !room.leads;
        self.rate = if room.leads { next } else { self.rate.max(room.frontier) };
    }

    fn hold(&mut self) {
        self.stage = Stage::Hold;
        self.held = Duration::ZERO;
    }

    /// A path without a limit of its own goes back when the one that leads was refused. Whether it did.
    pub(crate) fn go_back(&mut self, frontier: f64) -> bool {
        let back = self.stage == Stage::Climb && self.rate > frontier;
        if back {
            self.rate = frontier;
        }
        back
    }

    /// A refusal was not about the rate: but a rate that was never borne is not to be gone back to.
    pub(crate) fn no_more_than_proven(&mut self, bounds: &Bounds) {
        self.rate = self.rate.min(self.proven.max(bounds.start));
    }

    /// What is being carried is all that is known to be borne: more was allowed than was given.
    pub(crate) fn no_more_than(&mut self, carried_per_min: f64) {
        self.rate = self.rate.min(carried_per_min);
    }

    /// Replies became slow while the rate grew: no further than what is carried.
    pub(crate) fn slowed(&mut self, carried_per_min: f64, bounds: &Bounds) {
        if self.is_ahead() {
            // Sessions that are stuck carry nothing; that is no measure of what the others may.
            let carried = carried_per_min.min(self.rate).max(self.rate / 2.0);
            self.ceiling = Some(Ceiling::guessed(carried));
            self.rate = carried;
            self.probe_after = PROBE_AFTER;
            self.hold();
            self.bound(bounds);
        }
    }

    /// Other bounds hold from now on.
    #[expect(clippy::manual_clamp, reason = "`f64::max` also turns NaN into the bound")]
    pub(crate) fn bound(&mut self, bounds: &Bounds) {
        self.rate = self.rate.max(bounds.floor).min(bounds.max);
    }
}
