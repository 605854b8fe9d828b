//! All scenarios with many seeds under several sets of laws, on all cores; and what each law bought.

use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use clock::Clock;
use figures::report::{median, progress, round};
use mail_model::MonoUs;
use parking_lot::Mutex;
use scenario::Scenario;
use serde_json::{Value, json};

use crate::books::Best;
use crate::foresight::Foreseen;
use crate::honesty::{self, Honesty};
use crate::order::Order;
use crate::play::play_against;
use crate::run_record::{JUDGED, Run};
use crate::setup::SetupError;

/// The sets that are compared in full: all laws and the two baselines. Further ones leave out one law each.
pub const JUDGED_LAWS: usize = 3;
/// A law that makes this much of a difference to a scenario's time counts there.
const COUNTS: f64 = 1.05;

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The worlds.
    pub scenarios: Vec<Scenario>,
    /// The seeds of the sets that are compared in full.
    pub seeds: RangeInclusive<u64>,
    /// Names of sets of laws, known to `throttle::Laws`; the first is what the others are measured against.
    pub laws: Vec<String>,
    /// How many of the seeds sets that leave out one law are played with.
    pub ablation_seeds: u64,
    /// Threads; 0 is one for each core.
    pub jobs: usize,
}

/// What counts of one run.
#[derive(Clone, Copy, Debug)]
struct Brief {
    scenario: usize,
    law: usize,
    seed: u64,
    /// Against the oracle; infinite when the share was never reached, nothing when time means nothing.
    ratio: Option<f64>,
    /// Until the share was reached, the horizon when it never was.
    time_s: f64,
    bans: u64,
    crossings: f64,
    mails: f64,
    lost: f64,
}

/// One scenario under one set of laws, over the seeds.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Middle of the ratios to the oracle.
    pub median: f64,
    /// Greatest of them.
    pub worst: f64,
    /// Crossings of hidden limits among 10,000 mails.
    pub crossings_per_10k: f64,
    /// Bans of all runs that are held against the sender.
    pub bans: u64,
}

/// One scenario.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// The oracle's time, seconds.
    pub oracle_s: Option<f64>,
    /// Whether its time is judged.
    pub time_judged: bool,
    cells: Vec<(String, Cell)>,
}

impl Row {
    /// What it was under a set of laws.
    pub fn cell(&self, law: &str) -> Option<&Cell> {
        self.cells.iter().find(|(name, _)| name == law).map(|(_, cell)| cell)
    }
}

/// One set of laws over all scenarios.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its name.
    pub law: String,
    /// Runs.
    pub runs: usize,
    /// Middle of the ratios to the oracle.
    pub median: f64,
    /// Nine of ten are not above it.
    pub nine_of_ten: f64,
    /// The greatest.
    pub worst: f64,
    /// Where that was.
    pub worst_in: String,
    /// Runs that never settled the judged share, although the oracle does.
    pub never: usize,
    /// Crossings of hidden limits among 10,000 mails.
    pub crossings_per_10k: f64,
    /// Bans that are held against the sender.
    pub bans: u64,
    /// Mails that expired, were refused for good or were left, among 10,000.
    pub lost_per_10k: f64,
}

/// What one law bought.
#[derive(Clone, Debug)]
pub struct Bought {
    /// The set that leaves it out.
    pub law: String,
    /// Time without it ÷ time with it, geometric mean over the scenarios.
    pub time_factor: f64,
    /// Scenarios that are slower by a twentieth or more without it.
    pub slower: usize,
    /// The greatest of those factors; infinite where the share is never reached without it.
    pub most: f64,
    /// Where that was.
    pub most_in: String,
    /// Crossings among 10,000 mails that it spares.
    pub crossings_per_10k: f64,
    /// Bans that it spares.
    pub bans: i64,
}

