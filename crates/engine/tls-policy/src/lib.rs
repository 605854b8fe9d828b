//! What a domain demands of TLS to its hosts: MTA-STS, DANE; counters for TLS-RPT.
#![doc = include_str!("../README.md")]
