//! One lane's mail on its way through a forecast. Pure.

use std::collections::VecDeque;

use super::model::{CrowdView, PutOff};

#[derive(Clone, Debug)]
pub(crate) struct CrowdRun<'w> {
    view: &'w CrowdView,
    pub(crate) rank: usize,
    /// Number of its set of paths among those of its group.
    pub(crate) pool: usize,
    ahead: f64,
    first: f64,
    again: f64,
    /// What waits for a second attempt, and for later ones.
    later: [VecDeque<(f64, f64)>; 3],
    /// The sum of what waits.
    waiting: f64,
}

impl<'w> CrowdRun<'w> {
    pub(crate) fn new(view: &'w CrowdView, pool: usize) -> Self {
        let later = [view.ours_later.iter().copied().collect(), VecDeque::new(), VecDeque::new()];
        let waiting = view.of_ours() - view.ours;
        Self { view, rank: view.rank(), pool, ahead: view.ahead, first: view.ours, again: 0.0, later, waiting }
    }

    /// Brings back what falls due until then.
    pub(crate) fn wake(&mut self, until_s: f64) {
        for later in &mut self.later {
            while let Some((due_s, mails)) = later.front().copied()
                && due_s <= until_s
            {
                self.again += mails;
                self.waiting = (self.waiting - mails).max(0.0);
                later.pop_front();
            }
        }
    }

    /// What could be sent now.
    pub(crate) fn due(&self, now_s: f64) -> f64 {
        if self.is_held(now_s) { 0.0 } else { self.ahead + self.first + self.again }
    }

    pub(crate) fn ours_due(&self) -> f64 {
        self.first + self.again
    }

    pub(crate) fn ours_left(&self) -> f64 {
        self.first + self.again + self.waiting
    }

    pub(crate) fn is_held(&self, now_s: f64) -> bool {
        now_s < self.view.held_s
    }

    /// Sends `mails` of it; gives how much of ours was answered for good, and how much of ours was tried.
    ///
    /// What comes back is taken before what was never tried, as most of it wants the source it came from.
    pub(crate) fn send(&mut self, mails: f64, now_s: f64, step_s: f64, put_off: &[PutOff; 2]) -> (f64, f64) {
        let again = self.again.min(mails);
        let ahead = self.ahead.min(mails - again);
        let first = self.first.min(mails - again - ahead);
        self.again -= again;
        self.ahead -= ahead;
        self.first -= first;
        let mut done = 0.0;
        for (place, (tried, PutOff { share, wait_s })) in [first, again].into_iter().zip(put_off).enumerate() {
            let back = tried * share;
            done += tried - back;
            if let Some(later) = self.later.get_mut(place + 1).filter(|_| back > 0.0) {
                // Two halves, because later steps are longer than the one they come back in need be.
                later.extend([0.25, 0.75].map(|at| (now_s + step_s * at + wait_s, back / 2.0)));
                self.waiting += back;
            }
        }
        (done, first + again)
    }
}