/// A sweep's outcome.
#[derive(Clone, Debug)]
pub struct Result {
    /// Seeds of the sets compared in full.
    pub seeds: usize,
    /// Seeds of the others.
    pub ablation_seeds: u64,
    /// The scenarios, in the order of the plan.
    pub scenarios: Vec<Row>,
    /// Every set of laws.
    pub summaries: Vec<Summary>,
    /// Every law that was left out once.
    pub bought: Vec<Bought>,
    /// What was foreseen under the first set of laws, beside what came.
    pub honesty: Vec<Honesty>,
    /// Runs in all.
    pub runs: usize,
    /// Mails in all.
    pub mails: f64,
    /// Seconds it took.
    pub took_s: f64,
}

/// Plays a plan.
///
/// # Errors
/// The first scenario that cannot be played.
pub fn sweep(plan: &Plan) -> std::result::Result<Result, SetupError> {
    let clock = Clock::system();
    let begun = clock.mono();
    let work = work(plan);
    let bests: Vec<OnceLock<Best>> = plan.scenarios.iter().map(|_| OnceLock::new()).collect();
    let (next, told) = (AtomicUsize::new(0), Mutex::new(begun));
    let done: Mutex<Vec<Outcome>> = Mutex::new(Vec::new());
    let worker = || {
        while let Some((scenario, law, seed)) = work.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            let best = bests[scenario].get_or_init(|| Best::of(&plan.scenarios[scenario]));
            let brief = one(plan, best, scenario, law, seed);
            let mut done = done.lock();
            if brief.is_err() {
                next.store(work.len(), Ordering::Relaxed);
            }
            done.push(brief);
            tell(&clock, begun, &mut told.lock(), done.len(), work.len());
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..if plan.jobs == 0 { cores } else { plan.jobs } {
            scope.spawn(worker);
        }
    });
    let mut briefs = done.into_inner().into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
    briefs.sort_by_key(|(brief, _)| (brief.scenario, brief.law, brief.seed));
    let name = |brief: &Brief| plan.scenarios[brief.scenario].name.clone();
    let foreseen = briefs.iter().filter(|(brief, _)| brief.law == 0);
    let foreseen: Vec<(String, Foreseen)> =
        foreseen.flat_map(|(brief, waves)| waves.iter().map(|wave| (name(brief), wave.clone()))).collect();
    let briefs: Vec<Brief> = briefs.into_iter().map(|(brief, _)| brief).collect();
    let took_s = clock.mono().since(begun).as_secs_f64();
    Ok(Result {
        seeds: plan.seeds.clone().count(),
        ablation_seeds: plan.ablation_seeds,
        scenarios: rows(plan, &briefs),
        summaries: (0..plan.laws.len()).map(|law| summary(plan, &briefs, law)).collect(),
        bought: (JUDGED_LAWS..plan.laws.len()).map(|law| bought(plan, &briefs, law)).collect(),
        honesty: honesty::judge(&foreseen),
        runs: briefs.len(),
        mails: briefs.iter().map(|brief| brief.mails).sum(),
        took_s,
    })
}

/// Every run, the longest first, so that no core is left with a long one at the end.
fn work(plan: &Plan) -> Vec<(usize, usize, u64)> {
    let mut work = Vec::new();
    for scenario in 0..plan.scenarios.len() {
        for law in 0..plan.laws.len() {
            let some = usize::try_from(plan.ablation_seeds).unwrap_or(usize::MAX);
            let count = if law < JUDGED_LAWS { usize::MAX } else { some };
            work.extend(plan.seeds.clone().take(count).map(|seed| (scenario, law, seed)));
        }
    }
    work.sort_by_key(|(scenario, ..)| std::cmp::Reverse(plan.scenarios[*scenario].mails()));
    work
}

fn tell(clock: &Clock, begun: MonoUs, told: &mut MonoUs, done: usize, all: usize) {
    let now = clock.mono();
    if done == all || now.since(*told).as_secs() >= 2 {
        *told = now;
        progress(&format!("{done} of {all} runs, {} s", now.since(begun).as_secs()));
    }
}

type Outcome = std::result::Result<(Brief, Vec<Foreseen>), SetupError>;

