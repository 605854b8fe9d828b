//! Mail that comes back: bounce, complaint, empty mail, auto-reply, reply, other; and what follows from it.
#![doc = include_str!("../README.md")]
