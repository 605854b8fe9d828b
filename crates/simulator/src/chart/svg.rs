//! A chart as one SVG file that needs nothing else: for each carrier its sources together, then each source small.

use std::fmt::Write;

use crate::chart::scale::{clock, round_up, short, time_step_s};
use crate::run_record::{CarrierSeries, PathSeries, Run};

const WIDTH: f64 = 1_000.0;
const MARGIN: f64 = 60.0;
const PANEL: f64 = 220.0;
const SMALL: f64 = 80.0;
/// Small drawings beside each other.
const ABREAST: usize = 3;
/// Sources drawn one by one; more would be read by nobody.
const SMALL_MAX: usize = 24;

const STYLE: &str = "text{font:12px sans-serif;fill:#333}.head{font-size:18px;font-weight:bold}\
    .name{font-size:14px;font-weight:bold}.axis{stroke:#999;stroke-width:1}.grid{stroke:#e4e4e4;stroke-width:1}\
    .rate{fill:none;stroke:#1f6fb2;stroke-width:1.6}.allowed{fill:none;stroke:#6a9a3b;stroke-width:1.2;stroke-dasharray:4 3}\
    .limit{fill:none;stroke:#b3261e;stroke-width:1.4}.queue{fill:#c9c2b4;fill-opacity:.45;stroke:none}\
    .ban{fill:#b3261e;fill-opacity:.18}.dot{fill:#e07b00;fill-opacity:.75}";

/// Where a drawing stands and what its edges mean.
struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    span_s: f64,
    top: f64,
}

impl Frame {
    fn at(&self, seconds: f64, value: f64) -> (f64, f64) {
        let share = (value / self.top).clamp(0.0, 1.0);
        (self.x + seconds / self.span_s * self.width, self.y + self.height * (1.0 - share))
    }
}

/// The whole chart.
pub fn svg(run: &Run) -> String {
    let mut body = String::new();
    let mut y = 92.0;
    if let Some(series) = &run.series {
        for carrier in &series.carriers {
            y = panel(&mut body, carrier, series.step_s, y);
        }
    }
    let law = if run.rehearsed { format!("{}, rehearsed", run.law) } else { run.law.clone() };
    let judged = run.total.judged_s().map_or("never".to_owned(), clock);
    let line = format!(
        "laws {law}, seed {}: 99 % settled after {judged}, {} times the oracle's time, {:.1} crossings per 10,000 mails, {} bans",
        run.seed,
        run.total.ratio.map_or("?".to_owned(), |ratio| format!("{ratio:.2}")),
        run.total.crossings_per_10k(),
        run.total.bans
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\">\
         <style>{STYLE}</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text class=\"head\" x=\"20\" y=\"28\">{}</text>\n<text x=\"20\" y=\"48\">{}</text>\n{}{body}</svg>\n",
        plain(&format!("{}: {}", run.scenario, run.title)),
        plain(&line),
        legend(66.0)
    )
}

fn legend(y: f64) -> String {
    let line = |x: f64, class: &str, word: &str| {
        format!(
            "<line class=\"{class}\" x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/><text x=\"{}\" y=\"{}\">{word}</text>\n",
            x + 26.0,
            x + 32.0,
            y + 4.0
        )
    };
    let block = |x: f64, class: &str, word: &str| {
        format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"20\" height=\"10\"/><text x=\"{}\" y=\"{}\">{word}</text>\n",
            y - 5.0,
            x + 26.0,
            y + 4.0
        )
    };
    [
        line(20.0, "rate", "accepted a minute"),
        line(170.0, "allowed", "what we allowed"),
        line(310.0, "limit", "hidden limit"),
        format!(
            "<circle class=\"dot\" cx=\"445\" cy=\"{y}\" r=\"3\"/><text x=\"455\" y=\"{}\">refusals, cuts</text>\n",
            y + 4.0
        ),
        block(565.0, "ban", "banned"),
        block(660.0, "queue", "waiting mails (right scale)"),
    ]
    .concat()
}

