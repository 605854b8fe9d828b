//! `cargo simulate`: its words, and what they do.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use figures::report::print;
use scenario::Scenario;
use throttle::Laws;

use crate::books::Best;
use crate::files::scenarios;
use crate::order::Order;
use crate::play::play_against;
use crate::run_record::Run;
use crate::show;
use crate::sweep::{self, Plan};
use crate::{chart, verdict};

/// Plays sending campaigns against carriers whose limits are hidden, on a clock that is moved by hand.
///
/// Everything but the carriers is real: scheduler, throttle, pools of sources, retries, the meaning of replies. Nothing is
/// sent; the same seed is the same run, byte for byte.
#[derive(Parser, Debug)]
#[command(
    name = "cargo simulate",
    bin_name = "cargo simulate",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_help = EXAMPLE
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    play: Play,
}

const EXAMPLE: &str = "\
A scenario is a TOML file; those of the project stand in tests/simulation/scenarios. The smallest one:

  title = \"One carrier takes 120 mails a minute from each source\"
  about = \"More than that is refused with a 421.\"

  [[sources]]
  name = \"wide\"
  count = 4
  netblock = \"198.51.100.0/24\"

  [[waves]]
  carrier = \"docomo\"
  mails = 20000

  [[carriers]]
  name = \"docomo\"
  [[carriers.periods]]
  [[carriers.periods.limits]]
  kind = \"rate\"
  per_min = 120

Everything else that can be written is in crates/scenario/README.md.

Then:

  cargo simulate my.toml                          table and chart of one run
  cargo simulate my.toml --svg my.svg             the same as a picture
  cargo simulate my.toml --law fixed --seeds 1..5 a baseline, five times
  cargo simulate tests/simulation/scenarios       every file of a folder
  cargo simulate sweep                            all files, 20 seeds, against the baselines, recorded";

#[derive(Subcommand, Debug)]
enum Command {
    /// Play all scenarios with many seeds and several sets of laws, in parallel, and say what each law buys.
    Sweep(Sweep),
}

#[derive(Args, Debug)]
struct Play {
    /// Scenarios, or folders of them.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Decides every draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Several seeds instead: `1..20`, both included.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Option<RangeInclusive<u64>>,
    /// Which laws the sender obeys; may be repeated. `--laws` lists them.
    #[arg(long = "law", value_name = "NAME")]
    laws: Vec<String>,
    /// Name all sets of laws and end.
    #[arg(long = "laws")]
    list_laws: bool,
    /// The sender has played the same before and remembers, whatever the scenario says.
    #[arg(long, conflicts_with = "fresh")]
    rehearsed: bool,
    /// The sender remembers nothing, whatever the scenario says.
    #[arg(long)]
    fresh: bool,
    /// Draw each source by itself too.
    #[arg(long)]
    paths: bool,
    /// Write the chart of the first run as SVG.
    #[arg(long, value_name = "OUT")]
    svg: Option<PathBuf>,
    /// Tell what each path hears whose `carrier/source` holds this word, and what it makes of it.
    #[arg(long, value_name = "WORD")]
    trace: Option<String>,
    /// Print every run with its series as one line of JSON, and nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct Sweep {
    /// Scenarios, or folders of them.
    #[arg(value_name = "FILE", default_value = "tests/simulation/scenarios")]
    files: Vec<PathBuf>,
    /// Seeds, both included.
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "1..20")]
    seeds: RangeInclusive<u64>,
    /// Sets of laws, with commas. `baselines` is all, fixed and static-shaping; `every` adds all laws but one, each.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "every")]
    laws: Vec<String>,
    /// Seeds for the sets that leave one law out; fewer than for the rest, because there are many sets.
    #[arg(long, value_name = "N", default_value_t = 5)]
    ablation_seeds: u64,
    /// Threads; 0 is one for each core.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
    /// Where the line of JSON is added.
    #[arg(long, value_name = "FILE", default_value = "bench/results/simulation.jsonl")]
    record: PathBuf,
    /// Add no line anywhere.
    #[arg(long)]
    no_record: bool,
}

/// `7` or `1..20`, both included.
fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |part: &str| part.trim_start_matches('=').parse::<u64>().map_err(|_| format!("{part:?} is no seed"));
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let range = number(first)?..=number(last)?;
    if range.is_empty() { Err("the first seed is greater than the last".to_owned()) } else { Ok(range) }
}

