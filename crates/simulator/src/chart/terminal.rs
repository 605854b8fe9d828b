//! A chart of plain Unicode, at most 100 columns wide.

use crate::chart::scale::{clock, round_up, short, time_step_s};
use crate::run_record::{PathSeries, Run, Series};

/// Columns of the drawing; with its labels a line has fewer than 100.
const COLUMNS: usize = 84;
/// Lines of one drawing.
const LINES: usize = 8;
const LABEL: usize = 9;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One drawing a carrier: all its sources together, or with `each` one more for every source.
pub fn terminal(run: &Run, each: bool) -> String {
    let Some(series) = &run.series else { return String::new() };
    let mut text = String::new();
    for carrier in &series.carriers {
        let busy: Vec<&PathSeries> = carrier.paths.iter().filter(|path| path.sent.iter().any(|n| *n > 0)).collect();
        text.push_str(&format!("\n{}, {} sources\n", carrier.name, carrier.paths.len()));
        draw(&mut text, &carrier.sum(), Some(&carrier.queue), series);
        for path in busy.iter().filter(|_| each) {
            text.push_str(&format!("\n{} from {}\n", carrier.name, path.source));
            draw(&mut text, path, None, series);
        }
    }
    text.push_str("\n█ accepted a minute   ─ hidden limit   ┄ what we allowed   ! refusals and cuts   x banned\n");
    text
}

/// Steps that one column stands for, and how many columns there are.
fn columns(steps: usize) -> (usize, usize) {
    let each = steps.div_ceil(COLUMNS).max(1);
    (each, steps.div_ceil(each))
}

fn draw(text: &mut String, path: &PathSeries, queue: Option<&[u64]>, series: &Series) {
    let (each, count) = columns(path.sent.len());
    let per_min = 60.0 / series.step_s;
    let mean = |list: &[f64]| list.iter().sum::<f64>() / (u32::try_from(list.len()).map_or(1.0, f64::from)).max(1.0);
    let chunk = |column: usize| column * each..((column + 1) * each).min(path.sent.len());
    let accepted: Vec<f64> = (0..count)
        .map(|c| mean(&path.accepted[chunk(c)].iter().map(|n| f64::from(*n) * per_min).collect::<Vec<_>>()))
        .collect();
    let allowed: Vec<f64> = (0..count).map(|c| mean(&path.allowed_per_min[chunk(c)])).collect();
    let limit: Vec<Option<f64>> = (0..count).map(|c| path.limit_per_min[chunk(c)].last().copied().flatten()).collect();
    let most = accepted.iter().copied().fold(0.0, f64::max);
    // What was allowed but not used may be far beyond what was sent: it may not flatten the rest.
    let wanted = allowed.iter().copied().chain(limit.iter().flatten().copied()).fold(0.0, f64::max);
    let top = round_up(most.max(wanted.min(most * 2.0)));
    for line in 0..LINES {
        let label = if line == 0 {
            short(top)
        } else if line == LINES / 2 {
            short(top / 2.0)
        } else {
            String::new()
        };
        text.push_str(&format!("{label:>LABEL$} │"));
        let row: String = (0..count).map(|c| cell(line, top, accepted[c], allowed[c], limit[c])).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    }
    axis(text, count, each, series.step_s);
    let signals: Vec<u32> = (0..count).map(|c| path.signals[chunk(c)].iter().sum()).collect();
    let banned: Vec<bool> = (0..count).map(|c| path.banned[chunk(c)].iter().any(|b| *b)).collect();
    if signals.iter().any(|n| *n > 0) || banned.contains(&true) {
        let mark = |c: usize| match (banned[c], signals[c]) {
            (true, _) => 'x',
            (false, 0) => ' ',
            (false, 1) => '!',
            (false, n @ 2..=9) => char::from_digit(n, 10).unwrap_or('#'),
            (false, _) => '#',
        };
        let row: String = (0..count).map(mark).collect();
        text.push_str(&format!("{:>LABEL$} │{}\n", "signals", row.trim_end()));
    }
    if let Some(queue) = queue {
        let longest: Vec<u64> = (0..count).map(|c| queue[chunk(c)].iter().copied().max().unwrap_or(0)).collect();
        let highest = longest.iter().copied().max().unwrap_or(0).max(1);
        let row: String = longest.iter().map(|n| spark(*n, highest)).collect();
        #[expect(clippy::cast_precision_loss, reason = "a queue stays far below 2^52")]
        let word = short(highest as f64);
        text.push_str(&format!("{:>LABEL$} │{}\n", format!("queue {word}"), row.trim_end()));
    }
}

