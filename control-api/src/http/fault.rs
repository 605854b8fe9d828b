//! The one form in which a refusal leaves: `{"status_code", "errors": [{"error", "message", "field"}], "request_id"}`.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::name::ErrorName;

/// How many faults of one request are named; the rest are counted.
pub const FAULTS_NAMED_MAX: usize = 100;

/// One line of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultLine {
    /// The word a program switches on.
    pub error: ErrorName,
    /// A sentence for people. Never holds a mail address, a name or a text of a mail.
    pub message: String,
    /// The field, as `recipients[17].email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// A refusal. It becomes a response; [`crate::http::wrap`] adds the request's id and writes the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status.
    pub status: StatusCode,
    /// At least one, at most [`FAULTS_NAMED_MAX`].
    pub lines: Vec<FaultLine>,
    /// How many faults there were, named or not.
    pub total: u64,
    /// Seconds after which the same request may succeed.
    pub retry_after_s: Option<u64>,
}

#[derive(Serialize)]
struct Written<'a> {
    status_code: u16,
    errors: &'a [FaultLine],
    #[serde(skip_serializing_if = "Option::is_none")]
    error_count: Option<u64>,
    request_id: &'a str,
}

impl Fault {
    /// A refusal with one line.
    pub fn new(status: StatusCode, error: ErrorName, message: impl Into<String>) -> Self {
        let line = FaultLine { error, message: message.into(), field: None };
        Self { status, lines: vec![line], total: 1, retry_after_s: None }
    }

    /// 400: what came is not HTTP or JSON as spoken here.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorName::BadRequestError, message)
    }

    /// 422: one field is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorName::ValidationError, message).at(field)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorName::NotFound, message)
    }

    /// 413.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorName::LimitError, message)
    }

    /// 503, with the time after which it is worth asking again.
    pub fn unavailable(message: impl Into<String>, retry_after_s: u64) -> Self {
        let mut fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorName::ServiceUnavailable, message);
        fault.retry_after_s = Some(retry_after_s);
        fault
    }

    /// 500. The reason belongs in the log, not here.
    pub fn internal() -> Self {
        let message = "an internal fault; the log of this node tells more under this request_id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorName::InternalError, message)
    }

    /// Names the field the first line speaks of.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        if let Some(line) = self.lines.first_mut() {
            line.field = Some(field.into());
        }
        self
    }

    /// The body, as sent.
    pub fn body(&self, request_id: &str) -> Vec<u8> {
        let hidden = self.total > self.lines.len() as u64;
        let written = Written {
            status_code: self.status.as_u16(),
            errors: &self.lines,
            error_count: hidden.then_some(self.total),
            request_id,
        };
        // Strings and numbers only: this cannot fail; an empty body would still carry the status.
        serde_json::to_vec(&written).unwrap_or_default()
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Collects the faults of one request, so that the caller learns all of them at once.
#[derive(Debug, Default)]
pub struct Faults {
    lines: Vec<FaultLine>,
    total: u64,
}

impl Faults {
    /// Adds one.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.total += 1;
        if self.lines.len() < FAULTS_NAMED_MAX {
            let (field, message) = (Some(field.into()), message.into());
            self.lines.push(FaultLine { error: ErrorName::ValidationError, message, field });
        }
    }

    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Whether one of the named faults is about this field.
    pub fn names(&self, field: &str) -> bool {
        let below = |f: &str| f.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.lines.iter().any(|line| line.field.as_deref().is_some_and(below))
    }

    /// Nothing wrong: `Ok`; else a 422 with all of them.
    pub fn into_result(self) -> Result<(), Fault> {
        if self.total == 0 {
            return Ok(());
        }
        Err(Fault {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            lines: self.lines,
            total: self.total,
            retry_after_s: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_first_hundred_faults_and_counts_all() {
        let mut faults = Faults::default();
        for index in 0..250 {
            faults.add(format!("recipients[{index}].email"), "wrong");
        }
        let fault = faults.into_result().unwrap_err();
        let body: serde_json::Value = serde_json::from_slice(&fault.body("r-1")).unwrap();
        assert_eq!(body["status_code"], 422);
        assert_eq!(body["errors"].as_array().unwrap().len(), FAULTS_NAMED_MAX);
        assert_eq!(body["errors"][99]["field"], "recipients[99].email");
        assert_eq!(body["error_count"], 250);
        assert_eq!(body["request_id"], "r-1");
    }
}
