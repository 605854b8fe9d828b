//! How full each limit is, for each source, netblock or all.

use std::collections::VecDeque;

use crate::SECOND;
use crate::behaviour::{Limit, LimitKind, Of, Per};
use crate::world::Scenario;

/// Places of one source in the three ways of adding up.
pub(super) type Keys = [(Per, usize); 3];

/// Who belongs to whom, their standing, and what they got accepted.
#[derive(Clone, Debug)]
pub(super) struct Owners {
    netblock_of: Vec<usize>,
    standing: Vec<f64>,
    days: [Vec<f64>; 3],
    accepted: [Vec<u64>; 3],
}

pub(super) fn dimension(per: Per) -> usize {
    match per {
        Per::Source => 0,
        Per::Netblock => 1,
        Per::Carrier => 2,
    }
}

impl Owners {
    pub fn of(scenario: &Scenario) -> Self {
        let netblock_of: Vec<usize> = scenario.sources.iter().map(|source| source.netblock).collect();
        let of_source: Vec<f64> = (0..netblock_of.len()).map(|source| scenario.group_of(source).days).collect();
        let netblocks = scenario.netblocks().len();
        // A netblock is known as long as its youngest source.
        let youngest = |keep: &dyn Fn(usize) -> bool| {
            let days = of_source.iter().enumerate().filter(|(source, _)| keep(*source)).map(|(_, days)| *days);
            days.fold(f64::INFINITY, f64::min)
        };
        let of_netblock = (0..netblocks).map(|netblock| youngest(&|source| netblock_of[source] == netblock)).collect();
        let of_all = vec![youngest(&|_| true)];
        Self {
            standing: (0..netblock_of.len()).map(|source| scenario.group_of(source).standing).collect(),
            accepted: [vec![0; netblock_of.len()], vec![0; netblocks], vec![0]],
            days: [of_source, of_netblock, of_all],
            netblock_of,
        }
    }

    pub fn key(&self, per: Per, source: usize) -> usize {
        match per {
            Per::Source => source,
            Per::Netblock => self.netblock_of[source],
            Per::Carrier => 0,
        }
    }

    pub fn keys(&self, source: usize) -> Keys {
        [Per::Source, Per::Netblock, Per::Carrier].map(|per| (per, self.key(per, source)))
    }

    pub fn count(&self, per: Per) -> usize {
        self.accepted[dimension(per)].len()
    }

