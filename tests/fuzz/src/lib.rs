//! Every parser of the tree, fed with anything.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod calls;
pub mod corpus;
mod cuts;
mod incoming;
mod links;
mod mails;
pub mod mutate;
mod nouns;
mod reports;
mod sending;
mod settings;
mod signatures;
mod stored;
mod wire;

/// One parser, or two that must agree.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: the folder of its corpus, and `TARGET=` of `make fuzz`.
    pub name: &'static str,
    /// Feeds it. Panics when something that always holds does not.
    pub run: fn(&[u8]),
    /// Mutations of saved inputs that an ordinary test runs: fewer where one costs a millisecond.
    pub mutations: u32,
}

const fn target(name: &'static str, run: fn(&[u8]), mutations: u32) -> Target {
    Target { name, run, mutations }
}

/// All of them, by name.
pub const TARGETS: &[Target] = &[
    target("addresses", nouns::addresses, 20_000),
    target("calls", calls::run, 10_000),
    target("capabilities", wire::capabilities, 20_000),
    target("commands", wire::commands, 20_000),
    target("configurations", settings::run, 1_000),
    target("contents", mails::contents, 2_000),
    target("end_of_data", wire::end_of_data, 20_000),
    target("incoming", incoming::run, 2_000),
    target("keys", sending::keys, 5_000),
    target("links", links::run, 10_000),
    target("policies", stored::policies, 20_000),
    target("quoted_replies", reports::quoted_replies, 5_000),
    target("records", stored::records, 10_000),
    target("replies", wire::replies, 20_000),
    target("reports", reports::reports, 2_000),
    target("sending", sending::run, 2_000),
    target("signatures", signatures::run, 1_000),
    target("stuffing", wire::stuffing, 20_000),
    target("subjects", mails::subjects, 5_000),
];

/// The target of a name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
