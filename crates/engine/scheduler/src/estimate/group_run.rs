//! One carrier on its way through a forecast: its paths move, its lanes are served by class. Pure.

use super::bet::{Bet, Moving};
use super::bind::{Lost, Moment};
use super::crowd_run::CrowdRun;
use super::curve::Curve;
use super::model::{CrowdView, GroupView, Hourly, PathView};

/// How one group came off.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Course {
    /// Mail of the campaign that was answered for good, by time.
    pub(crate) curve: Curve,
    /// What held it back.
    pub(crate) lost: Lost,
}

/// Places in the order of classes from which on warm-up caps hold.
const CAPPED_RANK: usize = 2;

#[derive(Clone, Debug)]
pub(crate) struct GroupRun<'w> {
    view: &'w GroupView,
    bet: Bet,
    paths: Vec<Moving>,
    netblocks: Vec<Moving>,
    crowds: Vec<CrowdRun<'w>>,
    /// Sets of paths that lanes may use.
    pools: Vec<Vec<bool>>,
    /// What each path may do in this moment, mails a second, before its netblock has a say.
    own: Vec<f64>,
    /// Paths whose pace still moves, or that are shut.
    restless: Vec<usize>,
    /// The others together.
    rested: Sums,
    /// What of each netblock's sum goes.
    goes: Vec<f64>,
    /// What each path has left in this step; unused while `simple`.
    room: Vec<f64>,
    /// Room for an order of lanes.
    order: Vec<usize>,
    moment: Moment,
    /// Every lane may use every path: but for young sources only the sum matters.
    simple: bool,
    /// Paths of young sources.
    young: Vec<usize>,
    left: f64,
    enough: f64,
    done: f64,
    course: Course,
}

/// Paths added up, mails a second.
#[derive(Clone, Debug, Default)]
struct Sums {
    whole: f64,
    open: f64,
    by_sessions: f64,
    by_netblock: Vec<f64>,
}

impl Sums {
    fn add(&mut self, path: &PathView, pace: f64, open: f64, own: f64) {
        self.whole += pace;
        self.open += open;
        self.by_sessions += own;
        if let Some(sum) = self.by_netblock.get_mut(path.netblock) {
            *sum += own;
        }
    }
}

impl<'w> GroupRun<'w> {
    pub(crate) fn new(view: &'w GroupView, sources: &[Option<Hourly>], bet: Bet) -> Self {
        let start_s = |path: &PathView| path.shut_s.max(view.pause_s);
        let paths = view.paths.iter().map(|path| Moving::new(&path.pace, bet, start_s(path))).collect();
        let netblocks: Vec<_> = view.netblocks.iter().map(|pace| Moving::new(pace, bet, view.pause_s)).collect();
        let mut pools: Vec<Vec<bool>> = Vec::new();
        let crowd = |crowd: &'w CrowdView| {
            let known = pools.iter().position(|pool| *pool == crowd.members);
            let pool = known.unwrap_or_else(|| {
                pools.push(crowd.members.clone());
                pools.len() - 1
            });
            CrowdRun::new(crowd, pool)
        };
        let crowds: Vec<CrowdRun<'_>> = view.crowds.iter().map(crowd).collect();
        let is_young =
            |at: &usize| view.paths.get(*at).is_some_and(|path| matches!(sources.get(path.source), Some(Some(_))));
        let left = view.of_ours();
        Self {
            bet,
            paths,
            rested: Sums { by_netblock: vec![0.0; netblocks.len()], ..Sums::default() },
            goes: vec![1.0; netblocks.len()],
            netblocks,
            simple: pools.iter().all(|pool| pool.iter().all(|member| *member)),
            pools,
            own: vec![0.0; view.paths.len()],
            restless: (0..view.paths.len()).collect(),
            young: (0..view.paths.len()).filter(is_young).collect(),
            room: Vec::with_capacity(view.paths.len()),
            order: Vec::with_capacity(crowds.len()),
            crowds,
            moment: Moment::default(),
            left,
            // A fluid never ends; a fraction of a mail is none.
            enough: (left * 0.002).min(0.5),
            done: 0.0,
            course: Course { curve: Curve::of(vec![(0.0, 0.0)]), lost: Lost::default() },
            view,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left <= self.enough
    }

