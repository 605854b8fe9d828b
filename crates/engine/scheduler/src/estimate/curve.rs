//! How much was or will be handed over by when, and at what time a share of it is reached. Pure.

/// Seconds and how much by then; both ascending. Between two points it is a straight line, before the first nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Curve(Vec<(f64, f64)>);

impl Curve {
    pub(crate) fn of(points: Vec<(f64, f64)>) -> Self {
        Self(points)
    }

    /// Adds a point; one earlier or lower than the last is moved up to it.
    pub(crate) fn push(&mut self, at_s: f64, mails: f64) {
        let (least_s, least) = self.0.last().copied().unwrap_or((0.0, 0.0));
        self.0.push((at_s.max(least_s), mails.max(least)));
    }

    pub(crate) fn total(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, mails)| *mails)
    }

    pub(crate) fn end_s(&self) -> f64 {
        self.0.last().map_or(0.0, |(at_s, _)| *at_s)
    }

    /// When it reaches `mails`; its end where a rounding is missing.
    fn reaches(&self, mails: f64) -> Option<f64> {
        let next = self.0.partition_point(|(_, by_then)| *by_then < mails);
        let (to_s, to) = *self.0.get(next).or(self.0.last())?;
        let (from_s, from) = next.checked_sub(1).and_then(|before| self.0.get(before)).copied().unwrap_or((to_s, to));
        let part = if to > from { ((mails - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
        Some(from_s + (to_s - from_s) * part)
    }

    pub(crate) fn at(&self, at_s: f64) -> f64 {
        let next = self.0.partition_point(|(point_s, _)| *point_s <= at_s);
        let Some((from_s, from)) = next.checked_sub(1).and_then(|before| self.0.get(before)).copied() else {
            return 0.0;
        };
        match self.0.get(next) {
            Some((to_s, to)) => from + (to - from) * (at_s - from_s) / (to_s - from_s).max(1e-9),
            None => from,
        }
    }
}

/// One part of a sum: a curve, moved later by `after_s` and counted `weight` times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) curve: &'a Curve,
    pub(crate) after_s: f64,
    pub(crate) weight: f64,
}

/// How much all parts have reached at a time.
pub(crate) fn reached(parts: &[Part<'_>], at_s: f64) -> f64 {
    parts.iter().map(|part| part.weight * part.curve.at(at_s - part.after_s)).sum()
}

/// When all parts together reach `mails`; `None` when they never do.
pub(crate) fn when(parts: &[Part<'_>], mails: f64) -> Option<f64> {
    const HALVINGS: u32 = 48;
    let total: f64 = parts.iter().map(|part| part.weight * part.curve.total()).sum();
    // What is missing through rounding is no mail.
    if mails > total + 1e-6 * total.max(1.0) {
        return None;
    }
    if let [Part { curve, after_s, weight }] = parts {
        return curve.reaches(mails / weight).map(|at_s| after_s + at_s);
    }
    let (mut low, mut high) = (0.0, parts.iter().map(|part| part.after_s + part.curve.end_s()).fold(0.0, f64::max));
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if reached(parts, middle) + 1e-9 * total >= mails {
            high = middle
        } else {
            low = middle
        }
        if high - low < (high * 1e-4).max(1e-3) {
            break;
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_reached_between_two_points_and_over_several_parts() {
        let past = Curve::of(vec![(0.0, 0.0), (10.0, 50.0)]);
        let future = Curve::of(vec![(0.0, 0.0), (100.0, 50.0)]);
        let parts =
            |weight| [Part { curve: &past, after_s: 0.0, weight: 1.0 }, Part { curve: &future, after_s: 10.0, weight }];
        // (weight of the future, mails, seconds)
        let table = [
            (1.0, 25.0, Some(5.0)),
            (1.0, 50.0, Some(10.0)),
            (1.0, 75.0, Some(60.0)),
            (1.0, 100.0, Some(110.0)),
            (2.0, 150.0, Some(110.0)),
            (1.0, 101.0, None),
        ];
        for (weight, mails, seconds) in table {
            let found = when(&parts(weight), mails);
            let near = match (found, seconds) {
                (Some(found), Some(seconds)) => (found - seconds).abs() < 0.01,
                (found, seconds) => found == seconds,
            };
            assert!(near, "{mails}: {found:?}, not {seconds:?}");
        }
        assert_eq!(when(&[], 0.0), Some(0.0));
    }
}
