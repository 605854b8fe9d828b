//! The share of unknown users at one carrier: the lever with which carriers block whole netblocks.

use std::collections::VecDeque;

use mail_model::MonoUs;

use crate::gate::Gate;
use crate::limits::UnknownLimits;

/// What the share of unknown users says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownState {
    /// Few, or too few recipients to tell.
    Ok,
    /// An operator should look at the address list.
    Warn,
    /// The carrier is left alone.
    Stop {
        /// When a few recipients will be tried again.
        until: MonoUs,
    },
}

/// Watches the last recipients at one carrier, over all sources, because docomo and UQ block the sending *network*.
///
/// | from | to | when |
/// |---|---|---|
/// | watching | paused | sample complete and share ≥ stop |
/// | paused | probing | the pause is over; the window is empty again |
/// | probing | watching | sample complete |
/// | probing | paused | more unknown users than a complete sample may hold, even before it is complete |
#[derive(Clone, Debug)]
pub struct UnknownGuard {
    limits: UnknownLimits,
    window: VecDeque<bool>,
    unknown: u32,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Watching,
    Paused { until: MonoUs },
    Probing,
}

impl UnknownGuard {
    /// A guard that has seen nobody. `sample_min` is kept between 1 and the window.
    pub fn new(limits: &UnknownLimits) -> Self {
        let window = limits.window.max(1);
        let sample_min = limits.sample_min.clamp(1, window);
        Self {
            limits: UnknownLimits { window, sample_min, ..limits.clone() },
            window: VecDeque::new(),
            unknown: 0,
            mode: Mode::Watching,
        }
    }

    /// Records one answered recipient. During a pause it is about a mail sent before the stop and is not counted.
    pub fn observe(&mut self, now: MonoUs, unknown: bool) {
        self.advance(now);
        if let Mode::Paused { .. } = self.mode {
            return;
        }
        if self.sampled() >= self.limits.window && self.window.pop_front() == Some(true) {
            self.unknown -= 1;
        }
        self.window.push_back(unknown);
        self.unknown += u32::from(unknown);
        let complete = self.sampled() >= self.limits.sample_min;
        let (counted_on, strict) = match self.mode {
            Mode::Probing if !complete => (self.limits.sample_min, true),
            _ => (self.sampled(), false),
        };
        let too_many = self.unknown > 0 && f64::from(self.unknown) >= f64::from(counted_on) * self.limits.stop_ratio;
        if too_many && (complete || strict) {
            self.window.clear();
            self.unknown = 0;
            self.mode = Mode::Paused { until: now + self.limits.pause };
        } else if complete {
            self.mode = Mode::Watching;
        }
    }

    /// Whether this carrier may get mail.
    pub fn gate(&mut self, now: MonoUs) -> Gate {
        self.advance(now);
        match self.mode {
            Mode::Paused { until } => Gate::WaitUntil(until),
            Mode::Watching | Mode::Probing => Gate::Go,
        }
    }

    /// The verdict as it stands.
    pub fn state(&self, now: MonoUs) -> UnknownState {
        match self.mode {
            Mode::Paused { until } if now < until => UnknownState::Stop { until },
            _ if self.sampled() >= self.limits.sample_min && self.ratio() >= self.limits.warn_ratio => {
                UnknownState::Warn
            }
            _ => UnknownState::Ok,
        }
    }

    /// Share of unknown users among those looked back on, 0–1; 0 when nobody was seen.
    pub fn ratio(&self) -> f64 {
        f64::from(self.unknown) / f64::from(self.sampled().max(1))
    }

    /// Recipients looked back on.
    pub fn sampled(&self) -> u32 {
        u32::try_from(self.window.len()).unwrap_or(u32::MAX)
    }

    fn advance(&mut self, now: MonoUs) {
        if let Mode::Paused { until } = self.mode
            && now >= until
        {
            self.mode = Mode::Probing;
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
    fn a_share_means_nothing_before_the_sample_is_complete() {
        // (known, unknown, state)
        let stop = UnknownState::Stop { until: MonoUs(PAUSE_US) };
        let table = [
            (0, 99, UnknownState::Ok),
            (0, 100, stop),
            (99, 1, UnknownState::Warn),
            (97, 3, stop),
            (100, 0, UnknownState::Ok),
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
        fed(&mut guard, MonoUs(0), 485, 14);
        assert_eq!(guard.sampled(), 499);
        fed(&mut guard, MonoUs(0), 2_000, 0);
        assert_eq!((guard.sampled(), guard.ratio()), (500, 0.0));
    }

    #[test]
    fn after_the_pause_a_fresh_window_is_judged_before_it_is_complete() {
        let mut guard = UnknownGuard::new(&UnknownLimits::default());
        fed(&mut guard, MonoUs(0), 97, 3);
        assert_eq!(guard.gate(MonoUs(5)), Gate::WaitUntil(MonoUs(PAUSE_US)));
        fed(&mut guard, MonoUs(5), 0, 50);
        assert_eq!(guard.gate(MonoUs(5)), Gate::WaitUntil(MonoUs(PAUSE_US)), "late answers do not prolong it");
        let now = MonoUs(PAUSE_US);
        assert!(guard.gate(now).is_go());
        fed(&mut guard, now, 10, 2);
        assert!(guard.gate(now).is_go());
        fed(&mut guard, now, 0, 1);
        assert_eq!(guard.gate(now), Gate::WaitUntil(MonoUs(2 * PAUSE_US)), "three of a hundred are already too many");
        let now = MonoUs(2 * PAUSE_US);
        assert!(guard.gate(now).is_go());
        fed(&mut guard, now, 100, 2);
        assert!(guard.gate(now).is_go());
        assert_eq!(guard.state(now), UnknownState::Warn);
    }

    #[test]
    fn nonsense_limits_do_no_harm() {
        let limits = UnknownLimits { window: 0, sample_min: 900, stop_ratio: f64::NAN, ..UnknownLimits::default() };
        let mut guard = UnknownGuard::new(&limits);
        fed(&mut guard, MonoUs(0), 10, 10);
        assert!(guard.gate(MonoUs(0)).is_go());
        assert_eq!(guard.sampled(), 1);
    }
}
