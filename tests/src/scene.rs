//! A world, an engine that knows nothing else, and everything that was asked of it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mail_model::EmailAddress;
use reqwest::Method;
use serde_json::Value;
use testkit::{Drain, EngineProcess, EngineSettings, Guardian, Injected, Intent, World, WorldPlan, is_finished};
use tokio::time::{sleep, timeout};

use crate::books::Books;
use crate::program::todoke;

/// Patience with anything that is awaited. Generous: it only decides when a test that fails gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// Carriers, an engine and the notifications that were accepted.
pub struct Scene {
    /// The carriers and the name server.
    pub world: World,
    /// The child engine.
    pub engine: EngineProcess,
    /// What the API accepted, for the oracle.
    pub intents: Vec<Intent>,
    http: reqwest::Client,
}

/// An answer of the engine, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Whether it repeats the answer to an earlier call.
    pub is_replay: bool,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Scene {
    /// Starts the world, then an engine with generous settings as `adjust` changes them.
    ///
    /// # Errors
    /// When one of the two does not start.
    pub async fn open(plan: WorldPlan, adjust: impl FnOnce(&mut EngineSettings)) -> Result<Self> {
        let world = World::start(plan).await?;
        let mut settings = EngineSettings::for_world(&world);
        adjust(&mut settings);
        Self::around(world, &settings).await
    }

    /// Starts an engine for a world that was there before.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn around(world: World, settings: &EngineSettings) -> Result<Self> {
        let engine = EngineProcess::start(&todoke()?, settings).await?;
        Ok(Self { world, engine, intents: Vec::new(), http: reqwest::Client::new() })
    }

    /// Hands a call in and remembers whom it was for.
    ///
    /// # Errors
    /// When it is not answered with 202.
    pub async fn send(&mut self, call: &Value) -> Result<Injected> {
        let injected = self.engine.client().inject(call).await?;
        self.remember(injected, call)?;
        Ok(injected)
    }

    /// Remembers an accepted call.
    ///
    /// # Errors
    /// When the answer counts other recipients than the call has.
    pub fn remember(&mut self, injected: Injected, call: &Value) -> Result<()> {
        let guardians: Vec<Guardian> = recipients(call).map(guardian).collect::<Result<_>>()?;
        ensure!(usize::try_from(injected.success_count) == Ok(guardians.len()), "{injected:?}");
        self.intents.extend(injected.intents(&guardians));
        Ok(())
    }

    /// Any call, with a JSON body unless that is null.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Result<Answer> {
        let request = self.http.request(method, self.engine.client().url(path));
        let request = if body.is_null() { request } else { request.json(body) };
        let response = request.send().await?;
        let is_replay = response.headers().contains_key("idempotent-replay");
        Ok(Answer { status: response.status().as_u16(), is_replay, text: response.text().await? })
    }

    /// What a path says, as text.
    ///
    /// # Errors
    /// When it is not answered with 200.
    pub async fn text(&self, path: &str) -> Result<String> {
        let answer = self.call(Method::GET, path, &Value::Null).await?;
        ensure!(answer.status == 200, "{path}: {answer:?}");
        Ok(answer.text)
    }

    /// Waits until nothing of a campaign is queued; gives its last progress.
    ///
    /// # Errors
    /// When patience ends first; then the engine's last words are part of the error.
    pub async fn finished(&self, campaign: &str) -> Result<Value> {
        self.until(campaign, is_finished).await
    }

    /// Waits until a campaign's progress is as wished.
    ///
    /// # Errors
    /// As [`Self::finished`].
    pub async fn until(&self, campaign: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        match self.engine.client().until(campaign, PATIENCE, is_so).await {
            Ok(progress) => Ok(progress),
            Err(error) => bail!("{error}\n{}", self.state().await),
        }
    }

    /// Waits until the world is as wished.
    ///
    /// # Errors
    /// When patience ends first.
    pub async fn until_world(&self, wish: &str, is_so: impl Fn(&World) -> bool) -> Result<()> {
        let look = async {
            while !is_so(&self.world) {
                sleep(LOOK).await;
            }
        };
        match timeout(PATIENCE, look).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("{wish}: not so\n{}", self.state().await),
        }
    }

    /// What a counter of `/metrics` stands at, over all its labels or those that hold `label` (`kind="bounce"`).
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn counted(&self, name: &str, label: &str) -> Result<u64> {
        let metrics = self.text("/metrics").await?;
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let lines = metrics.lines().filter(of_name).filter(|line| line.contains(label));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    /// Waits until a counter stands at `count` or beyond; gives where it stands.
    ///
    /// # Errors
    /// When patience ends first.
    pub async fn until_counted(&self, name: &str, label: &str, count: u64) -> Result<u64> {
        let look = async {
            loop {
                let counted = self.counted(name, label).await?;
                if counted >= count {
                    return anyhow::Ok(counted);
                }
                sleep(LOOK).await;
            }
        };
        match timeout(PATIENCE, look).await {
            Ok(counted) => counted,
            Err(_) => bail!("{name} {label} does not reach {count}\n{}", self.state().await),
        }
    }

    /// Lanes and paths as the engine has them, and its last words: what explains a wait that was in vain.
    async fn state(&self) -> String {
        let mut state = String::new();
        for path in ["inspect-sched-q/v1", "ready-q-states/v1", "in-doubt/v1"] {
            let said = timeout(LOOK * 1_000, self.text(&format!("/engine/api/admin/{path}"))).await;
            state.push_str(&format!("{path}: {said:?}\n"));
        }
        state + "the engine said:\n" + &self.engine.last_words()
    }

    /// Ends the engine in order and opens its books.
    ///
    /// # Errors
    /// When it does not end in order or its queue cannot be read.
    pub async fn close(self) -> Result<Books> {
        self.close_as(Drain::Done).await
    }

    /// The same for an engine that may have work left.
    ///
    /// # Errors
    /// As [`Self::close`].
    pub async fn close_as(mut self, drain: Drain) -> Result<Books> {
        self.engine.stop().await?;
        Books::read(&self.engine.data_dir(), std::mem::take(&mut self.intents), self.world.snapshot(), drain)
    }
}

fn recipients(call: &Value) -> impl Iterator<Item = &str> {
    call["recipients"].as_array().into_iter().flatten().filter_map(|recipient| recipient["email"].as_str())
}

/// A guardian with this address.
///
/// # Errors
/// When it is no address.
pub fn guardian(address: &str) -> Result<Guardian> {
    let email: EmailAddress = address.parse().context("the address of a test")?;
    Ok(Guardian { email, name: "山田 花子".to_owned(), school: "さくら小学校", grade: 3 })
}

/// A notice of class `normal` for these addresses.
///
/// # Errors
/// When one is no address.
pub fn notice_for<S: AsRef<str>>(campaign: &str, addresses: impl IntoIterator<Item = S>) -> Result<Value> {
    let guardians: Vec<Guardian> =
        addresses.into_iter().map(|address| guardian(address.as_ref())).collect::<Result<_>>()?;
    let mut call = testkit::notice(campaign, &guardians);
    call["class"] = "normal".into();
    Ok(call)
}
