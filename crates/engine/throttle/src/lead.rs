//! Who of a netblock goes where nobody has been: one path at a time, so that a carrier that bans without a warning
//! bans one, and a carrier that counts the network is not surprised by all of them.

use std::time::Duration;

use mail_model::MonoUs;

/// Between two leaders, doubled by each that got nowhere.
const WAIT_MIN: Duration = Duration::from_secs(20);
const WAIT_MAX: Duration = Duration::from_secs(320);

const WAIT_DEAR: Duration = Duration::from_secs(120);

/// A leader that sends nothing leads nobody.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// Getting somewhere is moving the frontier by more than this factor.
const GAIN: f64 = 1.1;

/// The right to lead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lead {
    holder: Option<Holder>,
    not_before: MonoUs,
    wait: Duration,
    wait_min: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    seat: usize,
    frontier: f64,
    seen: MonoUs,
}

/// What one path is about to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim {
    pub(crate) seat: usize,
    /// It is, or would like to be, beyond the frontier.
    pub(crate) ahead: bool,
    /// It is shut.
    pub(crate) shut: bool,
}

impl Lead {
    /// Nobody leads. Where refusals are `dear`, the next one waits for what the last one learns.
    pub(crate) fn new(dear: bool) -> Self {
        let wait_min = if dear { WAIT_DEAR } else { WAIT_MIN };
        Self { holder: None, not_before: MonoUs::default(), wait: wait_min, wait_min }
    }

    /// Whether this path leads from now on. `frontier` is the highest rate any of them has proved.
    pub(crate) fn is_of(&mut self, now: MonoUs, aim: Aim, frontier: f64) -> bool {
        if let Some(holder) = self.holder {
            if holder.seat == aim.seat && aim.ahead && !aim.shut {
                self.holder = Some(Holder { seen: now, ..holder });
                return true;
            }
            if holder.seat == aim.seat {
                let gained = frontier > holder.frontier * GAIN;
                self.wait = if gained { self.wait_min } else { (self.wait * 2).min(WAIT_MAX.max(self.wait_min)) };
                self.not_before = now + self.wait;
                self.holder = None;
            } else if now.since(holder.seen) > IDLE_MAX {
                self.holder = None;
            }
        }
        let free = self.holder.is_none() && now >= self.not_before;
        if free && aim.ahead && !aim.shut {
            self.holder = Some(Holder { seat: aim.seat, frontier, seen: now });
        }
        self.holder.is_some_and(|holder| holder.seat == aim.seat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(s: u64) -> MonoUs {
        MonoUs(s * 1_000_000)
    }

    #[test]
    fn one_leads_until_it_is_turned_away_and_the_next_waits_the_longer_the_less_was_gained() {
        let aim = |seat: usize, ahead: bool, shut: bool| Aim { seat, ahead, shut };
        // (second, seat, ahead, shut, frontier, leads)
        let table = [
            (0, 0, true, false, 30.0, true),
            (1, 1, true, false, 30.0, false),
            (10, 0, true, false, 100.0, true),
            (12, 0, true, true, 100.0, false),
            (13, 1, true, false, 100.0, false),
            (32, 1, true, false, 100.0, true),
            (34, 1, true, true, 100.0, false),
            (60, 2, true, false, 100.0, false),
            (74, 2, true, false, 100.0, true),
            (80, 2, false, false, 150.0, false),
            (99, 3, true, false, 150.0, false),
            (100, 3, true, false, 150.0, true),
            (119, 0, true, false, 150.0, false),
            (121, 0, true, false, 150.0, true),
        ];
        let mut lead = Lead::new(false);
        for (at, seat, ahead, shut, frontier, leads) in table {
            assert_eq!(lead.is_of(second(at), aim(seat, ahead, shut), frontier), leads, "seat {seat} at {at} s");
        }
    }
}
