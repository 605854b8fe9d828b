//! SPF (RFC 7208) with its costs: what a record says, who passes, and how many questions that takes.

pub(crate) mod advice;
pub(crate) mod check;
pub(crate) mod evaluate;
pub(crate) mod expand;
pub(crate) mod published;
pub(crate) mod record;
