//! The share of unknown users at one carrier: the lever with which carriers block whole netblocks.

use std::collections::VecDeque;
use std::time::Duration;

use mail_model::MonoUs;

use crate::gate::Gate;
use crate::limits::UnknownLimits;
use crate::suspicion::Suspicion;

/// What the share of unknown users says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownState {
    /// Few, or too few recipients to tell.
    Ok,
    /// An operator should look at the address list.
    Warn,
    /// The carrier is left alone by this netblock; urgent mail goes one by one.
    Stop {
        /// When a few recipients will be tried again.
        until: MonoUs,
    },
}

/// Between two urgent mails while stopped, and between any two while it is tried again.
const CAREFUL: Duration = Duration::from_secs(10);

/// Fewer unknown users than this are a class with old addresses and not a bad list, whatever their share: carriers count
/// hundreds of recipients before they block.
const UNKNOWN_MIN: u32 = 8;

/// Stops in a row double the pause up to so many times.
const DOUBLINGS_MAX: u32 = 3;

/// Watches the last recipients at one carrier, over all sources of a netblock, because docomo and UQ block the sending
/// *network*.
///
/// | from | to | when |
/// |---|---|---|
/// | watching | paused | the suspicion is strong enough |
/// | paused | trying | the pause is over; half the suspicion stays |
/// | trying, one mail in ten seconds | watching | the suspicion is gone |
/// | trying | paused, twice as long | the suspicion is strong enough again |
#[derive(Clone, Debug)]
pub struct UnknownGuard {
    limits: UnknownLimits,
    suspicion: Suspicion,
    window: VecDeque<bool>,
    unknown: u32,
    mode: Mode,
    /// Stops in a row.
    stops: u32,
    careful_after: MonoUs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Watching,
    Paused { until: MonoUs },
    Trying,
}

impl UnknownGuard {
    /// A guard that has seen nobody. The window is at least 1.
    pub fn new(limits: &UnknownLimits) -> Self {
        Self {
            suspicion: Suspicion::of(limits.stop_ratio),
            limits: UnknownLimits { window: limits.window.max(1), ..limits.clone() },
            window: VecDeque::new(),
            unknown: 0,
            mode: Mode::Watching,
            stops: 0,
            careful_after: MonoUs::default(),
        }
    }

    /// Other limits hold from now on; what was seen stays.
    pub fn set_limits(&mut self, limits: &UnknownLimits) {
        let fresh = Self::new(limits);
        self.limits = fresh.limits;
        self.suspicion = self.suspicion.with_ratio(limits.stop_ratio);
    }

    /// Records one answered recipient. During a pause what is answered was sent before it or was urgent: it is seen,
    /// and stops nothing anew.
    pub fn observe(&mut self, now: MonoUs, unknown: bool) {
        self.advance(now);
        if self.sampled() >= self.limits.window && self.window.pop_front() == Some(true) {
            self.unknown -= 1;
        }
        self.window.push_back(unknown);
        self.unknown += u32::from(unknown);
        if let Mode::Paused { .. } = self.mode {
            return;
        }
        self.suspicion.saw(unknown);
        if self.suspicion.is_strong() && self.unknown >= UNKNOWN_MIN {
            let pause = self.limits.pause.saturating_mul(1 << self.stops.min(DOUBLINGS_MAX));
            self.stops = self.stops.saturating_add(1);
            self.mode = Mode::Paused { until: now + pause };
        } else if self.mode == Mode::Trying && self.suspicion.is_gone() {
            self.mode = Mode::Watching;
            self.stops = 0;
        }
    }

    /// Whether this carrier may get mail. Urgent mail may go one by one even while it is left alone: a family that is
    /// not warned is worse than a block that lasts longer, and a mail in ten seconds is no list.
    pub fn gate(&mut self, now: MonoUs, urgent: bool) -> Gate {
        self.advance(now);
        match self.mode {
            Mode::Watching => Gate::Go,
            Mode::Paused { until } if !urgent => Gate::WaitUntil(until),
            Mode::Paused { .. } | Mode::Trying if now < self.careful_after => Gate::WaitUntil(self.careful_after),
            Mode::Paused { .. } | Mode::Trying => Gate::Go,
        }
    }

    /// A mail goes out.
    pub fn handed(&mut self, now: MonoUs) {
        if self.mode != Mode::Watching {
            self.careful_after = now + CAREFUL;
        }
    }

    /// The verdict as it stands.
    pub fn state(&self, now: MonoUs) -> UnknownState {
        match self.mode {
            Mode::Paused { until } if now < until => UnknownState::Stop { until },
            Mode::Paused { .. } | Mode::Trying => UnknownState::Warn,
            Mode::Watching if self.is_worth_a_look() => UnknownState::Warn,
            Mode::Watching => UnknownState::Ok,
        }
    }

