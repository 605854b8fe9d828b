//! What every face of the program shares: accepting connections, reading bodies, keys, and one form of error.

pub mod accept;
pub mod body;
pub mod fault;
pub mod keys;
pub mod name;
pub mod query;
pub mod seats;
pub mod stall;
pub mod wrap;
