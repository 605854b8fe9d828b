//! What happens to a message around its deadline.

use mail_model::UnixMs;

/// What happens around a message's deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtDeadline {
    /// What waits is not ended at `not_after` but then: until then whoever sends it puts something else in its place.
    pub replace_until: Option<UnixMs>,
    /// From then on those that wait are foreseen to be late.
    pub warn_at: Option<UnixMs>,
}

impl AtDeadline {
    /// When what waits is ended.
    pub fn ends_at(&self, not_after: Option<UnixMs>) -> Option<UnixMs> {
        not_after.map(|end| self.replace_until.map_or(end, |until| until.max(end)))
    }
}
