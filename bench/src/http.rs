//! A small HTTP/1.1 client for loopback: one kept connection, bodies of any size, little CPU of its own.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How much of an answer's body is kept; the ids of a million notifications are read and thrown away.
const KEPT_BYTES_MAX: usize = 1 << 20;
const HEAD_BYTES_MAX: usize = 64 << 10;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none, or the status is not one of success.
    pub fn json(&self) -> Result<serde_json::Value> {
        if !(200..300).contains(&self.status) {
            bail!("answered {}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        serde_json::from_slice(&self.body).context("the answer is no JSON")
    }
}

/// One connection.
#[derive(Debug)]
pub struct Http {
    stream: TcpStream,
    host: String,
    read: BytesMut,
}

impl Http {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: to.to_string(), read: BytesMut::with_capacity(16 << 10) })
    }

    /// Asks for `path`.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.write_all(head.as_bytes()).await?;
        self.answer().await
    }

    /// Posts JSON and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks. Any status is an answer.
    pub async fn post(&mut self, path: &str, json: &[u8]) -> Result<Answer> {
        let mut out = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            json.len()
        )
        .into_bytes();
        if json.len() <= 64 << 10 {
            out.extend_from_slice(json);
            self.stream.write_all(&out).await?;
        } else {
            self.stream.write_all(&out).await?;
            // A refusal may come before the end of the body; its words say more than "broken pipe".
            if let Err(error) = self.stream.write_all(json).await {
                return self.answer().await.with_context(|| format!("while the body was written: {error}"));
            }
        }
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer> {
        let end = loop {
            if let Some(at) = memmem::find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            if self.read.len() > HEAD_BYTES_MAX {
                bail!("the head of the answer has no end");
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
        self.read.advance(end);
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status code")?;
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let body = match field("content-length:") {
            Some(length) => {
                let mut body = Vec::new();
                self.take(length.parse().context("content-length is no number")?, &mut body).await?;
                body
            }
            None if field("transfer-encoding:") == Some("chunked") => self.chunks().await?,
            None => Vec::new(),
        };
        Ok(Answer { status, body })
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line_end = loop {
                match memmem::find(&self.read, b"\r\n") {
                    Some(at) => break at,
                    None => self.more().await?,
                }
            };
            let size = String::from_utf8_lossy(&self.read[..line_end]).into_owned();
            let size = usize::from_str_radix(size.trim(), 16).context("a chunk without a size")?;
            self.read.advance(line_end + 2);
            self.take(size, &mut body).await?;
            self.take(2, &mut Vec::new()).await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn take(&mut self, mut left: usize, kept: &mut Vec<u8>) -> Result<()> {
        while left > 0 {
            if self.read.is_empty() {
                self.more().await?;
            }
            let piece = left.min(self.read.len());
            let room = KEPT_BYTES_MAX.saturating_sub(kept.len());
            kept.extend_from_slice(&self.read[..piece.min(room)]);
            self.read.advance(piece);
            left -= piece;
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            bail!("the connection was closed");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn answers_with_a_length_and_in_chunks_are_read_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answers: [&[u8]; 2] = [
                b"HTTP/1.1 202 Accepted\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"b\r\n4\r\n\":2}\r\n0\r\n\r\n",
            ];
            for answer in answers {
                let mut request = [0u8; 4096];
                stream.read(&mut request).await.unwrap();
                stream.write_all(answer).await.unwrap();
            }
        });
        let mut http = Http::connect(to).await.unwrap();
        let first = http.post("/x", b"{}").await.unwrap();
        assert_eq!((first.status, first.json().unwrap()), (202, serde_json::json!({"a": 1})));
        assert_eq!(http.get("/y").await.unwrap().json().unwrap(), serde_json::json!({"b": 2}));
    }
}
