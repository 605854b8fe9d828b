//! One connection with its reply buffer: writes with a deadline, reads whole replies, hears what is said unasked.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mail_model::Reply;
use smtp_wire::{ParsedReply, ReplyParser};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::failure::Trouble;
use crate::stream::Stream;

/// Room made before each read. A whole group of replies is a few hundred bytes; a session costs this much when idle.
const READ_BYTES: usize = 2_048;
/// A receiver slower than this is taken for a tarpit.
const WRITE_BYTES_PER_SECOND_MIN: u64 = 500;

/// A write that did not go through.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub trouble: Trouble,
    /// Whether a part of the content, and so its final dot, was still ours.
    pub is_content_incomplete: bool,
}

pub(crate) struct Line {
    stream: Stream,
    buffer: BytesMut,
    parser: ReplyParser,
}

impl Line {
    pub fn new(stream: Stream) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(READ_BYTES), parser: ReplyParser::default() }
    }

    /// The bare connection, and whether bytes were left unread.
    pub fn into_parts(self) -> (Stream, bool) {
        (self.stream, !self.buffer.is_empty())
    }

    /// Writes content and commands in one go; either may be empty.
    pub async fn send(&mut self, content: &[u8], commands: &[u8], block: Duration) -> Result<(), Unsent> {
        let total = content.len() + commands.len();
        let seconds = u64::try_from(total).unwrap_or(u64::MAX) / WRITE_BYTES_PER_SECOND_MIN;
        let mut both = Buf::chain(content, commands);
        let outcome = timeout(block + Duration::from_secs(seconds), async {
            self.stream.write_all_buf(&mut both).await?;
            self.stream.flush().await
        })
        .await;
        let trouble = match outcome {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Trouble::from_io(&error),
            Err(_) => Trouble::TimedOut,
        };
        Err(Unsent { trouble, is_content_incomplete: both.first_ref().has_remaining() })
    }

    /// The next reply, within `limit` for all of it.
    pub async fn reply(&mut self, limit: Duration) -> Result<Reply, Trouble> {
        self.read(limit, ReplyParser::feed).await
    }

    /// Like [`Self::reply`], with its lines.
    pub async fn reply_with_lines(&mut self, limit: Duration) -> Result<ParsedReply, Trouble> {
        self.read(limit, ReplyParser::feed_with_lines).await
    }

    async fn read<T>(
        &mut self,
        limit: Duration,
        feed: impl Fn(&mut ReplyParser, &mut BytesMut) -> Result<Option<T>, smtp_wire::ReplyFault>,
    ) -> Result<T, Trouble> {
        let talk = async {
            loop {
                // Replies to pipelined commands come together; most of the time this one is here already.
                match feed(&mut self.parser, &mut self.buffer) {
                    Ok(Some(reply)) => return Ok(reply),
                    Ok(None) => {}
                    Err(fault) => return Err(Trouble::Protocol(fault.to_string())),
                }
                match fill(&mut self.stream, &mut self.buffer).await {
                    Ok(0) => return Err(Trouble::Closed),
                    Ok(_) => {}
                    Err(error) => return Err(Trouble::from_io(&error)),
                }
            }
        };
        timeout(limit, talk).await.unwrap_or(Err(Trouble::TimedOut))
    }

    /// What the server said or did although nothing was asked; `None` is the good case. Never waits.
    pub async fn overheard(&mut self) -> Option<Trouble> {
        if self.buffer.is_empty() {
            let mut read = pin!(fill(&mut self.stream, &mut self.buffer));
            match poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await {
                Poll::Pending => return None,
                Poll::Ready(Ok(0)) => return Some(Trouble::Closed),
                Poll::Ready(Err(error)) => return Some(Trouble::from_io(&error)),
                Poll::Ready(Ok(_)) => {}
            }
        }
        Some(match self.parser.feed(&mut self.buffer) {
            // A farewell, such as 421 to a session that was idle for too long.
            Ok(Some(reply)) if reply.is_transient() || reply.is_permanent() => Trouble::Reply(reply),
            _ => Trouble::Protocol("the server speaks without being asked".to_owned()),
        })
    }

    /// Ends TLS and TCP in order.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

async fn fill(stream: &mut Stream, buffer: &mut BytesMut) -> io::Result<usize> {
    // The parser consumes from the front, so this moves a few bytes rather than growing.
    buffer.reserve(READ_BYTES);
    stream.read_buf(buffer).await
}
