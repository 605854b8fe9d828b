//! Mail that comes back: bounce, complaint, empty mail, auto-reply, reply, other; and what follows from it.
#![doc = include_str!("../README.md")]

mod addresses;
mod answer;
mod answer_mail;
mod arrival;
mod authenticity;
mod automatic;
mod configured;
mod consequence;
mod desk;
mod doors;
mod ending;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod header;
mod late;
mod limits;
mod mend;
mod quoted;
mod recognise;
mod registrar;
mod registration;
#[cfg(test)]
mod sample;
mod stop;
mod told;
mod worker;

pub use addresses::{Addresses, Whose};
pub use authenticity::Authentication;
pub use desk::Parts;
pub use doors::{Doors, InboxStore};
pub use error::InboundError;
pub use registrar::{Registrar, RegistrationAnswer, RegistrationEvent};
pub use stop::{Unsubscribed, unsubscribe};
pub use worker::Inbound;