impl Cli {
    /// Does what was asked for. Gives whether everything that was judged is good.
    ///
    /// # Errors
    /// When a file cannot be read, played or written.
    pub fn run(self) -> Result<()> {
        match self.command {
            Some(Command::Sweep(sweep)) => sweep.run(),
            None => self.play.run(),
        }
    }
}

impl Play {
    fn run(self) -> Result<()> {
        if self.list_laws {
            Laws::names().for_each(print);
            return Ok(());
        }
        if self.files.is_empty() {
            bail!("name a scenario or a folder of them, for instance tests/simulation/scenarios");
        }
        let worlds = scenarios(&self.files)?;
        let orders = self.orders()?;
        let alone = worlds.len() * orders.len() == 1;
        let mut runs: Vec<Run> = Vec::new();
        for world in &worlds {
            let best = Best::of(world);
            for order in &orders {
                let with_series = self.json || alone || (self.svg.is_some() && runs.is_empty());
                let run =
                    play_against(world, &Order { with_series, trace: self.trace.clone(), ..order.clone() }, &best)?;
                if self.json {
                    print(&serde_json::to_string(&run)?);
                }
                runs.push(run);
            }
        }
        if let (Some(path), Some(run)) = (&self.svg, runs.first()) {
            std::fs::write(path, chart::svg(run)).with_context(|| path.display().to_string())?;
        }
        if self.json {
            return Ok(());
        }
        match (alone, worlds.as_slice(), runs.as_slice()) {
            (true, [world], [run]) => self.show_one(world, run),
            _ => show::runs(&runs),
        }
        Ok(())
    }

    fn show_one(&self, world: &Scenario, run: &Run) {
        show::run(world, run);
        show::foreseen(run);
        print(&chart::terminal(run, self.paths));
        print(&verdict::of(run));
    }

    fn orders(&self) -> Result<Vec<Order>> {
        let default = Laws::names().next().unwrap_or_default().to_owned();
        let laws = if self.laws.is_empty() { vec![default] } else { self.laws.clone() };
        let seeds = self.seeds.clone().unwrap_or(self.seed..=self.seed);
        let rehearsed = match (self.rehearsed, self.fresh) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let mut orders = Vec::new();
        for law in &laws {
            for seed in seeds.clone() {
                let order = Order::seeded(seed).with_law(law).with_context(|| unknown_law(law))?;
                orders.push(Order { rehearsed, ..order });
            }
        }
        Ok(orders)
    }
}

fn unknown_law(name: &str) -> String {
    format!("there is no set of laws {name:?}; there are {}", Laws::names().collect::<Vec<_>>().join(", "))
}

impl Sweep {
    fn run(self) -> Result<()> {
        let mut laws: Vec<String> = Vec::new();
        for name in &self.laws {
            let names: Vec<&str> = match name.as_str() {
                "every" => Laws::names().collect(),
                "baselines" => Laws::names().take(sweep::JUDGED_LAWS).collect(),
                name => vec![name],
            };
            laws.extend(
                names
                    .into_iter()
                    .filter(|name| !laws.iter().any(|known| known == name))
                    .map(str::to_owned)
                    .collect::<Vec<_>>(),
            );
        }
        if let Some(unknown) = laws.iter().find(|law| Laws::named(law).is_none()) {
            bail!(unknown_law(unknown));
        }
        let plan = Plan {
            scenarios: scenarios(&self.files)?,
            seeds: self.seeds,
            laws,
            ablation_seeds: self.ablation_seeds.max(1),
            jobs: self.jobs,
        };
        let facts = figures::machine::facts(std::path::Path::new("."));
        let result = sweep::sweep(&plan)?;
        show::sweep(&result);
        show::honesty(&result);
        if !self.no_record {
            figures::report::record(&self.record, &result.record(&facts))?;
            print(&format!("\nadded to {}", self.record.display()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_words_agree_with_each_other() {
        Cli::command().debug_assert();
        assert_eq!(seeds("1..20").unwrap(), 1..=20);
        assert_eq!(seeds("1..=3").unwrap(), 1..=3);
        assert_eq!(seeds("7").unwrap(), 7..=7);
        assert!(seeds("9..2").is_err() && seeds("a").is_err());
    }
}
