//! When mail will have been handed over: for a list before it is sent, and live for a campaign.

pub mod audience;
pub mod before;
pub mod live;
pub mod shown;
pub mod snapshot;
