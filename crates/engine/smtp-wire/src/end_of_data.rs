//! Content on its way in: finds its end, removes doubled dots, notices line ends that no mail may have.

use bytes::BytesMut;
use memchr::memchr2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// After CRLF, or at the very beginning: the CRLF of DATA counts, RFC 5321 4.1.1.4.
    LineStart,
    Inside,
    /// A CR is handed on, what follows decides whether it was bare.
    AfterCr,
    /// A dot at the beginning of a line is held back.
    AfterDot,
    /// That dot and a CR are held back.
    AfterDotCr,
    Ended,
}

/// How far one call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that belonged to the content or its end. What follows are commands.
    pub consumed: usize,
    /// Whether the end of data was read.
    pub ended: bool,
}

/// The receiving side of DATA. Only `CRLF . CRLF` ends the content.
///
/// A bare CR or LF is content, never a line end; a receiver that takes mail from strangers refuses such a message after
/// its real end (`550 5.5.2`), because the next server might see an end where we saw none (SMTP smuggling).
#[derive(Clone, Debug)]
pub struct EndOfData {
    state: State,
    bare_cr: bool,
    bare_lf: bool,
}

impl EndOfData {
    /// At the first byte after the 354.
    pub fn new() -> Self {
        Self { state: State::LineStart, bare_cr: false, bare_lf: false }
    }

    /// Whether a CR without LF was read.
    pub fn has_bare_cr(&self) -> bool {
        self.bare_cr
    }

    /// Whether an LF without CR was read.
    pub fn has_bare_lf(&self) -> bool {
        self.bare_lf
    }

    /// Reads `input`, appends unstuffed content to `content`, stops behind the end of data. After the end it consumes
    /// nothing. The caller bounds `content`: hand in another buffer, or clear it, to skip a mail that is too large.
    pub fn feed(&mut self, input: &[u8], content: &mut BytesMut) -> Progress {
        let mut kept = 0; // input[kept..at] is content that is not yet copied
        let mut at = 0;
        let between = |from: usize, to: usize| input.get(from..to).unwrap_or_default();
        while self.state != State::Ended
            && let Some(&byte) = input.get(at)
        {
            match (self.state, byte) {
                (State::LineStart, b'.') => {
                    content.extend_from_slice(between(kept, at));
                    at += 1;
                    kept = at;
                    self.state = State::AfterDot;
                }
                (State::AfterDot, b'\r') => {
                    at += 1;
                    kept = at;
                    self.state = State::AfterDotCr;
                }
                (State::AfterDotCr, b'\n') => {
                    at += 1;
                    kept = at;
                    self.state = State::Ended;
                }
                (State::AfterDotCr, _) => {
                    // The dot was a doubled one after all and the CR is content; `byte` is looked at again.
                    content.extend_from_slice(b"\r");
                    self.bare_cr = true;
                    self.state = State::Inside;
                }
                (State::AfterCr, b'\n') => {
                    at += 1;
                    self.state = State::LineStart;
                }
                (State::AfterCr, _) => {
                    self.bare_cr = true;
                    self.state = State::Inside;
                }
                (_, b'\r') => {
                    at += 1;
                    self.state = State::AfterCr;
                }
                (_, b'\n') => {
                    at += 1;
                    self.bare_lf = true;
                    self.state = State::Inside;
                }
                _ => {
                    let rest = between(at, input.len());
                    at += memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    self.state = State::Inside;
                }
            }
        }
        content.extend_from_slice(between(kept, at));
        Progress { consumed: at, ended: self.state == State::Ended }
    }
}

impl Default for EndOfData {
    fn default() -> Self {
        Self::new()
    }
}