/// One character of the drawing; line 0 is the highest.
fn cell(line: usize, top: f64, accepted: f64, allowed: f64, limit: Option<f64>) -> char {
    let height = |value: f64| value / top * f64::from(u32::try_from(LINES).unwrap_or(8));
    let floor = f64::from(u32::try_from(LINES - 1 - line).unwrap_or(0));
    let fill = height(accepted) - floor;
    if fill >= 1.0 {
        return '█';
    }
    let here = |value: f64| (height(value) - 1e-9).floor().max(0.0) - floor;
    if limit.is_some_and(|limit| here(limit).abs() < 0.5) && fill < 0.75 {
        return '─';
    }
    if here(allowed).abs() < 0.5 && allowed > 0.0 && fill < 0.25 {
        return '┄';
    }
    EIGHTHS
        .iter()
        .rev()
        .enumerate()
        .find(|(n, _)| fill >= f64::from(u32::try_from(8 - n).unwrap_or(0)) / 8.0)
        .map_or(' ', |(_, c)| *c)
}

fn spark(value: u64, highest: u64) -> char {
    match value {
        0 => ' ',
        value => EIGHTHS[usize::try_from((value * 8).div_ceil(highest)).unwrap_or(8).clamp(1, 8)],
    }
}

fn axis(text: &mut String, count: usize, each: usize, step_s: f64) {
    let per_column_s = step_s * f64::from(u32::try_from(each).unwrap_or(1));
    let span_s = per_column_s * f64::from(u32::try_from(count).unwrap_or(1));
    let step = time_step_s(span_s, 6.0);
    let (mut line, mut words) = (vec!['─'; count], String::new());
    for n in 0..=6u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a column of at most 84")]
        let column = (f64::from(n) * step / per_column_s).round() as usize;
        if column >= count {
            break;
        }
        line[column] = '┼';
        let word = clock(f64::from(n) * step);
        let gap = column.saturating_sub(words.chars().count());
        words.push_str(&" ".repeat(gap));
        words.push_str(&word);
        words.push(' ');
    }
    let line: String = line.into_iter().collect();
    text.push_str(&format!("{:>LABEL$} └{line}\n{:>LABEL$}  {}\n", "0", "", words.trim_end()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_record::{CarrierSeries, Score};

    fn run(steps: usize) -> Run {
        let path = |source: &str| PathSeries {
            source: source.to_owned(),
            sent: vec![10; steps],
            accepted: vec![9; steps],
            signals: (0..steps).map(|n| u32::from(n % 7 == 0)).collect(),
            allowed_per_min: vec![130.0; steps],
            limit_per_min: vec![Some(120.0); steps],
            banned: (0..steps).map(|n| n > steps / 2).collect(),
            open: vec![1; steps],
        };
        let queue = (0..steps).rev().map(|n| u64::try_from(n).unwrap() * 1_000).collect();
        let carrier = CarrierSeries { name: "docomo".into(), queue, paths: vec![path("wide-1"), path("wide-2")] };
        Run {
            scenario: "s".into(),
            title: "t".into(),
            law: "all".into(),
            seed: 1,
            rehearsed: false,
            bans_expected: false,
            time_judged: true,
            ended_s: 600.0,
            events: 0,
            spins: 0,
            carriers: vec![],
            total: Score::default(),
            foreseen: vec![],
            series: Some(Series { step_s: 5.0, carriers: vec![carrier] }),
        }
    }

    #[test]
    fn a_chart_fits_a_terminal_whatever_its_length() {
        for steps in [0, 1, 7, 84, 85, 240, 2_880] {
            let text = terminal(&run(steps), true);
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{steps} steps: {line}");
            }
        }
    }

    #[test]
    fn rate_limit_refusals_bans_and_queue_are_drawn() {
        let text = terminal(&run(84), false);
        for sign in ["█", "─", "!", "x", "docomo", "queue 83k", "signals"] {
            assert!(text.contains(sign), "{sign}\n{text}");
        }
    }
}