fn one(plan: &Plan, best: &Best, scenario: usize, law: usize, seed: u64) -> Outcome {
    let world = &plan.scenarios[scenario];
    let order = Order::seeded(seed);
    let order = order.clone().with_law(&plan.laws[law]).unwrap_or(order);
    let run = play_against(world, &order, best)?;
    Ok((brief(&run, world, scenario, law), run.foreseen))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^52")]
fn brief(run: &Run, world: &Scenario, scenario: usize, law: usize) -> Brief {
    let all = &run.total;
    let judged = all.oracle_s.get(JUDGED).copied().flatten().filter(|_| run.time_judged);
    Brief {
        scenario,
        law,
        seed: run.seed,
        ratio: judged.map(|_| all.ratio.unwrap_or(f64::INFINITY)),
        time_s: all.judged_s().unwrap_or(world.horizon_s as f64),
        bans: if run.bans_expected { 0 } else { all.bans },
        crossings: all.crossings as f64,
        mails: all.mails as f64,
        lost: (all.failed + all.expired + all.left) as f64,
    }
}

fn of<'a>(briefs: &'a [Brief], scenario: Option<usize>, law: usize) -> impl Iterator<Item = &'a Brief> + Clone {
    briefs.iter().filter(move |b| b.law == law && scenario.is_none_or(|scenario| b.scenario == scenario))
}

fn worst(ratios: impl Iterator<Item = f64>) -> f64 {
    ratios.fold(f64::NAN, f64::max)
}

fn per_10k<'a>(briefs: impl Iterator<Item = &'a Brief> + Clone, what: fn(&Brief) -> f64) -> f64 {
    let mails: f64 = briefs.clone().map(|brief| brief.mails).sum();
    briefs.map(what).sum::<f64>() * 10_000.0 / mails.max(1.0)
}

fn rows(plan: &Plan, briefs: &[Brief]) -> Vec<Row> {
    let cell = |scenario: usize, law: usize| {
        let runs = of(briefs, Some(scenario), law);
        let ratios = runs.clone().filter_map(|brief| brief.ratio);
        Cell {
            median: median(ratios.clone()),
            worst: worst(ratios),
            crossings_per_10k: per_10k(runs.clone(), |brief| brief.crossings),
            bans: runs.map(|brief| brief.bans).sum(),
        }
    };
    let row = |(scenario, world): (usize, &Scenario)| Row {
        name: world.name.clone(),
        oracle_s: Some(scenario::oracle::time_to_share(world, crate::run_record::SHARES[JUDGED]))
            .filter(|best| best.is_finite()),
        time_judged: world.time_judged,
        cells: plan.laws.iter().enumerate().map(|(law, name)| (name.clone(), cell(scenario, law))).collect(),
    };
    plan.scenarios.iter().enumerate().map(row).collect()
}

fn summary(plan: &Plan, briefs: &[Brief], law: usize) -> Summary {
    let runs = of(briefs, None, law);
    let mut ratios: Vec<(f64, usize)> = runs.clone().filter_map(|brief| Some((brief.ratio?, brief.scenario))).collect();
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at_nine = (ratios.len() * 9).div_ceil(10).saturating_sub(1);
    let last = ratios.last().copied();
    Summary {
        law: plan.laws[law].clone(),
        runs: runs.clone().count(),
        median: median(ratios.iter().map(|(ratio, _)| *ratio)),
        nine_of_ten: ratios.get(at_nine).map_or(f64::NAN, |(ratio, _)| *ratio),
        worst: last.map_or(f64::NAN, |(ratio, _)| ratio),
        worst_in: last.map_or(String::new(), |(_, scenario)| plan.scenarios[scenario].name.clone()),
        never: ratios.iter().filter(|(ratio, _)| ratio.is_infinite()).count(),
        crossings_per_10k: per_10k(runs.clone(), |brief| brief.crossings),
        bans: runs.clone().map(|brief| brief.bans).sum(),
        lost_per_10k: per_10k(runs, |brief| brief.lost),
    }
}

