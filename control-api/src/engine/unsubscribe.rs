//! The page behind the one-click link of List-Unsubscribe (RFC 8058): looking changes nothing, posting does.
//!
//! Mail apps post without showing anything; people who follow the link see a button. Scanners that fetch every link of a
//! mail only look.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::engine::state::EngineState;

/// Nothing may run, nothing may be loaded, and the form posts to this page only.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `GET /u/{token}`. Does not look the token up: the page is the same for every token, so that nobody learns anything.
pub async fn ask(Path(_): Path<String>) -> Response {
    let form = "<p>このメールアドレスへの配信を停止しますか。</p>\
        <form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\
        <button>配信を停止する / Stop these mails</button></form>\
        <p>学校からの緊急のお知らせも届かなくなります。再開するには学校にお申し出ください。</p>";
    page(StatusCode::OK, form)
}

/// `POST /u/{token}`. Repeating it changes nothing more.
pub async fn act(State(state): State<EngineState>, Path(token): Path<String>) -> Response {
    if state.parts.port.unsubscribe(&token).await {
        page(StatusCode::OK, "<p>配信を停止しました。</p><p>再開するには学校にお申し出ください。</p>")
    } else {
        let words = "<p>このリンクは使えません。新しいメールのリンクをお使いになるか、学校にお申し出ください。</p>";
        page(StatusCode::NOT_FOUND, words)
    }
}

fn page(status: StatusCode, words: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"ja\"><head><meta charset=\"utf-8\"><title>配信の停止</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <style>body{{font:18px/1.7 sans-serif;max-width:32em;margin:2em auto;padding:0 1em}}\
         button{{font:inherit;padding:.7em 1.2em}}</style></head><body><h1>配信の停止</h1>{words}</body></html>"
    );
    let heads = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, heads, html).into_response()
}
