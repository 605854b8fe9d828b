//! HTTP calls to a running engine: is it alive, take this notice, how far is it.

use std::time::Duration;

use mail_model::{MessageId, NotificationId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::error::KitError;
use crate::identity::recipient_hash;
use crate::population::Guardian;
use crate::reconcile::Intent;

/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(50);

/// What the engine answered to an injection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Injected {
    /// The message.
    pub message_id: MessageId,
    /// Its notifications: their indices run from 0 in the order of the recipients.
    pub success_count: u32,
}

impl Injected {
    /// The intents of an injection, for the reconciler. `guardians` in the order in which they were handed in.
    pub fn intents<'a>(self, guardians: impl IntoIterator<Item = &'a Guardian>) -> impl Iterator<Item = Intent> {
        let intent = move |(index, guardian): (u32, &'a Guardian)| Intent {
            id: NotificationId { message: self.message_id, index },
            recipient: Some(recipient_hash(&guardian.email)),
            cancelled_at: None,
        };
        (0..self.success_count).zip(guardians).map(intent)
    }
}

/// A client of one engine. Clones share their connections.
#[derive(Clone, Debug)]
pub struct EngineClient {
    base: String,
    http: reqwest::Client,
}

impl EngineClient {
    /// A client of the engine whose API is at `base` (`http://127.0.0.1:8025`).
    pub fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), http: reqwest::Client::new() }
    }

    /// The URL of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether it takes mail now. False, too, while nobody listens.
    pub async fn is_live(&self) -> bool {
        let call = self.http.get(self.url("/engine/api/check-liveness/v1")).timeout(Duration::from_secs(2)).send();
        call.await.is_ok_and(|response| response.status().is_success())
    }

    /// Hands in a whole call as JSON, as `POST /engine/api/inject/v1` takes it.
    ///
    /// # Errors
    /// When there is no answer, or another one than 202; its text is in the error.
    pub async fn inject(&self, call: &Value) -> Result<Injected, KitError> {
        let response = self.http.post(self.url("/engine/api/inject/v1")).json(call).send().await?;
        let status = response.status();
        if status != reqwest::StatusCode::ACCEPTED {
            let text = response.text().await.unwrap_or_default();
            return Err(KitError::Engine(format!("the injection was answered {status}: {text}")));
        }
        Ok(response.json().await?)
    }

    /// The progress of a campaign or message, as `GET /engine/api/campaigns/v1/{id}` gives it.
    ///
    /// # Errors
    /// When there is no answer, or not 200.
    pub async fn campaign(&self, id: &str) -> Result<Value, KitError> {
        self.get(&format!("/engine/api/campaigns/v1/{id}")).await
    }

    /// Any `GET` that answers JSON.
    ///
    /// # Errors
    /// When there is no answer, or not 200.
    pub async fn get(&self, path: &str) -> Result<Value, KitError> {
        Ok(self.http.get(self.url(path)).send().await?.error_for_status()?.json().await?)
    }

    /// Looks at a campaign until `is_done` says yes; gives the last progress.
    ///
    /// # Errors
    /// When `within` passes first. An engine that does not answer for a while (it may have been killed) is asked again.
    pub async fn until(&self, id: &str, within: Duration, is_done: impl Fn(&Value) -> bool) -> Result<Value, KitError> {
        let mut last = Value::Null;
        let looking = async {
            loop {
                if let Ok(progress) = self.campaign(id).await {
                    if is_done(&progress) {
                        return progress;
                    }
                    last = progress;
                }
                sleep(LOOK).await;
            }
        };
        match timeout(within, looking).await {
            Ok(progress) => Ok(progress),
            Err(_) => Err(KitError::Engine(format!("not done within {within:?}; its last progress was {last}"))),
        }
    }
}

/// Whether a progress says that nothing is queued any more; for [`EngineClient::until`].
pub fn is_finished(progress: &Value) -> bool {
    progress["finished"] == Value::Bool(true)
}

/// A school's notice to these guardians, as a call for [`EngineClient::inject`].
pub fn notice<'a>(campaign: &str, guardians: impl IntoIterator<Item = &'a Guardian>) -> Value {
    let recipient = |guardian: &Guardian| {
        json!({
            "email": guardian.email.as_str(),
            "name": guardian.name,
            "substitutions": { "school": guardian.school, "grade": guardian.grade },
        })
    };
    let recipients: Vec<Value> = guardians.into_iter().map(recipient).collect();
    json!({
        "campaign": campaign,
        "tenant": "ward",
        "class": "emergency",
        "envelope_sender": "bounce@school.todoke.test",
        "content": {
            "from": { "email": "notice@school.todoke.test", "name": "教育委員会" },
            "subject": "台風接近に伴う臨時休校のお知らせ",
            "text_body": "{{ name }} 様\n\n{{ school }} {{ grade }}年\n\n台風の接近に伴い、明日は臨時休校とします。\n",
        },
        "recipients": recipients,
    })
}