/// Compares the same seeds with and without one law.
fn bought(plan: &Plan, briefs: &[Brief], law: usize) -> Bought {
    let without: Vec<&Brief> = of(briefs, None, law).collect();
    let with: Vec<&Brief> =
        of(briefs, None, 0).filter(|b| without.iter().any(|o| (o.scenario, o.seed) == (b.scenario, b.seed))).collect();
    let mut factors = Vec::new();
    for scenario in (0..plan.scenarios.len()).filter(|scenario| plan.scenarios[*scenario].time_judged) {
        let time = |runs: &[&Brief]| median(runs.iter().filter(|b| b.scenario == scenario).map(|b| b.time_s.max(1.0)));
        let is_never = without.iter().any(|b| b.scenario == scenario && b.ratio.is_some_and(f64::is_infinite));
        let factor = time(&without) / time(&with);
        if factor.is_finite() {
            factors.push((factor, is_never, scenario));
        }
    }
    let most = factors.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0));
    let count = f64::from(u32::try_from(factors.len()).unwrap_or(1)).max(1.0);
    let bans = |runs: &[&Brief]| runs.iter().map(|b| i64::try_from(b.bans).unwrap_or(0)).sum::<i64>();
    let crossings = |runs: &[&Brief]| per_10k(runs.iter().copied(), |b| b.crossings);
    Bought {
        law: plan.laws[law].clone(),
        time_factor: (factors.iter().map(|(factor, ..)| factor.ln()).sum::<f64>() / count).exp(),
        slower: factors.iter().filter(|(factor, ..)| *factor >= COUNTS).count(),
        most: most.map_or(1.0, |(factor, is_never, _)| if is_never { f64::INFINITY } else { factor }),
        most_in: most.map_or(String::new(), |(_, _, scenario)| plan.scenarios[scenario].name.clone()),
        crossings_per_10k: crossings(&without) - crossings(&with),
        bans: bans(&without) - bans(&with),
    }
}

/// A figure for JSON, which knows no infinity.
fn figure(value: f64) -> Value {
    if value.is_finite() { json!(round(value)) } else { Value::Null }
}

impl Result {
    /// The sets that were compared in full.
    pub fn judged_laws(&self) -> Vec<String> {
        self.summaries.iter().take(JUDGED_LAWS).map(|summary| summary.law.clone()).collect()
    }

    /// One line for the record; nothing stands for a share that was never reached.
    pub fn record(&self, machine: &Value) -> Value {
        let summary = |s: &Summary| {
            json!({
                "law": s.law, "runs": s.runs, "median": figure(s.median), "nine_of_ten": figure(s.nine_of_ten),
                "worst": figure(s.worst), "worst_in": s.worst_in, "never": s.never, "bans": s.bans,
                "crossings_per_10k": figure(s.crossings_per_10k), "lost_per_10k": figure(s.lost_per_10k),
            })
        };
        let cell = |(law, c): &(String, Cell)| {
            let figures = json!({
                "median": figure(c.median), "worst": figure(c.worst),
                "crossings_per_10k": figure(c.crossings_per_10k), "bans": c.bans,
            });
            (law.clone(), figures)
        };
        let row = |row: &Row| {
            let cells: serde_json::Map<String, Value> = row.cells.iter().take(JUDGED_LAWS).map(cell).collect();
            json!({ "name": row.name, "oracle_s": row.oracle_s.map(round), "time_judged": row.time_judged, "laws": cells })
        };
        let bought = |b: &Bought| {
            json!({
                "law": b.law, "time_factor": figure(b.time_factor), "slower": b.slower, "most": figure(b.most),
                "most_in": b.most_in, "crossings_per_10k": figure(b.crossings_per_10k), "bans": b.bans,
            })
        };
        json!({
            "bench": "simulation",
            "machine": machine,
            "seeds": self.seeds,
            "ablation_seeds": self.ablation_seeds,
            "runs": self.runs,
            "mails": self.mails,
            "took_s": round(self.took_s),
            "laws": self.summaries.iter().map(summary).collect::<Vec<_>>(),
            "scenarios": self.scenarios.iter().map(row).collect::<Vec<_>>(),
            "estimates": self.honesty.iter().map(Honesty::record).collect::<Vec<_>>(),
            "bought": self.bought.iter().map(bought).collect::<Vec<_>>(),
        })
    }
}
