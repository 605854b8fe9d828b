//! How far a campaign has come, live and afterwards, and whom it did not reach.

pub mod bounces;
pub mod cell;
pub mod deadline;
pub mod events;
pub mod found;
pub mod progress;
pub mod unreached;
pub mod view;
