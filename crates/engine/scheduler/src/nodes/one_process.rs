//! Both agreements for several schedulers in one process: what tests run on, and the model for one over a database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mail_model::{MonoUs, SourceName};
use parking_lot::Mutex;

use crate::nodes::ownership::{Held, SourceOwnership};
use crate::nodes::shared_guard::{NetblockAt, News, Share, SharedGuard};

/// For how long a source is lent …
const SOURCE_TERM: Duration = Duration::from_secs(60);
/// … and how much longer the next one waits for an owner that does not answer: its longest mail in hand.
const GRACE: Duration = Duration::from_secs(700);
/// For how long a part of an allowance is lent.
const SHARE_TERM: Duration = Duration::from_secs(5);
/// A learned rate that has moved by less than this share is the same one.
const NEWS_SHARE: f64 = 0.01;
/// Asked again after this time.
const ASK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Slot {
    owner: u32,
    fence: u64,
    /// Who is to have it next.
    heir: Option<u32>,
    /// The owner may be using it until then; `None`: it said that it does not.
    used_until: Option<MonoUs>,
}

#[derive(Debug, Default)]
struct Block {
    /// What all may send together, once a node has learned something.
    allowance: Option<f64>,
    learned: BTreeMap<u32, f64>,
    carried: BTreeMap<u32, f64>,
    wants: BTreeMap<u32, f64>,
    lent: BTreeMap<u32, Share>,
}

#[derive(Debug, Default)]
struct Shared {
    sources: BTreeMap<SourceName, Slot>,
    blocks: BTreeMap<NetblockAt, Block>,
}

/// What the nodes of one process share. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct OneProcess(Arc<Mutex<Shared>>);

impl OneProcess {
    /// Nothing is anybody's.
    pub fn new() -> Self {
        Self::default()
    }

    /// One node's view.
    pub fn node(&self, number: u32) -> Arc<Node> {
        Arc::new(Node { shared: self.clone(), number })
    }

    /// The source is to be this node's: at once when it is nobody's, else when its owner has let go.
    pub fn give(&self, source: &SourceName, node: u32) {
        let mut shared = self.0.lock();
        let fresh = || Slot { owner: node, fence: 1, heir: None, used_until: None };
        let slot = shared.sources.entry(source.clone()).or_insert_with(fresh);
        slot.heir = (slot.owner != node).then_some(node);
    }

    /// What is lent of a netblock at `now`, all nodes together, mails a minute.
    pub fn lent_per_min(&self, at: &NetblockAt, now: MonoUs) -> f64 {
        let shared = self.0.lock();
        let lent = shared.blocks.get(at).into_iter().flat_map(|block| block.lent.values());
        lent.filter_map(|share| share.rate_at(now)).sum()
    }
}

/// One node's view of what is shared.
#[derive(Clone, Debug)]
pub struct Node {
    shared: OneProcess,
    number: u32,
}

impl SourceOwnership for Node {
    fn held(&self, source: &SourceName, now: MonoUs) -> Held {
        let mut shared = self.shared.0.lock();
        let not_ours = Held::NotOurs { ask_again: now + ASK_AGAIN };
        let Some(slot) = shared.sources.get_mut(source) else { return not_ours };
        let is_free = slot.used_until.is_none_or(|until| now >= until + GRACE);
        if let (Some(heir), true) = (slot.heir, is_free) {
            *slot = Slot { owner: heir, fence: slot.fence + 1, heir: None, used_until: None };
        }
        if slot.owner != self.number || slot.heir.is_some() {
            return not_ours;
        }
        let until = now + SOURCE_TERM;
        slot.used_until = Some(until);
        Held::Ours { until, fence: slot.fence }
    }

    fn idle(&self, source: &SourceName, _: MonoUs) {
        let mut shared = self.shared.0.lock();
        if let Some(slot) = shared.sources.get_mut(source).filter(|slot| slot.owner == self.number) {
            slot.used_until = None;
        }
    }
}

impl SharedGuard for Node {
    fn share(&self, at: &NetblockAt, news: News, now: MonoUs) -> Share {
        let mut shared = self.shared.0.lock();
        let block = shared.blocks.entry(at.clone()).or_default();
        block.wants.insert(self.number, news.wants_per_min.max(0.0));
        block.carried.insert(self.number, news.carried_per_min.max(0.0));
        block.learn(self.number, news.learned_per_min.filter(|rate| rate.is_finite() && *rate > 0.0));
        let share = Share { rate_per_min: block.part_of(self.number, now), until: now + SHARE_TERM, term: SHARE_TERM };
        block.lent.insert(self.number, share);
        share
    }
}

impl Block {
    /// Takes in a lesson; one that was told before is none.
    fn learn(&mut self, node: u32, learned: Option<f64>) {
        let Some(rate) = learned else { return };
        let known = self.learned.insert(node, rate);
        if known.is_none_or(|known| (known - rate).abs() > known * NEWS_SHARE) {
            let others = self.carried.iter().filter(|(other, _)| **other != node);
            self.allowance = Some(rate + others.map(|(_, carried)| carried).sum::<f64>());
        }
    }

