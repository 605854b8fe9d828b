//! Taking mail in: `POST /engine/api/inject/v1`.

pub mod along;
pub mod answer;
pub mod call;
pub mod cut;
pub mod fill;
pub mod head;
pub mod late;
pub mod place;
pub mod receive;
pub mod recipient;
pub mod refusal;
pub mod spool;
