//! What happens around every request: an id, who may ask, how long an answer may take, and the form of a refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mail_model::UnixMs;

use crate::http::fault::Fault;
use crate::http::keys::{Access, Keys, Peer};

/// The header that carries the request's id back.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The rule of one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who may call it.
    pub access: Access,
    /// How long until the head of the answer must stand. A streamed body may take longer.
    pub answer_within: Duration,
}

/// What the layers need to know.
pub struct Wrap {
    keys: Keys,
    policy_of: fn(&Method, &str) -> Option<Policy>,
    started: UnixMs,
    count: AtomicU64,
}

/// The id of the request at hand, in its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

impl Wrap {
    /// `policy_of` is asked with the method and the route's pattern; a route without a policy is closed.
    pub fn new(keys: Keys, policy_of: fn(&Method, &str) -> Option<Policy>, started: UnixMs) -> Arc<Self> {
        Arc::new(Self { keys, policy_of, started, count: AtomicU64::new(0) })
    }

    /// Start time and a count: unique on a node, sortable, and nobody's secret.
    fn next_id(&self) -> RequestId {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        RequestId(format!("{:011x}-{n:06x}", self.started.0).into())
    }
}

/// The outer layer: gives the request its id and writes the body of refusals.
pub async fn finish(State(wrap): State<Arc<Wrap>>, mut request: Request, next: Next) -> Response {
    let id = wrap.next_id();
    request.extensions_mut().insert(id.clone());
    // Only the pattern is counted: paths hold ids, and a scanner's inventions would make a series each.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    telemetry::HttpRequest { route, code: response.status().as_u16() }.emit();
    if let Some(fault) = response.extensions_mut().remove::<Fault>() {
        response = written(response, &fault, &id);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn written(mut response: Response, fault: &Fault, id: &RequestId) -> Response {
    *response.body_mut() = Body::from(fault.body(&id.0));
    let headers = response.headers_mut();
    // Told by axum for the empty body that the refusal had until now. `Allow` and the like stay.
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = fault.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if fault.status == axum::http::StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The inner layer, on matched routes only: access and deadline.
pub async fn guard(State(wrap): State<Arc<Wrap>>, request: Request, next: Next) -> Response {
    let pattern = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    // axum answers HEAD by the GET route; the GET route's rule holds.
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let Some(policy) = (wrap.policy_of)(method, pattern) else {
        // Left to axum, which answers 405 with the methods that exist.
        return next.run(request).await;
    };
    let peer = request.extensions().get::<Peer>().copied();
    if let Err(fault) = wrap.keys.admit(policy.access, request.headers(), peer) {
        return fault.into_response();
    }
    match tokio::time::timeout(policy.answer_within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Fault::unavailable("no answer was ready in time", 5).into_response(),
    }
}
