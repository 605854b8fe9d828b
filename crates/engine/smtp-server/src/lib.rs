//! One inbound session with limits, and the listener that holds them all.
#![doc = include_str!("../README.md")]
