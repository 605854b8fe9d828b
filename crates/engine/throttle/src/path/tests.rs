//! Tests of one path: tables of signals and what they leave behind.
