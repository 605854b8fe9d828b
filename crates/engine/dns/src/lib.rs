//! Questions to DNS and their answers.
#![doc = include_str!("../README.md")]
