//! How honest the engine's estimates were: what was foreseen of many waves beside what came.

use serde_json::{Value, json};

use crate::foresight::{Foreseen, Said};

/// Within this share of what came an estimate is good.
pub const GOOD: f64 = 0.2;

/// Answers of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Honesty {
    /// `before` anything was sent, or `at_quarter`.
    pub when: &'static str,
    /// How sure they were.
    pub sureness: &'static str,
    /// Waves.
    pub waves: usize,
    /// Middle of the errors' sizes, as shares of what came.
    pub median: f64,
    /// Nine of ten are not above it.
    pub nine_of_ten: f64,
    /// Share of them within [`GOOD`].
    pub good: f64,
    /// Share of them that named a range in which it came.
    pub in_range: f64,
    /// Where the error was greatest.
    pub worst_in: String,
}

/// Judges waves, each with the name of its scenario. Waves that never end, as was said, are none.
pub fn judge(waves: &[(String, Foreseen)]) -> Vec<Honesty> {
    let kinds: [(&'static str, fn(&Foreseen) -> Option<&Said>); 2] =
        [("before", |wave| wave.before.as_ref()), ("at_quarter", |wave| wave.at_quarter.as_ref())];
    let mut judged = Vec::new();
    for (when, said) in kinds {
        for sureness in ["learned", "growing", "unknown"] {
            let chosen = waves.iter().filter_map(|(name, wave)| Some((name, wave, said(wave)?)));
            let chosen: Vec<_> = chosen.filter(|(.., said)| said.sureness == sureness).collect();
            judged.extend(one(when, sureness, &chosen));
        }
    }
    judged
}

fn one(when: &'static str, sureness: &'static str, waves: &[(&String, &Foreseen, &Said)]) -> Option<Honesty> {
    let error = |(name, wave, said): &(&String, &Foreseen, &Said)| {
        said.error(wave.came_s).map(|error| (error.abs(), (*name).clone(), is_in_range(wave, said)))
    };
    let mut errors: Vec<(f64, String, bool)> = waves.iter().filter_map(error).collect();
    errors.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = |place: usize| errors.get(place).map_or(f64::NAN, |(error, ..)| *error);
    let share = |count: usize| {
        f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(u32::try_from(errors.len()).unwrap_or(u32::MAX))
    };
    let last = errors.last()?;
    Some(Honesty {
        when,
        sureness,
        waves: errors.len(),
        median: at(errors.len() / 2),
        nine_of_ten: at((errors.len() * 9).div_ceil(10).saturating_sub(1)),
        good: share(errors.iter().filter(|(error, ..)| *error <= GOOD).count()),
        in_range: share(errors.iter().filter(|(.., inside)| *inside).count()),
        worst_in: last.1.clone(),
    })
}

fn is_in_range(wave: &Foreseen, said: &Said) -> bool {
    match wave.came_s {
        None => said.latest_s.is_none(),
        // A tenth on either side: a range from one measured limit is narrow.
        Some(came_s) => {
            let (from, to) = (said.earliest_s.unwrap_or(f64::INFINITY), said.latest_s.unwrap_or(f64::INFINITY));
            said.error(wave.came_s) == Some(0.0) || (from * 0.9..=to * 1.1).contains(&came_s)
        }
    }
}

impl Honesty {
    /// For the record.
    pub fn record(&self) -> Value {
        let figure = |value: f64| if value.is_finite() { json!((value * 1e3).round() / 1e3) } else { Value::Null };
        json!({
            "when": self.when, "sureness": self.sureness, "waves": self.waves, "median": figure(self.median),
            "nine_of_ten": figure(self.nine_of_ten), "good": figure(self.good), "in_range": figure(self.in_range),
            "worst_in": self.worst_in,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(likely_s: f64, came_s: Option<f64>) -> (String, Foreseen) {
        let said = Said {
            sureness: "learned",
            reason: "learned",
            likely_s: Some(likely_s),
            earliest_s: Some(likely_s * 0.9),
            latest_s: Some(likely_s * 1.2),
        };
        let foreseen = Foreseen { carrier: "au".into(), mails: 10, before: Some(said), at_quarter: None, came_s };
        (format!("said {likely_s}"), foreseen)
    }

    #[test]
    fn errors_are_shares_of_what_came_and_a_wave_that_never_ends_is_the_worst() {
        let waves = [wave(100.0, Some(100.0)), wave(130.0, Some(100.0)), wave(3.0, Some(15.0)), wave(50.0, None)];
        let judged = judge(&waves);
        assert_eq!(judged.len(), 1);
        let before = &judged[0];
        assert_eq!((before.when, before.waves, before.good, before.in_range), ("before", 4, 0.5, 0.5));
        assert_eq!(before.worst_in, "said 50");
        assert!((before.median - 0.3).abs() < 1e-9);
        assert!(judge(&[]).is_empty());
    }
}
