//! Sealing at rest: values bound to their place, a tree of keys, rotation, erasure by destroying keys.
#![doc = include_str!("../README.md")]

mod blind;
mod error;
mod key;
mod place;
mod root;
mod tree;

pub use blind::{BlindIndex, IndexKey};
pub use error::{RootError, Unopened};
pub use key::Key;
pub use place::Place;
pub use root::{ROOT_KEY_BYTES, Root};
pub use tree::{KeyId, KeyKind, KeyRecord};
