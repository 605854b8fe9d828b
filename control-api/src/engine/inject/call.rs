//! The call itself: read, judge, fill, commit, and only then answer.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use compose::{Content, ContentError, ContentSpec};
use mail_model::UnixMs;
use queue::{Begun, Idempotency, NewMessage};
use tokio::sync::OwnedSemaphorePermit;

use crate::engine::inject::along;
use crate::engine::inject::answer::answer;
use crate::engine::inject::fill::{Filled, Target, fill};
use crate::engine::inject::head::{Head, check_key};
use crate::engine::inject::receive::{Received, receive};
use crate::engine::inject::refusal;
use crate::engine::inject::spool::Spool;
use crate::engine::state::EngineState;
use crate::http::body::BodyReader;
use crate::http::fault::{Fault, Faults};
use crate::http::name::ErrorName;

/// Recipients up to which a call is filled on the spot: handing it to another thread would cost more.
const INLINE_RECIPIENTS_MAX: u64 = 64;

/// How long a call waits for its turn.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(10);

/// `POST /engine/api/inject/v1`. A 202 means that the queue's commit has returned: the mail survives a power cut.
pub async fn inject(State(state): State<EngineState>, headers: HeaderMap, body: Body) -> Result<Response, Fault> {
    let answer = take(&state, &headers, body).await;
    if let Err(fault) = &answer {
        telemetry::InjectionRefused { reason: reason(fault), status: fault.status.as_u16() }.emit();
    }
    answer
}

/// A fixed word for the log and the metric.
fn reason(fault: &Fault) -> &'static str {
    match fault.lines.first().map(|line| line.error) {
        Some(ErrorName::LimitError | ErrorName::ServiceUnavailable) => "limit",
        Some(ErrorName::Conflict | ErrorName::IdempotencyConflict) => "idempotency",
        Some(ErrorName::BadRequestError) => "syntax",
        Some(ErrorName::InternalError) => "internal",
        _ => "field",
    }
}

async fn take(state: &EngineState, headers: &HeaderMap, body: Body) -> Result<Response, Fault> {
    let _permit = permit(state).await?;
    let limits = state.parts.limits;
    let reader = BodyReader::json(headers, body, limits.body, &state.parts.clock)?;
    let Received { written, spool, digest, mut faults } = receive(reader, &limits, &state.parts.spool_dir).await?;
    let complete = state.parts.clock.mono();
    let head = written.judge(&state.parts.defaults, &mut faults)?;
    let key = key(headers, head.as_ref(), &mut faults);
    let now = state.parts.clock.unix();
    let idempotency = key.map(|key| Idempotency { key, digest });
    let reserved = state.parts.canaries.reserve(spool.count());

    let target = match head {
        Some(head) if faults.is_empty() => match begin(state, head, idempotency.clone(), now, &mut faults)? {
            Start::Replay(response) => return Ok(response),
            Start::Fill(target) => target.map(|target| *target),
        },
        _ => None,
    };
    let filled = filled(state, target, spool, faults, now).await?;
    let Head { campaign, tenant, class, .. } = &filled.head;
    let (campaign, tenant, class, content_bytes) = (campaign.clone(), tenant.clone(), *class, filled.content_bytes);
    let accepted = along::commit(state, reserved, filled, idempotency).await?;
    telemetry::MessageAccepted {
        message: accepted.message,
        campaign: &campaign,
        tenant: &tenant,
        class,
        recipients: accepted.count,
        content_bytes,
        took: state.parts.clock.mono().since(complete),
    }
    .emit();
    Ok(answer(accepted.message, accepted.count, &campaign, false))
}

/// Waits a while for a free place: back-pressure slows a burst down without an error.
async fn permit(state: &EngineState) -> Result<OwnedSemaphorePermit, Fault> {
    match tokio::time::timeout(PLACE_WAIT_MAX, state.calls.clone().acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        // The semaphore is never closed, so this is the time-out.
        _ => Err(Fault::unavailable("as many injections as allowed are being taken already", 5)),
    }
}

/// The key of the header or of the body; both may be given when they are equal.
fn key(headers: &HeaderMap, head: Option<&Head>, faults: &mut Faults) -> Option<String> {
    let in_body = head.and_then(|head| head.idempotency_key.clone());
    let Some(value) = headers.get("idempotency-key") else {
        return in_body;
    };
    let text = value.to_str().unwrap_or_default();
    check_key("Idempotency-Key", text, faults);
    if in_body.as_deref().is_some_and(|given| given != text) {
        faults.add("idempotency_key", "differs from the Idempotency-Key header; give one of them");
    }
    Some(text.to_owned())
}

enum Start {
    /// The same call came before and was accepted.
    Replay(Response),
    /// A new one, or nothing to fill because something is wrong.
    Fill(Option<Box<Target>>),
}

/// Asks the queue first, so that a repeated call gets its first answer even if its deadline has passed by now.
fn begin(
    state: &EngineState,
    head: Head,
    idempotency: Option<Idempotency>,
    now: UnixMs,
    faults: &mut Faults,
) -> Result<Start, Fault> {
    if !state.parts.pools.contains(&head.pool) {
        faults.add("pool", "there is no pool of this name in the configuration");
        return Ok(Start::Fill(None));
    }
    let message = NewMessage {
        campaign: head.campaign.clone(),
        tenant: head.tenant.clone(),
        class: head.class,
        pool: head.pool.clone(),
        not_before: head.not_before,
        not_after: head.not_after,
        at_deadline: head.late.at_deadline(
            head.not_before.unwrap_or(now).max(now),
            head.not_after,
            state.parts.defaults.deadline_warn_s,
        ),
        sender: head.sender.clone(),
        content: head.stored.encode(),
        idempotency,
    };
    let content_bytes = message.content.len();
    let intake = match state.parts.queue.begin(message).map_err(|refusal| refusal::fault(&refusal))? {
        Begun::Known { message, count } => {
            return Ok(Start::Replay(answer(message, count, &head.campaign, true)));
        }
        Begun::New(intake) => intake,
    };
    if head.not_after.is_some_and(|end| end <= now) {
        faults.add("not_after", "the time is past; nothing could be sent");
    }
    let parse = |spec: &ContentSpec| Content::parse(spec, head.stored.dialect, intake.message());
    match (parse(&head.stored.content), head.stored.replacement.as_ref().map(parse).transpose()) {
        (Ok(content), Ok(replacement)) => {
            let target = Target { head, content, replacement, content_bytes, intake };
            return Ok(Start::Fill(Some(Box::new(target))));
        }
        (content, replacement) => {
            content.err().into_iter().for_each(|error| name(faults, "content", error));
            replacement.err().into_iter().for_each(|error| name(faults, "replacement", error));
        }
    }
    Ok(Start::Fill(None))
}

/// A field such as `content, header Reply-To` already begins with its word.
fn name(faults: &mut Faults, word: &str, error: ContentError) {
    let below = error.field.strip_prefix("content");
    let field = below.map_or_else(|| format!("{word}.{}", error.field), |below| format!("{word}{below}"));
    faults.add(field, error.message);
}

async fn filled(
    state: &EngineState,
    target: Option<Target>,
    spool: Spool,
    faults: Faults,
    now: UnixMs,
) -> Result<Filled, Fault> {
    if spool.count() <= INLINE_RECIPIENTS_MAX && spool.is_in_memory() {
        return fill(state, target, spool, faults, now);
    }
    let state = state.clone();
    let filling = tokio::task::spawn_blocking(move || fill(&state, target, spool, faults, now));
    filling.await.unwrap_or_else(|_| Err(Fault::internal()))
}