    pub fn accept(&mut self, source: usize) {
        for (per, key) in self.keys(source) {
            self.accepted[dimension(per)][key] += 1;
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Meter {
    /// Tokens, and when they were last filled; `None` is full.
    tokens: f64,
    filled_us: Option<u64>,
    /// When the last ones came.
    taken: VecDeque<u64>,
    /// Number of the clock's window, and how many came in it.
    window: u64,
    in_window: u64,
    /// When those who came before are worked through.
    free_us: u64,
    punished_until_us: u64,
}

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub source: usize,
    pub now_us: u64,
    /// Seconds since midnight of the first day.
    pub clock_s: u64,
}

/// All meters: for each limit one for each owner.
#[derive(Clone, Debug)]
pub(super) struct Meters(Vec<Vec<Meter>>);

impl Meters {
    pub fn new(limits: &[Limit], owners: &Owners) -> Self {
        Self(limits.iter().map(|limit| vec![Meter::default(); owners.count(limit.per)]).collect())
    }

    /// A limit that stays of its kind keeps its meters, filled by the old law until now; any other begins anew.
    pub fn change(&mut self, old: &[Limit], new: &[Limit], owners: &Owners, now_us: u64) {
        for (index, limit) in old.iter().enumerate() {
            for source in 0..owners.count(Per::Source) {
                self.refill(index, limit, owners, Ask { source, now_us, clock_s: 0 });
            }
        }
        let mut kept = std::mem::replace(self, Self::new(new, owners)).0;
        for (index, limit) in new.iter().enumerate() {
            let same = old.get(index).is_some_and(|before| same_kind(before, limit));
            if let (true, Some(meters)) = (same, kept.get_mut(index)) {
                self.0[index] = std::mem::take(meters);
            }
        }
    }

    /// Fills a bucket.
    fn refill(&mut self, index: usize, limit: &Limit, owners: &Owners, ask: Ask) {
        let meter = self.meter(index, limit, owners, ask.source);
        if let LimitKind::Rate { per_min, burst, .. } = limit.kind {
            let factor = meter.factor(limit, owners, ask);
            meter.fill(per_min * factor, (burst * factor).max(1.0), ask.now_us);
        }
    }

    fn meter(&mut self, index: usize, limit: &Limit, owners: &Owners, source: usize) -> &mut Meter {
        &mut self.0[index][owners.key(limit.per, source)]
    }

    /// Whether one more is too many.
    pub fn is_over(&mut self, index: usize, limit: &Limit, owners: &Owners, ask: Ask) -> bool {
        self.refill(index, limit, owners, ask);
        let meter = self.meter(index, limit, owners, ask.source);
        let factor = meter.factor(limit, owners, ask);
        match limit.kind {
            LimitKind::Rate { .. } => {
                // A rounding error of filling must not turn an honest pace into an excess.
                meter.tokens < 1.0 - 1e-6
            }
            LimitKind::Count { most, in_s, by_clock, .. } => {
                let most = (most as f64 * factor).max(1.0);
                meter.forget(in_s, by_clock, ask);
                let taken = if by_clock { meter.in_window } else { meter.taken.len() as u64 };
                taken as f64 + 1.0 > most + 1e-6
            }
            _ => false,
        }
    }

    /// How long one more would wait for those before, ms.
    pub fn wait_ms(&mut self, index: usize, limit: &Limit, owners: &Owners, ask: Ask) -> u64 {
        self.meter(index, limit, owners, ask.source).free_us.saturating_sub(ask.now_us) / 1_000
    }

    /// Counts one that was let through; returns how long it waits for those before, ms.
    pub fn take(&mut self, limits: &[Limit], what: Of, owners: &Owners, ask: Ask) -> u64 {
        let mut wait_us = 0;
        for (index, limit) in limits.iter().enumerate() {
            self.refill(index, limit, owners, ask);
            let meter = self.meter(index, limit, owners, ask.source);
            match limit.kind {
                LimitKind::Rate { of, .. } if of == what => {
                    meter.tokens = (meter.tokens - 1.0).max(0.0);
                }
                LimitKind::Count { of, in_s, by_clock, .. } if of == what => {
                    meter.forget(in_s, by_clock, ask);
                    if by_clock {
                        meter.in_window += 1;
                    } else {
                        meter.taken.push_back(ask.now_us);
                    }
                }
                LimitKind::Capacity { per_min, .. } if what == Of::Mails => {
                    let each_us = 60e6 / (per_min * meter.factor(limit, owners, ask));
                    meter.free_us = meter.free_us.max(ask.now_us) + micros(each_us);
                    wait_us += meter.free_us - ask.now_us;
                }
                _ => {}
            }
        }
        wait_us / 1_000
    }

    /// Narrows a limit after an excess.
    pub fn punish(&mut self, index: usize, limit: &Limit, owners: &Owners, ask: Ask) {
        if let Some(penalty) = limit.penalty {
            self.meter(index, limit, owners, ask.source).punished_until_us = ask.now_us + penalty.for_s * SECOND;
        }
    }
}

impl Meter {
    fn factor(&self, limit: &Limit, owners: &Owners, ask: Ask) -> f64 {
        let standing = if limit.per == Per::Source { owners.standing[ask.source] } else { 1.0 };
        let (dimension, key) = (dimension(limit.per), owners.key(limit.per, ask.source));
        let grown = limit
            .growth
            .as_ref()
            .map_or(1.0, |growth| growth.factor(owners.accepted[dimension][key] as f64, owners.days[dimension][key]));
        let punished = limit.penalty.as_ref().filter(|_| ask.now_us < self.punished_until_us);
        standing * grown * punished.map_or(1.0, |penalty| penalty.factor)
    }

    fn fill(&mut self, per_min: f64, burst: f64, now_us: u64) {
        let gained = self.filled_us.map_or(burst, |at| now_us.saturating_sub(at) as f64 / 60e6 * per_min);
        self.tokens = (self.tokens + gained).min(burst);
        self.filled_us = Some(now_us);
    }

    fn forget(&mut self, in_s: u64, by_clock: bool, ask: Ask) {
        if by_clock {
            let window = ask.clock_s / in_s;
            if window != self.window {
                self.window = window;
                self.in_window = 0;
            }
        } else {
            while self.taken.front().is_some_and(|at| at + in_s * SECOND <= ask.now_us) {
                self.taken.pop_front();
            }
        }
    }
}

/// Microseconds of a computed span; a span of no sense is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and never negative")]
fn micros(span_us: f64) -> u64 {
    span_us as u64
}

fn same_kind(before: &Limit, after: &Limit) -> bool {
    let kinds = match (before.kind, after.kind) {
        (LimitKind::Rate { of, .. }, LimitKind::Rate { of: now, .. }) => of == now,
        (
            LimitKind::Count { of, in_s, by_clock, .. },
            LimitKind::Count { of: of2, in_s: in_s2, by_clock: clock2, .. },
        ) => (of, in_s, by_clock) == (of2, in_s2, clock2),
        (LimitKind::Capacity { .. }, LimitKind::Capacity { .. }) => true,
        _ => false,
    };
    kinds && before.per == after.per
}
