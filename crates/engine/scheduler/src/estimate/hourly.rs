//! What young sources have left of their sliding hour in the course of a forecast. Pure.

use std::collections::VecDeque;

use super::model::Hourly;

/// A mail counts for its own minute and sixty more.
const COUNTS_S: f64 = 3_660.0;

/// The sources by number.
#[derive(Clone, Debug)]
pub(crate) struct HourlyRun {
    /// What each may still send; `None` for a warm one.
    pub(crate) left: Vec<Option<f64>>,
    /// When how much of it comes back.
    back: Vec<VecDeque<(f64, f64)>>,
    before: Vec<Option<f64>>,
    is_any: bool,
}

impl HourlyRun {
    pub(crate) fn new(sources: &[Option<Hourly>]) -> Self {
        let left: Vec<_> = sources.iter().map(|source| source.as_ref().map(|source| source.left)).collect();
        let back = sources.iter().map(|source| source.iter().flat_map(|source| source.back.iter().copied()).collect());
        Self { is_any: left.iter().any(Option::is_some), before: left.clone(), back: back.collect(), left }
    }

    /// Gives back what is an hour old; to be called before each step.
    pub(crate) fn begin(&mut self, now_s: f64) {
        if !self.is_any {
            return;
        }
        for (left, back) in self.left.iter_mut().zip(&mut self.back) {
            while let (Some(left), Some((at_s, mails))) = (left.as_mut(), back.front().copied())
                && at_s <= now_s
            {
                *left += mails;
                back.pop_front();
            }
        }
        self.before.clone_from(&self.left);
    }

    /// Notes what the step sent.
    pub(crate) fn end(&mut self, now_s: f64) {
        if !self.is_any {
            return;
        }
        for ((left, before), back) in self.left.iter().zip(&self.before).zip(&mut self.back) {
            if let (Some(left), Some(before)) = (left, before)
                && before > left
            {
                back.push_back((now_s + COUNTS_S, before - left));
            }
        }
    }

    /// The longest step from now that nothing of it comes back in, if any does within `step_s`.
    pub(crate) fn next_s(&self, now_s: f64, step_s: f64) -> f64 {
        let next =
            self.back.iter().filter_map(|back| back.front()).map(|(at_s, _)| at_s - now_s).fold(step_s, f64::min);
        next.max(step_s / 4.0)
    }
}