    /// Seconds that everything would take at the first pace; infinite when nothing is open.
    pub(crate) fn at_first_pace_s(&self) -> f64 {
        let per_s: f64 = self.view.paths.iter().map(|path| path.pace.now_per_s.min(path.pace.max_per_s)).sum();
        self.left / per_s
    }

    pub(crate) fn is_urgent(&self) -> bool {
        self.crowds.iter().any(|crowd| crowd.rank < CAPPED_RANK && crowd.ours_left() > 0.0)
    }

    /// Works out what each path may do in this step, before warm-up and the engine's sessions.
    pub(crate) fn look(&mut self, now_s: f64, step_s: f64) {
        let middle_s = now_s + step_s / 2.0;
        for crowd in &mut self.crowds {
            crowd.wake(middle_s);
        }
        let Self { view, bet, paths, netblocks, own, restless, rested, goes, .. } = self;
        if restless.is_empty() && netblocks.iter().all(Moving::stands) && !self.moment.paused {
            return;
        }
        let mut moving = Sums { by_netblock: std::mem::take(goes), ..Sums::default() };
        moving.by_netblock.fill(0.0);
        restless.retain(|at| {
            let (Some(path), Some(pace), Some(own)) = (view.paths.get(*at), paths.get_mut(*at), own.get_mut(*at))
            else {
                return false;
            };
            let shut_s = path.shut_s.max(view.pause_s);
            let open_share = ((now_s + step_s - shut_s) / step_s).clamp(0.0, 1.0);
            let whole = pace.at(middle_s) * view.efficiency;
            let sessions = bet.sessions(path.sessions, path.sessions_max);
            *own = whole.min(view.by_sessions_per_s(sessions, bet.mail_s(), bet.slowness())) * open_share;
            let rests = pace.stands() && now_s >= shut_s;
            let sums = if rests { &mut *rested } else { &mut moving };
            sums.add(path, whole, whole * open_share, *own);
            !rests
        });
        let mut by_netblock = rested.by_sessions + moving.by_sessions;
        for (at, moving_sum) in moving.by_netblock.iter_mut().enumerate() {
            let sum = *moving_sum + rested.by_netblock.get(at).copied().unwrap_or(0.0);
            let may = netblocks.get_mut(at).map_or(f64::INFINITY, |pace| pace.at(middle_s));
            by_netblock -= (sum - may).max(0.0);
            *moving_sum = if sum > may { may / sum } else { 1.0 };
        }
        *goes = moving.by_netblock;
        self.moment = Moment {
            paused: now_s < view.pause_s,
            whole: rested.whole + moving.whole,
            open: rested.open + moving.open,
            by_sessions: rested.by_sessions + moving.by_sessions,
            by_netblock: by_netblock.max(0.0),
            ..Moment::default()
        };
    }

    /// What a path may do in this moment, its netblock considered.
    fn per_s(&self, at: usize) -> f64 {
        let (Some(own), Some(path)) = (self.own.get(at), self.view.paths.get(at)) else { return 0.0 };
        own * self.goes.get(path.netblock).copied().unwrap_or(1.0)
    }

    /// Sessions of the engine that this step would keep busy.
    pub(crate) fn sessions_needed(&self, step_s: f64) -> f64 {
        let due: f64 = self.crowds.iter().map(|crowd| crowd.due(f64::INFINITY)).sum();
        let one = self.view.by_sessions_per_s(1.0, self.bet.mail_s(), self.bet.slowness());
        self.moment.by_netblock.min(due / step_s) / one * self.view.weight
    }

