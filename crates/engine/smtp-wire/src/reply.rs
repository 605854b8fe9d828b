//! Replies of a server: bytes in, whole replies out, the same however the bytes were cut.

use bytes::{Buf, BytesMut};
use mail_model::{EnhancedStatus, Reply};
use memchr::memchr;
use thiserror::Error;

use crate::text::push_escaped;

/// Longest line of a reply in bytes, line end excluded. RFC 5321 4.5.3.1.5 allows 512; real carriers pass 1,000.
pub const LINE_BYTES_MAX: usize = 16 * 1_024;
/// Most lines of one reply. Far above any real one, low enough that an endless reply ends.
pub const LINES_MAX: usize = 2_000;
/// Longest reply in bytes, line ends included.
pub const REPLY_BYTES_MAX: usize = 256 * 1_024;

/// How much of a reply is read before the remote is taken for broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyLimits {
    /// Bytes of one line without its LF.
    pub line_bytes_max: usize,
    /// Lines of one reply.
    pub lines_max: usize,
    /// Bytes of one reply, line ends included.
    pub reply_bytes_max: usize,
}

impl Default for ReplyLimits {
    fn default() -> Self {
        Self { line_bytes_max: LINE_BYTES_MAX, lines_max: LINES_MAX, reply_bytes_max: REPLY_BYTES_MAX }
    }
}

/// What is wrong with bytes that should have been a reply. The connection is out of step afterwards: close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyFault {
    /// A line passes [`ReplyLimits::line_bytes_max`].
    #[error("a line of the reply is too long")]
    LineTooLong,
    /// The reply passes [`ReplyLimits::lines_max`].
    #[error("the reply has too many lines")]
    TooManyLines,
    /// The reply passes [`ReplyLimits::reply_bytes_max`].
    #[error("the reply is too long")]
    TooLong,
    /// A line does not begin with a code from 200 to 599 and a space, a hyphen or its end.
    #[error("the server sent something that is no SMTP reply")]
    NotAReply,
    /// The lines of one reply bear different codes.
    #[error("the code changes inside one reply")]
    CodeChanged,
}

/// A reply with the words of each of its lines, code and separator removed, blanks trimmed, escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedReply {
    /// The reply as everybody else sees it.
    pub reply: Reply,
    /// At least one line; for EHLO the greeting, then one keyword each.
    pub lines: Vec<String>,
}

/// Reads replies from a growing buffer.
///
/// The enhanced status is cut off every line that repeats it; a line with another one keeps its own in the text.
#[derive(Debug)]
pub struct ReplyParser {
    limits: ReplyLimits,
    /// How much of the buffer's front is known to hold no LF; keeps a slow line from being searched again and again.
    searched: usize,
    code: Option<u16>,
    /// Words of the lines so far, joined by LF, which escaped text cannot hold.
    words: String,
    lines: usize,
    bytes: usize,
    fault: Option<ReplyFault>,
}

impl ReplyParser {
    /// A parser at the beginning of a reply.
    pub fn new(limits: ReplyLimits) -> Self {
        Self { limits, searched: 0, code: None, words: String::new(), lines: 0, bytes: 0, fault: None }
    }

    /// Takes the next reply from the front of `bytes`; `None` when it needs more of them.
    ///
    /// Complete lines are consumed as they come. Between two calls `bytes` may only grow at its end. After a fault every
    /// call returns the same fault.
    pub fn feed(&mut self, bytes: &mut BytesMut) -> Result<Option<Reply>, ReplyFault> {
        Ok(self.read(bytes)?.map(|(code, words)| assemble(code, words)))
    }

    /// Like [`Self::feed`], with the lines kept apart.
    pub fn feed_with_lines(&mut self, bytes: &mut BytesMut) -> Result<Option<ParsedReply>, ReplyFault> {
        Ok(self.read(bytes)?.map(|(code, words)| {
            let lines = words.split('\n').map(str::to_owned).collect();
            ParsedReply { reply: assemble(code, words), lines }
        }))
    }

    fn read(&mut self, bytes: &mut BytesMut) -> Result<Option<(u16, String)>, ReplyFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.read_lines(bytes).inspect_err(|fault| self.fault = Some(*fault))
    }

    fn read_lines(&mut self, bytes: &mut BytesMut) -> Result<Option<(u16, String)>, ReplyFault> {
        loop {
            let fresh = bytes.get(self.searched..).unwrap_or_default();
            let Some(found) = memchr(b'\n', fresh) else {
                self.searched = bytes.len();
                // Only this cap may strike before the line is whole: the others would then depend on the cuts.
                return if bytes.len() > self.limits.line_bytes_max { Err(ReplyFault::LineTooLong) } else { Ok(None) };
            };
            let length = self.searched + found;
            self.searched = 0;
            let ended = self.take_line(bytes.get(..length).unwrap_or_default())?;
            bytes.advance(length + 1);
            if let Some(code) = ended {
                (self.code, self.lines, self.bytes) = (None, 0, 0);
                return Ok(Some((code, std::mem::take(&mut self.words))));
            }
        }
    }

    /// Takes one line without its LF; gives the code when it was the last of its reply.
    fn take_line(&mut self, line: &[u8]) -> Result<Option<u16>, ReplyFault> {
        if line.len() > self.limits.line_bytes_max {
            return Err(ReplyFault::LineTooLong);
        }
        self.lines += 1;
        self.bytes += line.len() + 1;
        if self.lines > self.limits.lines_max {
            return Err(ReplyFault::TooManyLines);
        }
        if self.bytes > self.limits.reply_bytes_max {
            return Err(ReplyFault::TooLong);
        }
        let (code, is_last, words) = split(line).ok_or(ReplyFault::NotAReply)?;
        match self.code.replace(code) {
            Some(first) if first != code => return Err(ReplyFault::CodeChanged),
            Some(_) => self.words.push('\n'),
            None => {}
        }
        push_escaped(&mut self.words, words);
        Ok(is_last.then_some(code))
    }
}

impl Default for ReplyParser {
    fn default() -> Self {
        Self::new(ReplyLimits::default())
    }
}

/// Code, whether the reply ends here, words.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (&[hundreds, tens, ones], rest) = line.split_first_chunk::<3>()?;
    if !(b'2'..=b'5').contains(&hundreds) || !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    let digit = |d: u8| u16::from(d - b'0');
    let code = digit(hundreds) * 100 + digit(tens) * 10 + digit(ones);
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ', words)) => Some((code, true, words.trim_ascii())),
        Some((b'-', words)) => Some((code, false, words.trim_ascii())),
        Some(_) => None,
    }
}

fn assemble(code: u16, mut words: String) -> Reply {
    if words.contains('\n') {
        return join(code, &words);
    }
    // One line is the rule on the hot path: its text keeps the buffer it was read into.
    let Some((status, rest)) = EnhancedStatus::read(&words) else {
        return Reply { code, enhanced: None, text: words };
    };
    let cut = words.len() - rest.trim_start().len();
    words.drain(..cut);
    Reply { code, enhanced: Some(status), text: words }
}

fn join(code: u16, words: &str) -> Reply {
    let mut enhanced = None;
    let mut text = String::with_capacity(words.len());
    for line in words.split('\n') {
        let rest = match EnhancedStatus::read(line) {
            Some((status, rest)) if *enhanced.get_or_insert(status) == status => rest.trim_start(),
            _ => line,
        };
        if !text.is_empty() && !rest.is_empty() {
            text.push(' ');
        }
        text.push_str(rest);
    }
    Reply { code, enhanced, text }
}
