//! The engine is killed at random moments, hundreds of times if asked to, and nothing is lost or sent twice unnamed.
//!
//! `TODOKE_KILLS` says how often (5 when not given); `TODOKE_SEED` replays the draws of a run that failed.

mod kills_in_a_campaign;
mod kills_in_an_injection;
mod settings;
mod toll;
