//! One hidden limit as a fluid: how much may flow through it in the next step.

use std::collections::VecDeque;

use crate::behaviour::{Growth, Limit, LimitKind, Of};

/// Steps of the integration in a second. Every span of a scenario is whole seconds, so steps never straddle a change.
pub(super) const STEPS_PER_S: usize = 4;
/// Length of a step.
pub(super) const STEP_S: f64 = 1.0 / STEPS_PER_S as f64;

/// What a limit allows, in mails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Law {
    Bucket { per_s: f64, burst: f64 },
    Window { most: f64, steps: usize },
    Clock { most: f64, in_s: u64 },
}

/// A law with its state.
#[derive(Clone, Debug)]
pub(super) struct Valve {
    law: Law,
    growth: Option<(Growth, f64)>,
    tokens: f64,
    recent: VecDeque<f64>,
    in_window: f64,
    window: u64,
    factor: f64,
}

impl Valve {
    /// `growth` comes with the days its owner is known.
    pub fn new(law: Law, growth: Option<(Growth, f64)>) -> Self {
        let mut valve = Self {
            law,
            growth,
            tokens: f64::INFINITY,
            recent: VecDeque::new(),
            in_window: 0.0,
            window: 0,
            factor: 1.0,
        };
        valve.grow(0.0);
        valve
    }

    /// Takes over what flowed through the same limit in the period before.
    pub fn resume(&mut self, before: &Self) {
        let same = match (self.law, before.law) {
            (Law::Bucket { .. }, Law::Bucket { .. }) => true,
            (Law::Window { steps, .. }, Law::Window { steps: before, .. }) => steps == before,
            (Law::Clock { in_s, .. }, Law::Clock { in_s: before, .. }) => in_s == before,
            _ => false,
        };
        if same {
            self.tokens = before.tokens;
            self.recent.clone_from(&before.recent);
            self.in_window = before.in_window;
            self.window = before.window;
        }
    }

    fn grow(&mut self, accepted: f64) {
        self.factor = self.growth.as_ref().map_or(1.0, |(growth, days)| growth.factor(accepted, *days));
    }

    /// Most that may flow in the step that begins now. `accepted` so far widens it.
    pub fn room(&mut self, clock_s: u64, accepted: f64) -> f64 {
        self.grow(accepted);
        match self.law {
            Law::Bucket { per_s, burst } => {
                self.tokens = self.tokens.min(burst * self.factor);
                self.tokens + per_s * self.factor * STEP_S
            }
            Law::Window { most, steps } => {
                while self.recent.len() >= steps {
                    self.in_window -= self.recent.pop_front().unwrap_or(0.0);
                }
                self.left_of(most)
            }
            Law::Clock { most, in_s } => {
                if clock_s / in_s != self.window {
                    self.window = clock_s / in_s;
                    self.in_window = 0.0;
                }
                self.left_of(most)
            }
        }
    }

    /// Mails are counted whole.
    fn left_of(&self, most: f64) -> f64 {
        ((most * self.factor + 1e-6).floor() - self.in_window).max(0.0)
    }

    /// So much flowed in the step.
    pub fn flow(&mut self, mails: f64) {
        match self.law {
            Law::Bucket { per_s, burst } => {
                self.tokens = (self.tokens + per_s * self.factor * STEP_S - mails).clamp(0.0, burst * self.factor);
            }
            Law::Window { .. } => {
                self.recent.push_back(mails);
                self.in_window += mails;
            }
            Law::Clock { .. } => self.in_window += mails,
        }
    }
}

/// The law of a rate or quota, its factor of standing included; `None` for kinds that need more than themselves.
pub(super) fn law_of(limit: &Limit, standing: f64, mails_per_session: Option<f64>) -> Option<Law> {
    // Connections allow mails only as far as a session carries them.
    let worth = |of: Of| match of {
        Of::Mails => Some(1.0),
        Of::Connections => mails_per_session,
    };
    match limit.kind {
        LimitKind::Rate { of, per_min, burst } => {
            let worth = worth(of)? * standing;
            Some(Law::Bucket { per_s: per_min / 60.0 * worth, burst: (burst * worth).max(1.0) })
        }
        LimitKind::Count { of, most, in_s, by_clock } => {
            let most = (most as f64 * worth(of)? * standing).max(1.0);
            Some(if by_clock { Law::Clock { most, in_s } } else { Law::Window { most, steps: steps(in_s) } })
        }
        // One is being worked on when the first step begins.
        LimitKind::Capacity { per_min, .. } => Some(Law::Bucket { per_s: per_min / 60.0 * standing, burst: 1.0 }),
        LimitKind::Sessions { .. } | LimitKind::SessionMails { .. } => None,
    }
}

/// Steps of a span in whole seconds.
pub(super) fn steps(in_s: u64) -> usize {
    usize::try_from(in_s).unwrap_or(usize::MAX).saturating_mul(STEPS_PER_S)
}
