//! What several nodes that send for one ward must agree on: which sources are whose, and how much of a netblock's allowance
//! is whose. A node alone agrees with itself, and pays nothing for it.
//!
//! Limits are per source and carrier, and a source belongs to one node at a time, so nodes need not share what a path
//! learned. What a carrier counts by network is the one thing that two nodes can exceed together.

mod one_process;
mod ownership;
mod shared_guard;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mail_model::{MonoUs, SourceName};
use throttle::Gate;

pub use one_process::{Node, OneProcess};
pub use ownership::{AllOurs, Held, SourceOwnership};
pub use shared_guard::{Local, NetblockAt, News, Share, SharedGuard};

/// How often a share is asked for; in between the last answer holds.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// One netblock's share, and the even pace that keeps to it.
struct Holding {
    share: Share,
    asked: MonoUs,
    /// Since it was asked for.
    refusals: u32,
    handed: u32,
    /// When the next mail may leave.
    next: MonoUs,
}

/// A node's part of what is shared.
pub(crate) struct Nodes {
    ownership: Arc<dyn SourceOwnership>,
    guard: Arc<dyn SharedGuard>,
    open: HashMap<SourceName, u32>,
    holdings: HashMap<NetblockAt, Holding>,
}

impl Default for Nodes {
    fn default() -> Self {
        Self::new(Arc::new(AllOurs), Arc::new(Local))
    }
}

impl Nodes {
    pub(crate) fn new(ownership: Arc<dyn SourceOwnership>, guard: Arc<dyn SharedGuard>) -> Self {
        Self { ownership, guard, open: HashMap::new(), holdings: HashMap::new() }
    }

    /// Whether this node may send from the source now. A source that another node waits for is let go as soon as no
    /// session of ours uses it.
    pub(crate) fn may_use(&self, source: &SourceName, now: MonoUs) -> Gate {
        match self.ownership.held(source, now) {
            Held::Ours { until, .. } if now < until => Gate::Go,
            Held::Ours { .. } => Gate::WaitUntil(now + ASKED_EVERY),
            Held::NotOurs { ask_again } => {
                if !self.open.contains_key(source) {
                    self.ownership.idle(source, now);
                }
                Gate::WaitUntil(ask_again.max(now + Duration::from_millis(1)))
            }
        }
    }

    /// A session by this source is being opened.
    pub(crate) fn opened(&mut self, source: &SourceName) {
        *self.open.entry(source.clone()).or_default() += 1;
    }

    /// It has ended.
    pub(crate) fn closed(&mut self, source: &SourceName, now: MonoUs) {
        let left = self.open.get_mut(source).map(|open| {
            *open = open.saturating_sub(1);
            *open
        });
        if left == Some(0) {
            self.open.remove(source);
            self.ownership.idle(source, now);
        }
    }

    /// Whether a mail may leave by this netblock now, as far as other nodes are concerned. Takes nothing;
    /// [`Nodes::handed`] does. `news` is made at most once a second.
    pub(crate) fn look(&mut self, at: impl FnOnce() -> NetblockAt, news: impl FnOnce() -> News, now: MonoUs) -> Gate {
        if self.guard.is_local() {
            return Gate::Go;
        }
        let at = at();
        let stale = self.holdings.get(&at).is_none_or(|holding| now >= holding.asked + ASKED_EVERY);
        if stale {
            let known = self.holdings.get(&at);
            let refusals = known.map_or(0, |holding| holding.refusals);
            let per_min =
                |holding: &Holding| f64::from(holding.handed) * 60.0 / now.since(holding.asked).as_secs_f64().max(1.0);
            let carried_per_min = known.map_or(0.0, per_min);
            let next = known.map_or(now, |holding| holding.next);
            let share = self.guard.share(&at, News { refusals, carried_per_min, ..news() }, now);
            self.holdings.insert(at.clone(), Holding { share, asked: now, refusals: 0, handed: 0, next });
        }
        let Some(holding) = self.holdings.get(&at) else { return Gate::Go };
        match holding.share.rate_at(now) {
            None => Gate::Go,
            Some(rate) if rate <= 0.0 => Gate::WaitUntil(now + ASKED_EVERY),
            Some(_) if now < holding.next => Gate::WaitUntil(holding.next),
            Some(_) => Gate::Go,
        }
    }

    /// A mail left after a look that said go.
    pub(crate) fn handed(&mut self, at: impl FnOnce() -> NetblockAt, now: MonoUs) {
        if self.guard.is_local() {
            return;
        }
        let Some(holding) = self.holdings.get_mut(&at()) else { return };
        holding.handed = holding.handed.saturating_add(1);
        if let Some(rate) = holding.share.rate_at(now).filter(|rate| *rate > 0.0) {
            // No credit for time in which nothing was sent: another node may have used it.
            holding.next = now.max(holding.next) + Duration::from_secs_f64((60.0 / rate).min(3_600.0));
        }
    }

    /// The carrier asked for less.
    pub(crate) fn refused(&mut self, at: impl FnOnce() -> NetblockAt) {
        if self.guard.is_local() {
            return;
        }
        if let Some(holding) = self.holdings.get_mut(&at()) {
            holding.refusals = holding.refusals.saturating_add(1);
        }
    }
}
