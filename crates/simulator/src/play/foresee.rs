//! Asks the engine of a run when a wave will be through.

use queue::LaneId;
use scheduler::{Audience, Crowd, Past, Work};

use super::world::{Node, World};
use crate::books::seconds;
use crate::ending::Ending;
use crate::foresight::Said;

impl World<'_> {
    /// A wave has been handed in, and nothing of it was sent yet.
    pub(crate) fn foresee(&mut self, wave: usize) {
        let said = self.asked(wave, false);
        self.foresight.before(wave, said);
    }

    /// A mail has ended.
    pub(crate) fn foresaw(&mut self, wave: u32, ending: Ending) {
        let wave = wave as usize;
        let is_settled = matches!(ending, Ending::Accepted | Ending::Unknown);
        if self.foresight.ended(wave, is_settled, self.after_s(wave)) {
            let said = self.asked(wave, true);
            self.foresight.at_quarter(wave, said);
        }
    }

    /// Each node foresees its own part; the later one is the answer.
    fn asked(&self, wave: usize, begun: bool) -> Option<Said> {
        let nodes: Vec<&Node> = self.nodes.iter().collect();
        let parts = nodes.len() as u64;
        let said = |node: &&Node| {
            let audience = self.audience(wave, node, parts, begun);
            let estimate = node.scheduler.estimate(&audience);
            (estimate.all.mails > 0).then(|| Said::of(&estimate))
        };
        nodes.iter().filter_map(said).reduce(Said::later)
    }

    fn audience(&self, wave: usize, node: &Node, parts: u64, begun: bool) -> Audience {
        let carrier = &self.scenario.carriers[self.scenario.waves[wave].carrier].name;
        let (mails, ended) = self.foresight.count(wave);
        let left = (mails - ended).div_ceil(parts);
        let own = node.lanes[wave];
        let crowd = |(id, lane): (LaneId, mail_model::Lane)| {
            let all = node.shelf.waiting(id);
            if id != own {
                return Crowd { ahead: all, ..Crowd::fresh(lane, 0) };
            }
            let (put_off, due) = node.shelf.put_off(id, self.unix());
            let ahead = if begun { 0 } else { all.saturating_sub(left) };
            Crowd { lane, mails: left.min(all), waiting: if begun { put_off.min(left) } else { 0 }, due, ahead }
        };
        let lanes = node.shelf.lanes().into_iter().filter(|(_, lane)| lane.carrier == *carrier);
        let last = [(self.after_s(wave), ended)];
        let curve = self.foresight.curve(wave).iter().chain(&last).map(|(at_s, n)| (*at_s, n / parts));
        Audience {
            crowds: lanes.map(crowd).collect(),
            past: vec![Past { carrier: carrier.clone(), curve: curve.collect() }],
            elapsed_s: self.after_s(wave),
            not_after: self.deadline(u32::try_from(wave).unwrap_or(u32::MAX)).not_after,
        }
    }

    fn after_s(&self, wave: usize) -> f64 {
        seconds(self.now) - seconds_of(self.scenario.waves[wave].at_s)
    }
}

fn seconds_of(at_s: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a week has 604,800 s")]
    let seconds = at_s as f64;
    seconds
}