    /// Sends for one step; `share` of the paces finds a session.
    pub(crate) fn serve(&mut self, now_s: f64, step_s: f64, share: f64, hourly: &mut [Option<f64>]) {
        self.room.clear();
        if !self.simple {
            let mut room = std::mem::take(&mut self.room);
            room.extend((0..self.own.len()).map(|at| self.per_s(at) * share));
            self.room = room;
        }
        let sum = self.moment.by_netblock * share;
        let due_before: f64 = self.crowds.iter().map(CrowdRun::ours_due).sum();
        let mut seen = Seen { share, left: sum, by_warm_up: sum, tried: 0.0, due_before, used: 0.0 };
        for rank in 0..=CAPPED_RANK {
            for pool in 0..self.pools.len() {
                let wanted = self.wanted(rank, pool, now_s);
                if wanted <= 0.0 {
                    continue;
                }
                let (may, capped) = match self.simple {
                    true => self.all_open_to(rank, step_s, &seen, hourly),
                    false => self.open_to(rank, pool, step_s, hourly),
                };
                seen.by_warm_up -= capped / step_s;
                let taken = wanted.min(may);
                let part = if may > 0.0 { taken / may } else { 0.0 };
                seen.used = seen.used.max(if wanted > may { 1.0 } else { part });
                match self.simple {
                    true => self.use_up_all(rank, part, step_s, &mut seen, hourly),
                    false => self.use_up(pool, part, step_s, hourly),
                }
                seen.tried += self.share_out(rank, pool, taken, now_s, step_s);
            }
        }
        self.account(now_s, step_s, &seen);
    }

    /// Mails that all paths together may still carry in this step, and those that warm-up keeps them from.
    fn all_open_to(&self, rank: usize, step_s: f64, seen: &Seen, hourly: &[Option<f64>]) -> (f64, f64) {
        let capped: f64 = if rank == CAPPED_RANK {
            self.young.iter().map(|at| self.young_s(*at, step_s, seen, hourly).1).sum()
        } else {
            0.0
        };
        ((seen.left * step_s - capped).max(0.0), capped)
    }

    /// What a young source's path may carry in this step, and what its hour keeps it from.
    fn young_s(&self, at: usize, step_s: f64, seen: &Seen, hourly: &[Option<f64>]) -> (f64, f64) {
        let whole = self.moment.by_netblock * seen.share;
        let left_share = if whole > 0.0 { seen.left / whole } else { 0.0 };
        let may = self.per_s(at) * seen.share * left_share * step_s;
        let source = self.view.paths.get(at).and_then(|path| hourly.get(path.source)).copied().flatten();
        let capped = source.map_or(0.0, |left| (may - left.max(0.0) / self.view.weight).max(0.0));
        (may, capped)
    }

    fn use_up_all(&mut self, rank: usize, part: f64, step_s: f64, seen: &mut Seen, hourly: &mut [Option<f64>]) {
        let (open, _) = self.all_open_to(rank, step_s, seen, hourly);
        for at in &self.young {
            let (may, capped) = self.young_s(*at, step_s, seen, hourly);
            let carries = if rank == CAPPED_RANK { may - capped } else { may };
            if let Some(Some(left)) = self.view.paths.get(*at).and_then(|path| hourly.get_mut(path.source)) {
                *left -= carries * part * self.view.weight;
            }
        }
        seen.left = (seen.left - open * part / step_s).max(0.0);
    }

    fn wanted(&self, rank: usize, pool: usize, now_s: f64) -> f64 {
        let mine = self.crowds.iter().filter(|crowd| crowd.rank == rank && crowd.pool == pool);
        mine.map(|crowd| crowd.due(now_s)).sum()
    }

