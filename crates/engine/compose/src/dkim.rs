//! DKIM signatures (RFC 6376) by RSA and Ed25519 (RFC 8463): keys, which of them is in force, what they sign.

mod canon;
mod key;
mod letterhead;
mod record;
mod signature;
mod signers;

pub(crate) use canon::body_hash;
pub use key::{Algorithm, KeyFault, new_key};
pub(crate) use letterhead::{Letterhead, Span, from_domain, is_signed};
pub use record::Record;
pub(crate) use signature::signatures;
pub use signers::{InForce, KeyFile, Signer, Signers, Signing, SigningError};
