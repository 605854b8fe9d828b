//! The page on which people watch a campaign. It holds no data: its script asks the campaign call, with the key if
//! there is one.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const PAGE: &str = include_str!("dashboard/page.html");

/// Only what the page itself brings may run, and only this engine may be asked.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /engine/dashboard/{id}`
pub async fn page() -> Response {
    let heads = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (heads, PAGE).into_response()
}
