//! Carriers spoken to by hand, over real sockets on loopback.

mod dns;
mod fates;
mod faults;
mod hidden;
mod journal;
mod limits;
mod outages;
mod presets;
mod senders;
mod session;
mod speed;
mod talk;
