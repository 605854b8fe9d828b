//! What the queue refuses, in the words of HTTP.

use axum::http::StatusCode;
use queue::Refusal;

use crate::http::fault::Fault;
use crate::http::name::ErrorName;

/// Seconds after which a full queue is worth another try; carriers take hundreds of mails a second in that time.
const RETRY_FULL_S: u64 = 30;

/// A refusal of the queue as a response. The queue's words name the limit and the remedy, never what was sent.
pub fn fault(refusal: &Refusal) -> Fault {
    let words = refusal.to_string();
    match refusal {
        Refusal::Limit { name, limit, .. } => {
            telemetry::LimitReached { limit: name, value: *limit }.emit();
            match *name {
                "recipients_per_message_max" => Fault::too_large(words).at("recipients"),
                "content_bytes_max" => Fault::too_large(words).at("content"),
                "payload_bytes_max" => Fault::too_large(words).at("recipients"),
                "disk_free_bytes_min" => {
                    let mut fault = Fault::new(StatusCode::INSUFFICIENT_STORAGE, ErrorName::LimitError, words);
                    fault.retry_after_s = Some(RETRY_FULL_S);
                    fault
                }
                _ => Fault::unavailable(words, RETRY_FULL_S),
            }
        }
        Refusal::IdempotencyConflict { .. } => {
            Fault::new(StatusCode::CONFLICT, ErrorName::IdempotencyConflict, words).at("idempotency_key")
        }
        Refusal::IdempotencyBusy => {
            let mut fault = Fault::new(StatusCode::CONFLICT, ErrorName::Conflict, words).at("idempotency_key");
            fault.retry_after_s = Some(1);
            fault
        }
    }
}