    /// Mails that the paths of a pool may still carry in this step, and those that warm-up keeps them from.
    fn open_to(&mut self, rank: usize, pool: usize, step_s: f64, hourly: &[Option<f64>]) -> (f64, f64) {
        let (mut sum, mut capped) = (0.0, 0.0);
        for (place, (path, room)) in self.view.paths.iter().zip(&mut self.room).enumerate() {
            if !is_member(&self.pools, pool, place) {
                continue;
            }
            // An emergency may pass a warm-up cap.
            if let (CAPPED_RANK, Some(Some(left))) = (rank, hourly.get(path.source)) {
                let less = room.min(left.max(0.0) / step_s / self.view.weight);
                capped += (*room - less) * step_s;
                *room = less;
            }
            sum += *room * step_s;
        }
        (sum, capped)
    }

    fn use_up(&mut self, pool: usize, part: f64, step_s: f64, hourly: &mut [Option<f64>]) {
        for (place, (path, room)) in self.view.paths.iter().zip(&mut self.room).enumerate() {
            if !is_member(&self.pools, pool, place) {
                continue;
            }
            if let Some(Some(left)) = hourly.get_mut(path.source) {
                *left -= *room * part * step_s * self.view.weight;
            }
            *room *= 1.0 - part;
        }
    }

    /// Lanes of one class take equal shares, and what one does not need is the others'. Gives how much of ours was tried.
    fn share_out(&mut self, rank: usize, pool: usize, taken: f64, now_s: f64, step_s: f64) -> f64 {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        let mine = |crowd: &CrowdRun<'_>| crowd.rank == rank && crowd.pool == pool && crowd.due(now_s) > 0.0;
        order.extend(self.crowds.iter().enumerate().filter(|(_, crowd)| mine(crowd)).map(|(at, _)| at));
        order.sort_by(|a, b| self.crowds[*a].due(now_s).total_cmp(&self.crowds[*b].due(now_s)));
        let (mut left, mut tried, mut lanes) = (taken, 0.0, order.len());
        for at in &order {
            let crowd = &mut self.crowds[*at];
            let mails = (left / lanes as f64).min(crowd.due(now_s));
            let (done, ours) = crowd.send(mails, now_s, step_s, &self.view.put_off);
            self.done += done;
            tried += ours;
            left -= mails;
            lanes -= 1;
        }
        self.order = order;
        tried
    }

    fn account(&mut self, now_s: f64, step_s: f64, seen: &Seen) {
        self.left = self.crowds.iter().map(CrowdRun::ours_left).sum();
        // What was all taken before the step was over was taken by then.
        let until_s = now_s + if seen.used > 0.0 { step_s * seen.used } else { step_s };
        self.course.curve.push(until_s, self.done);
        let mut mine = self.crowds.iter().filter(|crowd| crowd.ours_left() > 0.0).peekable();
        let held = mine.peek().is_some() && mine.all(|crowd| crowd.is_held(now_s));
        let moment = Moment {
            held,
            waiting: seen.due_before <= self.enough * 0.1,
            by_engine: self.moment.by_netblock * seen.share,
            by_warm_up: seen.by_warm_up,
            ours: seen.tried / step_s,
            enough: seen.tried >= seen.due_before * 0.99,
            ..self.moment
        };
        self.course.lost.add(moment.bind(), step_s);
    }

    /// What came of it. What is left over in fractions is counted with the last.
    pub(crate) fn end(mut self) -> Course {
        if self.is_over() {
            let end_s = self.course.curve.end_s();
            self.course.curve.push(end_s, self.done + self.left);
        }
        self.course
    }
}

fn is_member(pools: &[Vec<bool>], pool: usize, place: usize) -> bool {
    pools.get(pool).and_then(|pool| pool.get(place)).copied().unwrap_or(false)
}

/// What one step showed.
struct Seen {
    /// Part of the paces for which the engine had sessions.
    share: f64,
    /// Mails a second that nobody has taken yet.
    left: f64,
    /// Mails a second that warm-up left to normal mail.
    by_warm_up: f64,
    /// Of the campaign.
    tried: f64,
    /// Of the campaign, at the beginning of the step.
    due_before: f64,
    /// The busiest part of the step's time.
    used: f64,
}