    /// A share says nothing before it could be above the line by more than one recipient.
    fn is_worth_a_look(&self) -> bool {
        self.unknown > 1 && self.ratio() >= self.limits.warn_ratio
    }

    /// Share of unknown users among those looked back on, 0–1; 0 when nobody was seen.
    pub fn ratio(&self) -> f64 {
        f64::from(self.unknown) / f64::from(self.sampled().max(1))
    }

    /// Recipients looked back on.
    pub fn sampled(&self) -> u32 {
        u32::try_from(self.window.len()).unwrap_or(u32::MAX)
    }

    /// Unknown users among those looked back on.
    pub fn unknown(&self) -> u32 {
        self.unknown
    }

    fn advance(&mut self, now: MonoUs) {
        if let Mode::Paused { until } = self.mode
            && now >= until
        {
            self.mode = Mode::Trying;
            self.suspicion.halve();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE_US: u64 = 1_800_000_000;

    fn fed(guard: &mut UnknownGuard, now: MonoUs, known: u32, unknown: u32) {
        for _ in 0..known {
            guard.observe(now, false);
        }
        for _ in 0..unknown {
            guard.observe(now, true);
        }
    }

    #[test]
    fn a_few_unknown_users_are_seen_and_many_in_a_row_stop() {
        // (known, unknown, state)
        let stop = UnknownState::Stop { until: MonoUs(PAUSE_US) };
        let table = [
            (0, 1, UnknownState::Ok),
            (0, 7, UnknownState::Warn),
            (0, 8, stop),
            (80, 8, stop),
            (100, 1, UnknownState::Ok),
            (98, 2, UnknownState::Warn),
            (490, 4, UnknownState::Ok),
            (490, 5, UnknownState::Warn),
        ];
        for (known, unknown, state) in table {
            let mut guard = UnknownGuard::new(&UnknownLimits::default());
            fed(&mut guard, MonoUs(0), known, unknown);
            assert_eq!(guard.state(MonoUs(0)), state, "{known} known, {unknown} unknown");
        }
    }

    #[test]
    fn old_recipients_leave_the_window() {
        let mut guard = UnknownGuard::new(&UnknownLimits::default());
        fed(&mut guard, MonoUs(0), 490, 4);
        assert_eq!((guard.sampled(), guard.unknown()), (494, 4));
        fed(&mut guard, MonoUs(0), 2_000, 0);
        assert_eq!((guard.sampled(), guard.ratio()), (500, 0.0));
    }

    #[test]
    fn while_stopped_only_urgent_mail_goes_and_one_by_one_and_after_it_everything_does_so() {
        let second = |s: u64| MonoUs(s * 1_000_000);
        let mut guard = UnknownGuard::new(&UnknownLimits::default());
        fed(&mut guard, second(0), 0, 8);
        assert_eq!(guard.gate(second(5), false), Gate::WaitUntil(MonoUs(PAUSE_US)));
        assert!(guard.gate(second(5), true).is_go());
        guard.handed(second(5));
        assert_eq!(guard.gate(second(6), true), Gate::WaitUntil(second(15)));
        fed(&mut guard, second(6), 0, 50);
        assert_eq!(guard.gate(second(7), false), Gate::WaitUntil(MonoUs(PAUSE_US)), "late answers do not prolong it");
        assert!(guard.gate(second(1_800), false).is_go());
        guard.handed(second(1_800));
        assert_eq!(guard.gate(second(1_801), false), Gate::WaitUntil(second(1_810)));
        fed(&mut guard, second(1_801), 0, 3);
        assert_eq!(guard.gate(second(1_802), false), Gate::WaitUntil(second(1_801 + 3_600)), "twice as long");
        let after = second(1_801 + 3_600);
        assert!(guard.gate(after, false).is_go());
        guard.handed(after);
        fed(&mut guard, after, 150, 0);
        assert!(guard.gate(after, false).is_go(), "a clean row ends it");
    }

    #[test]
    fn nonsense_limits_do_no_harm() {
        for stop_ratio in [f64::NAN, -1.0, 0.0, 1.0, 5.0] {
            let limits = UnknownLimits { window: 0, stop_ratio, ..UnknownLimits::default() };
            let mut guard = UnknownGuard::new(&limits);
            fed(&mut guard, MonoUs(0), 10, 10);
            let _ = guard.gate(MonoUs(0), false);
            assert_eq!(guard.sampled(), 1);
        }
    }
}
