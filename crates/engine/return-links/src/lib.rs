//! What we put in a mail so that something can come back: return paths, registration addresses, signed links. Pure.
#![doc = include_str!("../README.md")]
