//! The forecast: mail as a fluid, in steps of a fiftieth of the time passed. Pure.
//!
//! Work-conserving: within a class every open path takes what is there, so only sums matter. Played three times, with
//! different bets on what is not known yet. *Rejected*: playing single mails, which would be exact for one course of
//! events and cost a thousand times more; a closed formula, which rests, hours and growing paces do not have.

use super::bet::Bet;
use super::group_run::{Course, GroupRun};
use super::hourly::HourlyRun;
use super::model::World;

/// Nobody waits longer for an answer that means anything.
const HORIZON_S: f64 = 72.0 * 3_600.0;
/// A step, as a share of the time passed. At 2 % the error of a percentile stays below 1 %.
const STEP: f64 = 0.02;
/// The first steps, as a share of what everything would take at the first pace.
const FIRST_STEP: f64 = 0.01;
const FIRST_STEP_S: (f64, f64) = (0.02, 2.0);
/// Normal mail never takes the last quarter of the engine's sessions.
const NORMAL_SESSIONS: f64 = 0.75;

/// Plays it; one course per group, in the world's order.
pub(crate) fn run(world: &World, bet: Bet) -> Vec<Course> {
    let mut groups: Vec<GroupRun<'_>> =
        world.groups.iter().map(|view| GroupRun::new(view, &world.sources, bet)).collect();
    let mut hourly = HourlyRun::new(&world.sources);
    let first_s = first_step_s(&groups);
    let mut now_s = 0.0;
    while now_s < HORIZON_S && groups.iter().any(|group| !group.is_over()) {
        let step_s = hourly.next_s(now_s, (now_s * STEP).max(first_s));
        hourly.begin(now_s);
        let share = engine_share(&mut groups, world.sessions_max, now_s, step_s);
        for group in groups.iter_mut().filter(|group| !group.is_over()) {
            group.serve(now_s, step_s, share, &mut hourly.left);
        }
        hourly.end(now_s);
        now_s += step_s;
    }
    groups.into_iter().map(GroupRun::end).collect()
}

fn first_step_s(groups: &[GroupRun<'_>]) -> f64 {
    let whole_s = groups.iter().map(GroupRun::at_first_pace_s).filter(|s| s.is_finite()).fold(0.0, f64::max);
    (whole_s * FIRST_STEP).clamp(FIRST_STEP_S.0, FIRST_STEP_S.1)
}

/// What part of the paces the engine's own sessions can carry in this step.
fn engine_share(groups: &mut [GroupRun<'_>], sessions_max: f64, now_s: f64, step_s: f64) -> f64 {
    let mut needed = 0.0;
    let mut urgent = false;
    for group in groups.iter_mut().filter(|group| !group.is_over()) {
        group.look(now_s, step_s);
        needed += group.sessions_needed(step_s);
        urgent |= group.is_urgent();
    }
    let room = if urgent { sessions_max } else { sessions_max * NORMAL_SESSIONS };
    if needed <= room { 1.0 } else { room.max(1.0) / needed }
}
