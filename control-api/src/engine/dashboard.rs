//! The pages on which people watch a campaign and operators the carriers' limits. They hold no data: their scripts ask
//! the calls for it, with the key if there is one.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const PAGE: &str = include_str!("dashboard/page.html");
const LIMITS: &str = include_str!("dashboard/limits.html");

/// Only what the page itself brings may run, and only this engine may be asked.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /engine/dashboard/{id}`
pub async fn page() -> Response {
    html(PAGE)
}

/// `GET /engine/limits`
pub async fn limits() -> Response {
    html(LIMITS)
}

fn html(page: &'static str) -> Response {
    let heads = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (heads, page).into_response()
}
