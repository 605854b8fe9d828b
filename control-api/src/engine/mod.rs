//! The engine's face: KumoMTA's calls for machines and operators, with durability and causes added.

pub mod admin;
pub mod campaigns;
pub mod canaries;
pub mod carrier_limits;
pub mod dashboard;
pub mod estimate;
pub mod inject;
pub mod limits;
pub mod port;
pub mod probes;
pub mod routes;
pub mod serve;
pub mod state;
pub mod time;
pub mod unsubscribe;
