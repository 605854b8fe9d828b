//! Reading a request's body piece by piece, with a size cap and a minimum speed.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use clock::Clock;
use http_body_util::BodyExt;
use mail_model::MonoUs;
use serde::de::DeserializeOwned;

use crate::http::fault::Fault;
use crate::http::name::ErrorName;

/// Longest silence between two pieces of a body.
const PIECE_WAIT_MAX: Duration = Duration::from_secs(15);
/// After this long a body must have come at [`RATE_BYTES_PER_S_MIN`] on average.
const RATE_GRACE: Duration = Duration::from_secs(15);
/// A 100 MB list over a line slower than this would take a day; a caller this slow holds a connection for nothing.
const RATE_BYTES_PER_S_MIN: u64 = 1_024;
/// Bounds of the small calls of operators.
const SMALL: BodyLimits = BodyLimits { bytes_max: 64 * 1_024, within: Duration::from_secs(30) };

/// Bounds of one body.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Largest size.
    pub bytes_max: u64,
    /// From the first look to the last byte.
    pub within: Duration,
}

/// Reads one body.
pub struct BodyReader {
    body: Body,
    limits: BodyLimits,
    taken: u64,
    clock: Clock,
    started: MonoUs,
}

fn too_slow() -> Fault {
    let message = "the body comes too slowly";
    Fault::new(StatusCode::REQUEST_TIMEOUT, ErrorName::ServiceUnavailable, message)
}

impl BodyReader {
    /// Refuses at once what announces more than is allowed, is not JSON, or is compressed (so no small body can
    /// unfold into a large one).
    pub fn json(headers: &HeaderMap, body: Body, limits: BodyLimits, clock: &Clock) -> Result<Self, Fault> {
        let text = |name| headers.get(name).map_or(Some(""), |v| v.to_str().ok()).map(str::trim);
        // A form or plain text could be sent by any web page to a service on the visitor's machine; JSON could not.
        let kind = text(header::CONTENT_TYPE).and_then(|t| t.split(';').next()).unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("application/json") {
            return Err(unsupported("send the body as 'Content-Type: application/json'"));
        }
        if !matches!(text(header::CONTENT_ENCODING), Some("" | "identity")) {
            return Err(unsupported("send the body without Content-Encoding"));
        }
        let announced = text(header::CONTENT_LENGTH).and_then(|n| n.parse::<u64>().ok());
        let reader = Self { body, limits, taken: 0, clock: clock.clone(), started: clock.mono() };
        if announced.is_some_and(|n| n > limits.bytes_max) {
            return Err(reader.too_large());
        }
        Ok(reader)
    }

    fn too_large(&self) -> Fault {
        Fault::too_large(format!("the body is larger than {} bytes", self.limits.bytes_max))
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let waited = tokio::time::timeout(PIECE_WAIT_MAX, self.body.frame()).await.map_err(|_| too_slow())?;
            let Some(frame) = waited else {
                return Ok(None);
            };
            // The connection broke or the chunking was wrong. Nobody may be left to read this answer.
            let frame = frame.map_err(|_| Fault::bad_request("the body ended before it was complete"))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            self.taken += data.len() as u64;
            if self.taken > self.limits.bytes_max {
                return Err(self.too_large());
            }
            let elapsed = self.clock.mono().since(self.started);
            if elapsed > self.limits.within
                || elapsed > RATE_GRACE && self.taken < elapsed.as_secs() * RATE_BYTES_PER_S_MIN
            {
                return Err(too_slow());
            }
            return Ok(Some(data));
        }
    }
}

fn unsupported(message: &str) -> Fault {
    Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorName::BadRequestError, message)
}

/// Reads a small JSON body whole.
pub async fn small<T: DeserializeOwned>(headers: &HeaderMap, body: Body, clock: &Clock) -> Result<T, Fault> {
    bounded(headers, body, SMALL, clock).await
}

/// Reads a JSON body whole, within other bounds.
pub async fn bounded<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    limits: BodyLimits,
    clock: &Clock,
) -> Result<T, Fault> {
    let mut reader = BodyReader::json(headers, body, limits, clock)?;
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await? {
        bytes.extend_from_slice(&piece);
    }
    serde_json::from_slice(&bytes).map_err(|error| json_fault(&error))
}

/// Syntax is 400 with the place, a wrong type or field is 422.
pub fn json_fault(error: &serde_json::Error) -> Fault {
    let text = error.to_string();
    if error.is_data() {
        let (message, field) = explain(&text);
        let fault = Fault::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorName::ValidationError, message);
        return match field {
            Some(field) => fault.at(field),
            None => fault,
        };
    }
    Fault::bad_request(format!("not JSON: {text}"))
}

/// serde's words without the place, and the field they name in backquotes, if any.
pub fn explain(text: &str) -> (String, Option<String>) {
    let message = text.rsplit_once(" at line ").map_or(text, |(head, _)| head);
    let named =
        message.starts_with("unknown field") || message.starts_with("missing field") || message.starts_with("dup");
    let field = named.then(|| message.split('`').nth(1)).flatten();
    (message.to_owned(), field.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::UnixMs;

    const TEN: BodyLimits = BodyLimits { bytes_max: 10, within: Duration::from_secs(60) };

    fn json_headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json; charset=utf-8".parse().unwrap());
        headers
    }

    #[tokio::test]
    async fn a_body_is_refused_by_what_it_announces_and_by_what_it_is() {
        let clock = Clock::manual(UnixMs(0));
        let table = [
            ("content-type", "text/plain", 415),
            ("content-type", "application/x-www-form-urlencoded", 415),
            ("content-encoding", "gzip", 415),
            ("content-length", "11", 413),
        ];
        for (name, value, status) in table {
            let mut headers = json_headers();
            headers.insert(name, value.parse().unwrap());
            let fault = BodyReader::json(&headers, Body::from("{}"), TEN, &clock).err().unwrap();
            assert_eq!(fault.status.as_u16(), status, "{name}: {value}");
        }
        let mut reader = BodyReader::json(&json_headers(), Body::from("0123456789a"), TEN, &clock).ok().unwrap();
        assert_eq!(reader.next().await.unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_body_that_drips_is_given_up() {
        let clock = Clock::manual(UnixMs(0));
        let mut reader = BodyReader::json(&json_headers(), Body::from("{}"), TEN, &clock).ok().unwrap();
        clock.advance(Duration::from_secs(20));
        assert_eq!(reader.next().await.unwrap_err().status, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn wrong_json_is_400_and_a_wrong_field_is_422_with_its_name() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Small {
            #[serde(rename = "reason")]
            _reason: String,
        }
        let clock = Clock::manual(UnixMs(0));
        let table = [
            ("{", 400, None),
            ("{\"reason\": \"\\ud800\"}", 400, None),
            ("{\"reason\": 1}", 422, None),
            ("{\"reason\": \"a\", \"color\": 1}", 422, Some("color")),
            ("{}", 422, Some("reason")),
            ("{\"reason\": \"a\", \"reason\": \"b\"}", 422, Some("reason")),
        ];
        for (text, status, field) in table {
            let fault = small::<Small>(&json_headers(), Body::from(text), &clock).await.unwrap_err();
            assert_eq!(fault.status.as_u16(), status, "{text}");
            assert_eq!(fault.lines[0].field.as_deref(), field, "{text}");
            assert!(!fault.lines[0].message.contains("line 1") || status == 400, "{text}");
        }
    }
}