/// Draws one carrier from `y` on; gives where it ends.
fn panel(out: &mut String, carrier: &CarrierSeries, step_s: f64, y: f64) -> f64 {
    let sum = carrier.sum();
    let steps = carrier.queue.len();
    let span_s = seconds(steps.max(1), step_s);
    let frame = Frame {
        x: MARGIN,
        y: y + 24.0,
        width: WIDTH - 2.0 * MARGIN,
        height: PANEL - 60.0,
        span_s,
        top: top(&sum, step_s),
    };
    let name = format!("{}, {} sources, mails a minute", carrier.name, carrier.paths.len());
    let _ = writeln!(out, "<text class=\"name\" x=\"{MARGIN}\" y=\"{}\">{}</text>", y + 14.0, plain(&name));
    grid(out, &frame, 10.0);
    queue(out, &frame, &carrier.queue, step_s);
    lines(out, &frame, &sum, step_s);
    let mut y = y + PANEL;
    if carrier.paths.len() < 2 {
        return y;
    }
    let room = (WIDTH - 2.0 * MARGIN) / 3.0;
    for row in carrier.paths.get(..SMALL_MAX.min(carrier.paths.len())).unwrap_or_default().chunks(ABREAST) {
        for (place, path) in row.iter().enumerate() {
            let x = MARGIN + room * seconds(place, 1.0);
            let (width, height) = (room - 40.0, SMALL - 34.0);
            let frame = Frame { x, y: y + 16.0, width, height, span_s, top: top(path, step_s) };
            let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\">{}</text>", y + 10.0, plain(&path.source));
            grid(out, &frame, 3.0);
            lines(out, &frame, path, step_s);
        }
        y += SMALL;
    }
    y + 20.0
}

/// The highest value that is drawn: what was sent, and what stood in its way as far as that is near.
fn top(path: &PathSeries, step_s: f64) -> f64 {
    let most = path.accepted.iter().map(|n| f64::from(*n) * 60.0 / step_s).fold(0.0, f64::max);
    let limit = path.limit_per_min.iter().flatten().copied().fold(0.0, f64::max);
    let allowed = path.allowed_per_min.iter().copied().fold(0.0, f64::max);
    round_up(most.max(limit.max(allowed).min(most * 1.6)))
}

fn grid(out: &mut String, frame: &Frame, marks: f64) {
    let (x, y, right, bottom) = (frame.x, frame.y, frame.x + frame.width, frame.y + frame.height);
    for share in [0.0, 0.5, 1.0] {
        let (_, level) = frame.at(0.0, share * frame.top);
        let _ = writeln!(out, "<line class=\"grid\" x1=\"{x}\" y1=\"{level:.1}\" x2=\"{right}\" y2=\"{level:.1}\"/>");
        let word = short(share * frame.top);
        let _ = writeln!(out, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{word}</text>", x - 5.0, level + 4.0);
    }
    let step = time_step_s(frame.span_s, marks);
    let mut at = 0.0;
    while at <= frame.span_s {
        let (mark, _) = frame.at(at, 0.0);
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{mark:.1}\" y1=\"{bottom}\" x2=\"{mark:.1}\" y2=\"{}\"/>",
            bottom + 4.0
        );
        let _ =
            writeln!(out, "<text x=\"{mark:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", bottom + 17.0, clock(at));
        at += step;
    }
    let _ = writeln!(out, "<path class=\"axis\" fill=\"none\" d=\"M{x} {y}V{bottom}H{right}\"/>");
}

fn queue(out: &mut String, frame: &Frame, queue: &[u64], step_s: f64) {
    #[expect(clippy::cast_precision_loss, reason = "a queue stays far below 2^52")]
    let lengths: Vec<f64> = queue.iter().map(|n| *n as f64).collect();
    let top = round_up(lengths.iter().copied().fold(0.0, f64::max));
    let frame = Frame { top, ..Frame { x: frame.x, ..*frame } };
    let (_, bottom) = frame.at(0.0, 0.0);
    let mut path = format!("M{:.1} {bottom:.1}", frame.x);
    for (step, length) in lengths.iter().enumerate() {
        let (x, y) = frame.at(seconds(step + 1, step_s), *length);
        let _ = write!(path, "L{x:.1} {y:.1}");
    }
    let _ = write!(path, "V{bottom:.1}Z");
    let _ = writeln!(out, "<path class=\"queue\" d=\"{path}\"/>");
    for share in [0.5, 1.0] {
        let (right, y) = frame.at(frame.span_s, share * top);
        let _ = writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", right + 6.0, y + 4.0, short(share * top));
    }
}

