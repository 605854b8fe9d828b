//! What a carrier would object to in how we send, found in DNS and said in plain words.
#![doc = include_str!("../README.md")]
