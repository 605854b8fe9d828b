//! The query part of a URL as a type, with our own form of refusal.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::body::explain;
use crate::http::fault::Fault;

/// A query read into `T`; a wrong one is a 422 that names the field.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        Query::<T>::try_from_uri(&parts.uri).map(|Query(asked)| Self(asked)).map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            // `domain: the name holds …` when a value is wrong, `missing field `domain`` when there is none.
            if let Some((field, message)) = text.split_once(": ") {
                return Fault::invalid(field, message);
            }
            let (message, field) = explain(text);
            Fault::invalid(field.unwrap_or_else(|| "query".to_owned()), message)
        })
    }
}
