//! A bar per carrier while a notice goes out, then the table of causes.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::client::Client;
use crate::estimate;

/// How many recipients each carrier has.
pub(crate) type Totals = BTreeMap<String, u64>;

/// Shows a campaign until nothing of it is queued, and each state to `each` as well; gives its last state.
pub(crate) async fn watch(
    client: &Client,
    campaign: &str,
    totals: &Totals,
    mut each: impl FnMut(&Value),
) -> Result<Value> {
    let bars = Bars::new(totals);
    let path = format!("/engine/api/campaigns/v1/{campaign}");
    loop {
        if let Some(state) = client.find(&path).await? {
            bars.show(&state);
            each(&state);
            if state["finished"].as_bool() == Some(true) {
                bars.finish();
                return Ok(state);
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

struct Bars {
    all: MultiProgress,
    by_carrier: BTreeMap<String, ProgressBar>,
    sum: ProgressBar,
    /// When it will be over, and what takes the longest.
    words: ProgressBar,
}

impl Bars {
    fn new(totals: &Totals) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        let bar = |name: &str, total: u64| {
            let bar = all.add(ProgressBar::new(total));
            let style = ProgressStyle::with_template("{prefix:>12} {bar:32} {pos:>7}/{len:<7} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(name.to_owned());
            bar
        };
        let by_carrier = totals.iter().map(|(name, total)| (name.clone(), bar(name, *total))).collect();
        let sum = bar("all", totals.values().sum());
        let words = all.add(ProgressBar::new(0));
        words.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { all, by_carrier, sum, words }
    }

    fn show(&self, state: &Value) {
        for carrier in state["carriers"].as_array().into_iter().flatten() {
            let Some(bar) = carrier["carrier"].as_str().and_then(|name| self.by_carrier.get(name)) else {
                continue;
            };
            bar.set_position(ended(carrier));
            bar.set_message(words(carrier));
        }
        self.sum.set_position(ended(state));
        let rate = state["rate_per_s"].as_f64().unwrap_or_default();
        let left = state["eta_s"].as_f64().map_or(String::new(), |s| format!(", about {s:.0} s left"));
        self.sum.set_message(format!("{} · {rate:.0}/s{left}", words(state)));
        self.words.set_message(estimate::line(&state["estimate"]).unwrap_or_default());
    }

    fn finish(&self) {
        for bar in self.by_carrier.values().chain([&self.sum]) {
            bar.abandon();
        }
        self.words.finish_and_clear();
        self.all.set_draw_target(ProgressDrawTarget::hidden());
    }
}

fn ended(part: &Value) -> u64 {
    ["accepted", "failed", "expired", "withheld", "bounced", "complained"]
        .iter()
        .map(|key| part[*key].as_u64().unwrap_or_default())
        .sum()
}

fn words(part: &Value) -> String {
    let count = |key: &str| part[key].as_u64().unwrap_or_default();
    let (failed, deferred) = (count("failed") + count("expired") + count("bounced"), count("deferred"));
    match (failed, deferred) {
        (0, 0) => String::new(),
        (_, 0) => format!("{failed} failed"),
        _ => format!("{failed} failed, {deferred} deferrals"),
    }
}

/// Prints what did not arrive and why, and how long the rest took.
pub(crate) fn print_causes(state: &Value) {
    let count = |key: &str| state[key].as_u64().unwrap_or_default();
    println!("\naccepted by the carriers {:>8} of {}", count("accepted"), count("count"));
    if let (Some(p50), Some(p99)) = (state["latency_s"]["p50"].as_f64(), state["latency_s"]["p99"].as_f64()) {
        let all = state["latency_s"]["all"].as_f64().unwrap_or_default();
        println!("time to hand over        half in {p50:.1} s, 99 % in {p99:.1} s, all in {all:.1} s");
    }
    let lines: Vec<_> = state["causes"].as_array().into_iter().flatten().collect();
    if lines.is_empty() {
        return;
    }
    println!("\n{:>8}  {:<9} {:<19} 原因", "count", "outcome", "cause");
    for line in lines {
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        println!(
            "{:>8}  {:<9} {:<19} {}",
            line["count"].as_u64().unwrap_or_default(),
            text("outcome"),
            text("cause"),
            text("label_ja")
        );
    }
}
