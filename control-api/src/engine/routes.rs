//! Every route in one table: what it does, who may call it, how long it may take. The router is made from it.

use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post};

use crate::engine::admin::{audit, bounce, inbox, inspect, limits, paths, suppression, suspend, tls};
use crate::engine::campaigns::{bounces, events, progress, unreached};
use crate::engine::canaries;
use crate::engine::dashboard;
use crate::engine::estimate::{before, live};
use crate::engine::inject::call;
use crate::engine::probes;
use crate::engine::state::EngineState;
use crate::engine::unsubscribe;
use crate::http::fault::Fault;
use crate::http::keys::Access;
use crate::http::name::ErrorName;
use crate::http::wrap::{Policy, Wrap, finish, guard};

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path with its parameters, as axum writes them.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Seconds until the head of the answer stands.
    pub answer_within_s: u64,
    /// What it does.
    pub does: &'static str,
    handler: fn() -> MethodRouter<EngineState>,
}

const fn route(
    method: &'static str,
    path: &'static str,
    access: Access,
    does: &'static str,
    handler: fn() -> MethodRouter<EngineState>,
) -> Route {
    Route { method, path, access, answer_within_s: 30, does, handler }
}

/// All of them.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    // A million recipients over a slow line take minutes; the body reader sees to it that they keep coming.
    Route { answer_within_s: 1_800, ..route("POST", "/engine/api/inject/v1", Access::Operate,
        "takes a message for a list of recipients; 202 only when it is on disk", || post(call::inject)) },
    route("GET", "/engine/api/campaigns/v1/{id}", Access::Operate,
        "progress of a campaign or message: counts, causes, times", || get(progress::show)),
    route("GET", "/engine/api/campaigns/v1/{id}/events", Access::Operate,
        "the same as server-sent events, until all is done", || get(events::follow)),
    route("GET", "/engine/api/campaigns/v1/{id}/estimate", Access::Operate,
        "when its mail will have been handed over, and what takes the longest", || get(live::show)),
    route("POST", "/engine/api/estimate/v1", Access::Operate,
        "the same for a list before it is sent; sends and keeps nothing", || post(before::estimate)),
    route("GET", "/engine/api/campaigns/v1/{id}/bounces.csv", Access::Operate,
        "who was not reached, why, and what to do, as CSV", || get(bounces::csv)),
    route("GET", "/engine/api/campaigns/v1/{id}/unreached.csv", Access::Operate,
        "who has not got the notice yet, and who will not in time, as CSV", || get(unreached::csv)),
    route("GET", "/engine/api/canaries", Access::Operate,
        "mails to our own mailboxes: what arrived, what is missing, whose alarm stands", || get(canaries::list)),
    route("POST", "/engine/api/canaries/arrived", Access::Operate,
        "a program that reads such a mailbox says that a mail arrived", || post(canaries::arrived)),
    route("POST", "/engine/api/admin/suspend/v1", Access::Operate,
        "stops sending by campaign, tenant, domain or carrier", || post(suspend::add)),
    route("GET", "/engine/api/admin/suspend/v1", Access::Operate,
        "lists these suspensions", || get(suspend::list)),
    route("DELETE", "/engine/api/admin/suspend/v1", Access::Operate,
        "ends one", || delete(suspend::remove)),
    route("POST", "/engine/api/admin/suspend-ready-q/v1", Access::Operate,
        "stops one egress path", || post(suspend::add_path)),
    route("GET", "/engine/api/admin/suspend-ready-q/v1", Access::Operate,
        "lists stopped paths", || get(suspend::list_paths)),
    route("DELETE", "/engine/api/admin/suspend-ready-q/v1", Access::Operate,
        "opens one again", || delete(suspend::remove)),
    route("POST", "/engine/api/admin/bounce/v1", Access::Operate,
        "takes matching mail out of the queue for good; a filter is required", || post(bounce::sweep)),
    route("GET", "/engine/api/admin/inspect-sched-q/v1", Access::Operate,
        "what waits, lane by lane", || get(inspect::lanes)),
    route("GET", "/engine/api/admin/inspect-message/v1", Access::Operate,
        "one notification or message as the queue holds it", || get(inspect::message)),
    route("GET", "/engine/api/admin/in-doubt/v1", Access::Operate,
        "notifications that a crash may have sent twice", || get(inspect::in_doubt)),
    route("POST", "/engine/api/admin/suppression/v1", Access::Operate,
        "whether and why an address is suppressed; by POST, so that no log holds the address", || post(suppression::look)),
    route("DELETE", "/engine/api/admin/suppression/v1", Access::Operate,
        "lets mail go to a suppressed address again, with a reason that stays on record", || delete(suppression::lift)),
    route("POST", "/engine/api/admin/suppressions/v1", Access::Operate,
        "every suppressed address and why; goes on behind `after`", || post(suppression::list)),
    route("GET", "/engine/api/admin/audit/v1", Access::Operate,
        "what was done by hand, by whom and why", || get(audit::list)),
    route("GET", "/engine/api/admin/inbox/v1", Access::Operate,
        "received mail that a person should read", || get(inbox::list)),
    route("GET", "/engine/api/admin/inbox/v1/{id}", Access::Operate,
        "one such mail as it came", || get(inbox::one)),
    route("GET", "/engine/api/admin/tls-reports/v1", Access::Operate,
        "TLS successes and failures of a day by domain, in the form of RFC 8460", || get(tls::reports)),
    route("GET", "/engine/api/admin/inspect-ready-q/v1", Access::Operate,
        "egress paths of one carrier or source", || get(paths::states)),
    route("GET", "/engine/api/admin/ready-q-states/v1", Access::Operate,
        "all egress paths with rate, connections and breaker", || get(paths::states)),
    route("GET", "/engine/api/admin/resolve-egress-path/v1", Access::Operate,
        "where mail to a domain goes and by which sources", || get(paths::resolve)),
    route("GET", "/engine/api/limits/v1", Access::Operate,
        "what was learned about the carriers' limits: by carrier, netblock and source", || get(limits::show)),
    route("DELETE", "/engine/api/limits/v1", Access::Operate,
        "forgets what was learned of a carrier, with a reason that stays on record", || delete(limits::forget)),
    route("GET", "/engine/api/check-liveness/v1", Access::Watch,
        "200 when mail can be taken, 503 with the reason when not", || get(probes::liveness)),
    route("GET", "/engine/dashboard/{id}", Access::Open,
        "the page on which people watch a campaign; it holds no data", || get(dashboard::page)),
    route("GET", "/engine/limits", Access::Open,
        "the page on which operators see the carriers' limits; it holds no data", || get(dashboard::limits)),
    route("GET", "/u/{token}", Access::Open,
        "the page behind a mail's unsubscribe link; looking changes nothing", || get(unsubscribe::ask)),
    route("POST", "/u/{token}", Access::Open,
        "stops mail to whoever has the token from a mail (RFC 8058)", || post(unsubscribe::act)),
    route("GET", "/metrics", Access::Watch,
        "Prometheus text format 0.0.4", || get(probes::metrics)),
    route("GET", "/healthz", Access::Open,
        "as check-liveness, for load balancers", || get(probes::liveness)),
];

/// The rule of a route; `None` for one that does not exist, which is answered with 404 or 405.
pub fn policy(method: &Method, path: &str) -> Option<Policy> {
    let route = ROUTES.iter().find(|route| route.path == path && route.method == method.as_str())?;
    Some(Policy { access: route.access, answer_within: Duration::from_secs(route.answer_within_s) })
}

/// The router of the engine's face.
pub fn router(state: EngineState) -> Router {
    let wrap = Wrap::new(state.parts.keys.clone(), policy, state.parts.clock.unix());
    ROUTES
        .iter()
        .fold(Router::new(), |router, route| router.route(route.path, (route.handler)()))
        .method_not_allowed_fallback(wrong_method)
        .route_layer(from_fn_with_state(wrap.clone(), guard))
        .fallback(no_route)
        .layer(from_fn_with_state(wrap, finish))
        .with_state(state)
}

async fn no_route() -> Fault {
    Fault::not_found("no such path")
}

async fn wrong_method() -> Fault {
    let message = "this path does not know the method";
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, ErrorName::BadRequestError, message)
}
