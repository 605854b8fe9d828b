//! The HTTP client of the commands that talk to a running engine.

use std::path::Path;

use anyhow::{Context, Result, bail};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::engine_args::EngineArgs;

/// A running engine, as seen from a command.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

impl Client {
    pub(crate) fn new(args: &EngineArgs) -> Result<Self> {
        let key = args.key_file.as_deref().map(first_line).transpose()?;
        Self::to(&args.engine, key)
    }

    pub(crate) fn to(engine: &str, key: Option<String>) -> Result<Self> {
        if !engine.starts_with("http://") {
            bail!(
                "--engine {engine:?} must begin with http://; for another machine use an SSH tunnel, keys travel in clear"
            );
        }
        // No proxy: the engine is on this machine or behind a tunnel, and a key must not wander.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, base: engine.trim_end_matches('/').to_owned(), key })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let response = self.send(self.http.get(self.url(path))).await?;
        Ok(response.json().await?)
    }

    /// What a path answers, as it comes.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        Ok(self.send(self.http.get(self.url(path))).await?.bytes().await?.to_vec())
    }

    /// Like `get`; `None` when there is no such thing (yet).
    pub(crate) async fn find(&self, path: &str) -> Result<Option<Value>> {
        let response = self.raw(self.http.get(self.url(path))).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(good(response).await?.json().await?))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let response = self.send(self.http.post(self.url(path)).json(body)).await?;
        Ok(response.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn post_stream(&self, path: &str, body: reqwest::Body) -> Result<Value> {
        let request = self.http.post(self.url(path)).header("content-type", "application/json").body(body);
        Ok(self.send(request).await?.json().await?)
    }

    pub(crate) async fn delete(&self, path: &str, body: &Value) -> Result<()> {
        self.send(self.http.delete(self.url(path)).json(body)).await.map(|_| ())
    }

    /// Writes what a path answers to a file.
    pub(crate) async fn download(&self, path: &str, to: &Path) -> Result<()> {
        let mut response = self.send(self.http.get(self.url(path))).await?;
        let mut file = tokio::fs::File::create(to).await.with_context(|| format!("cannot write {}", to.display()))?;
        while let Some(chunk) = response.chunk().await? {
            tokio::io::AsyncWriteExt::write_all(&mut file, &chunk).await?;
        }
        tokio::io::AsyncWriteExt::flush(&mut file).await?;
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        good(self.raw(request).await?).await
    }

    async fn raw(&self, request: RequestBuilder) -> Result<Response> {
        let request = match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let hint = || format!("no engine answers at {}; is `todoke serve` running there?", self.base);
        request.send().await.with_context(hint)
    }
}

/// Turns the engine's error body into an error for people.
async fn good(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body: Value = response.json().await.unwrap_or(Value::Null);
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let line = |e: &Value| {
        let message = e["message"].as_str().unwrap_or("no reason was given");
        e["field"].as_str().map_or(message.to_owned(), |field| format!("{field}: {message}"))
    };
    let lines: Vec<_> = errors.iter().take(20).map(line).collect();
    bail!("the engine refused ({status}): {}", lines.join("; "))
}

fn first_line(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the key file {}", path.display()))?;
    let line = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
    let line = line.with_context(|| format!("the key file {} is empty", path.display()))?;
    // The engine's own keys file holds name:key; the same file serves here.
    Ok(line.split_once(':').map_or(line, |(_, key)| key).trim().to_owned())
}
