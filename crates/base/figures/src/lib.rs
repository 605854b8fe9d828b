//! Measured figures: medians, tables for people, one line of JSON for the record, and the machine they belong to.
#![doc = include_str!("../README.md")]

pub mod machine;
pub mod report;
