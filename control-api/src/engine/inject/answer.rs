//! The 202: KumoMTA's fields, and the ids under which each notification can be asked for.

use std::fmt::Write;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mail_model::{CampaignName, MessageId, NotificationId};

/// Present, with the value `true`, when the answer repeats that of an earlier call.
pub const IDEMPOTENT_REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

/// Ids written at a time; the answer to a million recipients is 29 MB and never stands in memory whole.
const IDS_PER_PIECE: u32 = 1_000;

/// The answer for `count` notifications of `message`. It follows from its arguments alone, so a replay is equal.
pub fn answer(message: MessageId, count: u32, campaign: &CampaignName, replay: bool) -> Response {
    // The parts that vary are hex digits and a checked name: nothing here needs JSON escapes.
    let head = format!(
        "{{\"success_count\":{count},\"fail_count\":0,\"failed_recipients\":[],\"errors\":[],\
         \"message_id\":\"{message}\",\"campaign\":\"{campaign}\",\"ids\":["
    );
    let body = if count <= IDS_PER_PIECE {
        Body::from(format!("{head}{}]}}", ids(message, 0, count)))
    } else {
        let pieces = (0..count)
            .step_by(IDS_PER_PIECE as usize)
            .map(move |from| ids(message, from, count.min(from.saturating_add(IDS_PER_PIECE))));
        let pieces = std::iter::once(head).chain(pieces).chain(std::iter::once("]}".to_owned()));
        Body::from_stream(futures_util::stream::iter(pieces.map(Ok::<_, std::convert::Infallible>)))
    };
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut response = (StatusCode::ACCEPTED, [json], body).into_response();
    if replay {
        response.headers_mut().insert(IDEMPOTENT_REPLAY, HeaderValue::from_static("true"));
    }
    response
}

/// `"…","…"`, with a comma in front unless they are the first.
fn ids(message: MessageId, from: u32, to: u32) -> String {
    let mut text = String::with_capacity((to.saturating_sub(from)) as usize * 28);
    for index in from..to {
        if index > 0 {
            text.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "\"{}\"", NotificationId { message, index });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn every_id_is_in_the_answer_once_and_in_order() {
        let campaign = CampaignName::new("typhoon-12").unwrap();
        for count in [1, 2, 999, 1_000, 1_001, 2_500] {
            let response = answer(MessageId(0xabc), count, &campaign, count == 2);
            assert_eq!(response.status(), StatusCode::ACCEPTED);
            assert_eq!(response.headers().contains_key(IDEMPOTENT_REPLAY), count == 2);
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(body["success_count"], count);
            assert_eq!(body["campaign"], "typhoon-12");
            let ids: Vec<_> =
                body["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
            let expected: Vec<_> = (0..count).map(|i| format!("0000000000000abc-{i:08x}")).collect();
            assert_eq!(ids, expected);
        }
    }
}
