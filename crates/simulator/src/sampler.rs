//! Takes down what happened in each step of time, for charts.

use scenario::behaviour::{LimitKind, Of, Per};
use scenario::{CarrierWorld, Scenario};

use crate::run_record::{CarrierSeries, PathSeries, Series};

/// Longest step between two samples, and how many there are of a short run.
const SAMPLE_S: f64 = 5.0;
const SAMPLES: f64 = 240.0;

/// One path in the running step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    pub(crate) sent: u32,
    pub(crate) accepted: u32,
    pub(crate) signals: u32,
}

/// What is known of a path at the end of a step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Now {
    pub(crate) allowed_per_min: f64,
    pub(crate) banned: bool,
    pub(crate) open: u32,
}

/// The series of a run that is being played.
#[derive(Debug)]
pub(crate) struct Sampler {
    series: Series,
    sources: usize,
    steps: Vec<Step>,
}

impl Sampler {
    pub(crate) fn new(scenario: &Scenario, step_s: f64) -> Self {
        let path = |source: &scenario::Source| PathSeries { source: source.name.to_string(), ..PathSeries::default() };
        let carrier = |world: &CarrierWorld| CarrierSeries {
            name: world.name.to_string(),
            queue: Vec::new(),
            paths: scenario.sources.iter().map(path).collect(),
        };
        let sources = scenario.sources.len();
        Self {
            series: Series { step_s, carriers: scenario.carriers.iter().map(carrier).collect() },
            sources,
            steps: vec![Step::default(); sources * scenario.carriers.len()],
        }
    }

    pub(crate) fn step_s(&self) -> f64 {
        self.series.step_s
    }

    pub(crate) fn path(&mut self, carrier: usize, source: usize) -> &mut Step {
        &mut self.steps[carrier * self.sources + source]
    }

    /// Ends a step. `now` is asked about each carrier and source, `queue` about each carrier.
    pub(crate) fn end_step(
        &mut self,
        scenario: &Scenario,
        at_s: u64,
        queue: impl Fn(usize) -> u64,
        now: impl Fn(usize, usize) -> Now,
    ) {
        for (carrier, series) in self.series.carriers.iter_mut().enumerate() {
            series.queue.push(queue(carrier));
            for (source, path) in series.paths.iter_mut().enumerate() {
                let step = std::mem::take(&mut self.steps[carrier * self.sources + source]);
                let now = now(carrier, source);
                path.sent.push(step.sent);
                path.accepted.push(step.accepted);
                path.signals.push(step.signals);
                path.allowed_per_min.push(now.allowed_per_min);
                path.limit_per_min.push(limit_per_min(scenario, carrier, source, at_s));
                path.banned.push(now.banned);
                path.open.push(now.open);
            }
        }
    }

    pub(crate) fn series(self) -> Series {
        self.series
    }
}

/// Length of one step of a chart, seconds.
pub(crate) fn sample_step_s(scenario: &Scenario) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a week has 604,800 s")]
    let horizon_s = scenario.horizon_s as f64;
    (horizon_s / SAMPLES).clamp(1.0, SAMPLE_S)
}

/// The rate that a carrier bears from one source, where it sets one: the least of its rates and quotas, those of many
/// sources divided by their number. Without growth and penalties.
fn limit_per_min(scenario: &Scenario, carrier: usize, source: usize, at_s: u64) -> Option<f64> {
    let netblock = scenario.sources[source].netblock;
    let in_netblock = scenario.sources.iter().filter(|other| other.netblock == netblock).count();
    let period = scenario.carriers[carrier].period_at(at_s);
    let limits = period.limits.iter().filter_map(|limit| {
        let rate = match limit.kind {
            LimitKind::Rate { of: Of::Mails, per_min, .. } | LimitKind::Capacity { per_min, .. } => per_min,
            #[expect(clippy::cast_precision_loss, reason = "quotas are far below 2^52")]
            LimitKind::Count { of: Of::Mails, most, in_s, .. } => most as f64 * 60.0 / in_s.max(1) as f64,
            _ => return None,
        };
        let share = |sources: usize| rate / f64::from(u32::try_from(sources.max(1)).unwrap_or(1));
        Some(match limit.per {
            Per::Source => rate * scenario.group_of(source).standing,
            Per::Netblock => share(in_netblock),
            Per::Carrier => share(scenario.sources.len()),
        })
    });
    limits.min_by(f64::total_cmp)
}