fn lines(out: &mut String, frame: &Frame, path: &PathSeries, step_s: f64) {
    for (from, to) in spans(&path.banned) {
        let ((left, top), (right, bottom)) =
            (frame.at(seconds(from, step_s), frame.top), frame.at(seconds(to, step_s), 0.0));
        let (width, height) = ((right - left).max(1.0), bottom - top);
        let _ = writeln!(
            out,
            "<rect class=\"ban\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        );
    }
    let accepted = path.accepted.iter().map(|n| Some(f64::from(*n) * 60.0 / step_s));
    curve(out, frame, "limit", path.limit_per_min.iter().copied(), step_s);
    curve(out, frame, "allowed", path.allowed_per_min.iter().map(|v| Some(*v)), step_s);
    curve(out, frame, "rate", accepted, step_s);
    for (step, count) in path.signals.iter().enumerate().filter(|(_, count)| **count > 0) {
        let sent = f64::from(path.sent[step]) * 60.0 / step_s;
        let (x, y) = frame.at(seconds(step, step_s) + step_s / 2.0, sent);
        let radius = (1.5 + f64::from(*count).sqrt() * 0.6).min(5.0);
        let _ = writeln!(out, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>");
    }
}

fn curve(out: &mut String, frame: &Frame, class: &str, values: impl Iterator<Item = Option<f64>>, step_s: f64) {
    let (mut path, mut is_down) = (String::new(), false);
    for (step, value) in values.enumerate() {
        let Some(value) = value else {
            is_down = false;
            continue;
        };
        let (x, y) = frame.at(seconds(step, step_s) + step_s / 2.0, value);
        let _ = write!(path, "{}{x:.1} {y:.1}", if is_down { 'L' } else { 'M' });
        is_down = true;
    }
    if !path.is_empty() {
        let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"/>");
    }
}

/// Begin and end of each row of `true`.
fn spans(flags: &[bool]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (step, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
        match found.last_mut() {
            Some((_, end)) if *end == step => *end = step + 1,
            _ => found.push((step, step + 1)),
        }
    }
    found
}

fn seconds(steps: usize, step_s: f64) -> f64 {
    f64::from(u32::try_from(steps).unwrap_or(u32::MAX)) * step_s
}

fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_record::{Score, Series};

    #[test]
    fn a_chart_holds_every_curve_and_escapes_what_authors_wrote() {
        let path = |source: &str| PathSeries {
            source: source.into(),
            sent: vec![3, 4, 0],
            accepted: vec![3, 2, 0],
            signals: vec![0, 2, 0],
            allowed_per_min: vec![40.0, 45.0, 20.0],
            limit_per_min: vec![Some(60.0), None, Some(60.0)],
            banned: vec![false, true, true],
            open: vec![1, 1, 0],
        };
        let carrier = CarrierSeries { name: "a<b".into(), queue: vec![9, 4, 0], paths: vec![path("w-1"), path("w-2")] };
        let run = Run {
            scenario: "s".into(),
            title: "more & less".into(),
            law: "all".into(),
            seed: 7,
            rehearsed: false,
            bans_expected: false,
            time_judged: true,
            ended_s: 15.0,
            events: 0,
            spins: 0,
            carriers: vec![],
            total: Score::default(),
            foreseen: vec![],
            series: Some(Series { step_s: 5.0, carriers: vec![carrier] }),
        };
        let text = svg(&run);
        for part in [
            "class=\"rate\"",
            "class=\"limit\"",
            "class=\"ban\"",
            "class=\"dot\"",
            "class=\"queue\"",
            "a&lt;b",
            "more &amp; less",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!(text.matches("<svg").count(), text.matches("</svg>").count());
        assert!(!text.contains("NaN"));
    }

    #[test]
    fn spans_are_rows_of_true() {
        assert_eq!(spans(&[true, true, false, true]), vec![(0, 2), (3, 4)]);
        assert!(spans(&[]).is_empty());
    }
}
