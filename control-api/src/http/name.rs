//! The `error` words a client may switch on.

use serde::Serialize;

/// What kind of fault an error line is. The words never change once released; messages may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ErrorName {
    /// A field is missing, unknown, of a wrong type or out of bounds: 422.
    ValidationError,
    /// Not HTTP or JSON as this service speaks it: 400, 405, 415.
    BadRequestError,
    /// No key, or none that we know: 401.
    AuthError,
    /// This caller may not do that: 403.
    PermissionError,
    /// No such thing: 404.
    NotFound,
    /// Not possible in the present state: 409.
    Conflict,
    /// The idempotency key was used with another body: 409.
    IdempotencyConflict,
    /// Too many at a time: 429.
    RateLimitError,
    /// Larger than a limit, or no room left: 413, 507.
    LimitError,
    /// Not now: 408, 503.
    ServiceUnavailable,
    /// A fault of ours: 500.
    InternalError,
}