    /// What this node may have: its part by what is wanted, and no more than what others have not.
    fn part_of(&self, node: u32, now: MonoUs) -> Option<f64> {
        let all = self.allowance?;
        let others = self.lent.iter().filter(|(other, _)| **other != node);
        let lent: f64 = others.filter_map(|(_, share)| share.rate_at(now)).sum();
        let wanted: f64 = self.wants.values().sum();
        let own = self.wants.get(&node).copied().unwrap_or_default();
        let fair = if wanted > 0.0 { all * own / wanted } else { all };
        Some(fair.min(all - lent).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> MonoUs {
        MonoUs(seconds * 1_000_000)
    }

    fn source() -> SourceName {
        "s1".parse().unwrap()
    }

    fn block() -> NetblockAt {
        let netblock = Arc::from("192.0.2.0/24");
        NetblockAt { carrier: "docomo".parse().unwrap(), site: mail_model::SiteName::none(), netblock }
    }

    fn is_ours(node: &Node, now: MonoUs) -> Option<u64> {
        match node.held(&source(), now) {
            Held::Ours { fence, .. } => Some(fence),
            Held::NotOurs { .. } => None,
        }
    }

    #[test]
    fn a_source_changes_hands_when_its_owner_lets_go_and_its_fence_grows() {
        let all = OneProcess::new();
        let (one, other) = (all.node(1), all.node(2));
        assert_eq!((is_ours(&one, s(0)), is_ours(&other, s(0))), (None, None), "nobody's");
        all.give(&source(), 1);
        assert_eq!((is_ours(&one, s(0)), is_ours(&other, s(0))), (Some(1), None));
        all.give(&source(), 2);
        assert_eq!((is_ours(&one, s(1)), is_ours(&other, s(1))), (None, None), "the owner still uses it");
        other.idle(&source(), s(1));
        assert_eq!(is_ours(&other, s(2)), None, "only its owner can let it go");
        one.idle(&source(), s(3));
        assert_eq!((is_ours(&other, s(3)), is_ours(&one, s(3))), (Some(2), None));
    }

    #[test]
    fn an_owner_that_does_not_answer_is_waited_for_and_then_not() {
        let all = OneProcess::new();
        let (one, other) = (all.node(1), all.node(2));
        all.give(&source(), 1);
        assert_eq!(is_ours(&one, s(10)), Some(1));
        all.give(&source(), 2);
        assert_eq!(is_ours(&other, s(10 + 60 + 699)), None);
        assert_eq!(is_ours(&other, s(10 + 60 + 700)), Some(2));
        assert_eq!(is_ours(&one, s(10 + 60 + 700)), None);
    }

    #[test]
    fn a_change_of_mind_before_the_change_leaves_the_source_where_it_is() {
        let all = OneProcess::new();
        let (one, other) = (all.node(1), all.node(2));
        all.give(&source(), 1);
        assert_eq!(is_ours(&one, s(0)), Some(1));
        all.give(&source(), 2);
        all.give(&source(), 1);
        assert_eq!((is_ours(&one, s(1)), is_ours(&other, s(1))), (Some(1), None));
    }

    #[test]
    fn parts_follow_what_is_wanted_and_never_sum_to_more_than_there_is() {
        let all = OneProcess::new();
        let (one, other) = (all.node(1), all.node(2));
        let news = |wants_per_min, learned_per_min| News { wants_per_min, learned_per_min, ..News::default() };
        assert_eq!(one.share(&block(), news(100.0, None), s(0)).rate_per_min, None, "no limit is known");
        assert_eq!(one.share(&block(), news(100.0, Some(60.0)), s(1)).rate_per_min, Some(60.0));
        let wants = [(100.0, 100.0), (100.0, 20.0), (0.0, 50.0), (80.0, 80.0), (10.0, 500.0)];
        let mut now = 1_u64;
        for (a, b) in wants {
            for _ in 0..12 {
                now += 1;
                let first = one.share(&block(), news(a, Some(60.0)), s(now)).rate_per_min.unwrap();
                let second = other.share(&block(), news(b, None), s(now)).rate_per_min.unwrap();
                assert!(first + second <= 60.0 + 1e-9 && all.lent_per_min(&block(), s(now)) <= 60.0 + 1e-9);
            }
            let part = one.share(&block(), news(a, Some(60.0)), s(now)).rate_per_min.unwrap();
            assert!((part - 60.0 * a / (a + b)).abs() < 1e-6, "{a} and {b}: {part}");
        }
    }

    #[test]
    fn what_one_node_learns_is_learned_beside_what_the_others_carry() {
        let all = OneProcess::new();
        let (one, other) = (all.node(1), all.node(2));
        let sending = |carried_per_min, learned_per_min| News {
            wants_per_min: 100.0,
            carried_per_min,
            refusals: 0,
            learned_per_min,
        };
        other.share(&block(), sending(25.0, None), s(0));
        let first = one.share(&block(), sending(35.0, Some(35.0)), s(1)).rate_per_min;
        assert_eq!(first, Some(30.0), "half of the sixty that both carried");
        let second = other.share(&block(), sending(25.0, None), s(2)).rate_per_min;
        assert_eq!(second, Some(30.0));
        // The same lesson again, while the other carries something else, is no lesson.
        other.share(&block(), sending(5.0, None), s(3));
        assert_eq!(one.share(&block(), sending(35.0, Some(35.1)), s(4)).rate_per_min, Some(30.0));
    }

    #[test]
    fn a_node_that_is_cut_off_gives_up_its_part_term_by_term_to_the_other() {
        let all = OneProcess::new();
        let (one, other) = (all.node(1), all.node(2));
        let news = News { wants_per_min: 100.0, learned_per_min: Some(64.0), ..News::default() };
        let of_other = News { learned_per_min: None, ..news };
        let mut cut_off = one.share(&block(), news, s(0));
        for now in 1..=20 {
            cut_off = one.share(&block(), news, s(now));
            other.share(&block(), of_other, s(now));
        }
        for now in 21..80 {
            let kept = cut_off.rate_at(s(now)).unwrap();
            let got = other.share(&block(), News { wants_per_min: 1e9, ..of_other }, s(now)).rate_per_min.unwrap();
            assert!(kept + got <= 64.0 + 1e-9, "at {now}: {kept} and {got}");
        }
        assert_eq!(cut_off.rate_at(s(80)), Some(0.0));
    }
}
