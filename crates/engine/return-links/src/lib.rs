//! What we put in a mail so that something can come back: return paths, registration addresses, signed links. Pure.
#![doc = include_str!("../README.md")]

mod canary;
mod keys;
mod refused;
mod registration;
mod return_path;
mod text;
mod unsubscribe;

pub use canary::CanaryAddresses;
pub use keys::{Keys, KeysError};
pub use refused::Refused;
pub use registration::RegistrationAddresses;
pub use return_path::ReturnPaths;
pub use unsubscribe::UnsubscribeLinks;
