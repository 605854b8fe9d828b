//! Round numbers for axes, and words for figures.

/// The smallest of 1, 2, 2.5, 5 × 10ⁿ that is not below `value`; 1 for nothing.
pub(crate) fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let ten = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|step| step * ten).find(|top| *top >= value * 0.999_999).unwrap_or(value)
}

/// Marks on an axis of time: at most `most` of them, at a round distance. Gives the distance in seconds.
pub(crate) fn time_step_s(span_s: f64, most: f64) -> f64 {
    const STEPS: [f64; 17] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
        43_200.0, 86_400.0,
    ];
    STEPS.into_iter().find(|step| span_s / step <= most).unwrap_or_else(|| round_up(span_s / most))
}

/// A time of a run: `45 s`, `3:20`, `1:05:00`.
pub(crate) fn clock(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times of a run: 0 to some days")]
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3_600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m}:{s:02}"),
        (h, m, s) => format!("{h}:{m:02}:{s:02}"),
    }
}

/// A figure in at most five characters: `0`, `3.5`, `250`, `12k`, `1.2M`.
pub(crate) fn short(value: f64) -> String {
    let tidy = |value: f64, unit: &str| match value {
        v if v < 9.95 && (v * 10.0).round() % 10.0 != 0.0 => format!("{v:.1}{unit}"),
        v => format!("{v:.0}{unit}"),
    };
    match value {
        v if v < 999.5 => tidy(v, ""),
        v if v < 999_500.0 => tidy(v / 1e3, "k"),
        v => tidy(v / 1e6, "M"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers_and_figures_are_short() {
        for (value, top) in [(0.0, 1.0), (1.0, 1.0), (1.1, 2.0), (2.2, 2.5), (260.0, 500.0), (999.0, 1_000.0)] {
            assert!((round_up(value) - top).abs() < 1e-9, "{value} {}", round_up(value));
        }
        for (span, step) in [(10.0, 2.0), (3_600.0, 600.0), (14_400.0, 3_600.0), (86_400.0, 14_400.0)] {
            assert!((time_step_s(span, 6.0) - step).abs() < 1e-9, "{span}");
        }
        for (value, word) in [(0.0, "0"), (3.46, "3.5"), (250.4, "250"), (12_345.0, "12k"), (1_234_567.0, "1.2M")] {
            assert_eq!(short(value), word);
        }
        for (seconds, word) in [(44.6, "45 s"), (200.0, "3:20"), (3_900.0, "1:05:00")] {
            assert_eq!(clock(seconds), word);
        }
    }
}
