//! What a path or a netblock may be expected to do from now on, for a forecast.

use mail_model::MonoUs;

/// Enough to draw the rate of the next minutes. Rates are mails a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Rate that is allowed now; while shut, the rate with which it will begin again. For a netblock without a known
    /// sum: [`RATE_PER_MIN_MAX`](crate::RATE_PER_MIN_MAX).
    pub rate_now_per_min: f64,
    /// The rate at which the carrier takes no more, where it is known. Sending settles a little below.
    pub ceiling_per_min: Option<f64>,
    /// Whether the ceiling is measured; otherwise it is inherited, old, or from one refusal only.
    pub ceiling_confirmed: bool,
    /// What a clean round multiplies the rate by while nothing stands against it; 1 or more.
    pub growth_per_round: f64,
    /// Usual length of a round, seconds.
    pub round_s: f64,
    /// Nothing goes out before then.
    pub shut_until: Option<MonoUs>,
    /// Never faster than this.
    pub rate_max_per_min: f64,
}
