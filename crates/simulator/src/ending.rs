//! How a mail ends.

/// How a mail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The carrier took it.
    Accepted,
    /// Its recipient does not exist, and the carrier said so.
    Unknown,
    /// Refused for good for another reason.
    Failed,
    /// Its time was over.
    Expired,
}
