//! Operators' calls, named as KumoMTA names them.

pub mod audit;
pub mod bounce;
pub mod inbox;
pub mod inspect;
pub mod limits;
pub mod paths;
pub mod suppression;
pub mod suspend;
pub mod tls;
