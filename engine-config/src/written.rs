//! What the operator wrote: TOML with line numbers, read key by key against a table of settings.

pub(crate) mod document;
pub(crate) mod section;
pub(crate) mod setting;
pub(crate) mod suggest;
pub(crate) mod value;
