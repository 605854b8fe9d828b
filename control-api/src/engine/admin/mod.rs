//! Operators' calls, named as KumoMTA names them.

pub mod bounce;
pub mod inspect;
pub mod paths;
pub mod suppression;
pub mod suspend;
