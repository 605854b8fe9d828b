//! Content on its way out: dots doubled, line ends made CRLF, end of data appended (RFC 5321 4.5.2, 2.3.8).

use bytes::{Bytes, BytesMut};
use memchr::memchr3;

const END_OF_DATA: &[u8] = b".\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing but NULs so far.
    Empty,
    LineStart,
    Inside,
    /// A CR is written, its LF is not yet seen.
    AfterCr,
}

/// Where runs of output go: counted first, so that the second pass fills exactly one allocation.
trait Sink {
    fn put(&mut self, run: &[u8]);
}

impl Sink for BytesMut {
    fn put(&mut self, run: &[u8]) {
        self.extend_from_slice(run);
    }
}

#[derive(Default)]
struct Measure {
    runs: usize,
    bytes: usize,
}

impl Sink for Measure {
    fn put(&mut self, run: &[u8]) {
        self.runs += usize::from(!run.is_empty());
        self.bytes += run.len();
    }
}

/// Stuffs content that comes in pieces; the output does not depend on where the pieces were cut.
///
/// Three things happen, as if in this order: NULs are dropped, a CR without LF or an LF without CR becomes CRLF, a dot at
/// the beginning of a line is doubled.
#[derive(Clone, Debug)]
pub struct DotStuffer {
    state: State,
}

impl DotStuffer {
    /// A stuffer at the beginning of a mail.
    pub fn new() -> Self {
        Self { state: State::Empty }
    }

    /// Appends the wire form of the next piece.
    pub fn push(&mut self, piece: &[u8], out: &mut BytesMut) {
        self.run(piece, out);
    }

    /// Ends the last line if it has no end, then appends the end of data.
    pub fn finish(mut self, out: &mut BytesMut) {
        self.end(out);
    }

    fn run(&mut self, piece: &[u8], out: &mut impl Sink) {
        let mut kept = 0; // piece[kept..at] is decided to be copied and not yet copied
        let mut at = 0;
        let between = |from: usize, to: usize| piece.get(from..to).unwrap_or_default();
        while let Some(&byte) = piece.get(at) {
            match (self.state, byte) {
                (_, 0) => {
                    out.put(between(kept, at));
                    at += 1;
                    kept = at;
                }
                (State::AfterCr, b'\n') => {
                    at += 1;
                    self.state = State::LineStart;
                }
                (State::AfterCr, _) => {
                    out.put(between(kept, at));
                    out.put(b"\n");
                    kept = at;
                    self.state = State::LineStart;
                }
                (State::Empty | State::LineStart, b'.') => {
                    out.put(between(kept, at));
                    out.put(b".");
                    kept = at;
                    at += 1;
                    self.state = State::Inside;
                }
                (_, b'\r') => {
                    at += 1;
                    self.state = State::AfterCr;
                }
                (_, b'\n') => {
                    out.put(between(kept, at));
                    out.put(b"\r");
                    kept = at;
                    at += 1;
                    self.state = State::LineStart;
                }
                _ => {
                    let rest = between(at, piece.len());
                    at += memchr3(b'\r', b'\n', 0, rest).unwrap_or(rest.len());
                    self.state = State::Inside;
                }
            }
        }
        out.put(between(kept, at));
    }

    fn end(&mut self, out: &mut impl Sink) {
        match self.state {
            State::Empty | State::Inside => out.put(b"\r\n"),
            State::AfterCr => out.put(b"\n"),
            State::LineStart => {}
        }
        out.put(END_OF_DATA);
        self.state = State::Empty;
    }
}

impl Default for DotStuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes that follow a 354: `body` stuffed (see [`DotStuffer`]) and ended by `CRLF . CRLF`.
///
/// One pass over the bytes and one allocation; content that needs no change is copied as one piece.
pub fn stuff(body: &[u8]) -> Bytes {
    let mut stuffer = DotStuffer::new();
    let mut measure = Measure::default();
    stuffer.run(body, &mut measure);
    let unchanged = measure.runs <= 1 && measure.bytes == body.len();
    // The line end, if one is missing, and the end of data.
    let mut out = BytesMut::with_capacity(measure.bytes + 2 + END_OF_DATA.len());
    if unchanged {
        out.extend_from_slice(body);
    } else {
        stuffer = DotStuffer::new();
        stuffer.run(body, &mut out);
    }
    stuffer.end(&mut out);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_stuffed_and_mended_as_documented() {
        let table: [(&[u8], &[u8]); 14] = [
            (b"", b"\r\n.\r\n"),
            (b"\0\0", b"\r\n.\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b".", b"..\r\n.\r\n"),
            (b".\r\n", b"..\r\n.\r\n"),
            (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
            (b"a\r\n..b", b"a\r\n...b\r\n.\r\n"),
            (b"a\n.\nb\n", b"a\r\n..\r\nb\r\n.\r\n"),
            (b"a\r.\rb\r", b"a\r\n..\r\nb\r\n.\r\n"),
            (b"a\r\r\nb", b"a\r\n\r\nb\r\n.\r\n"),
            (b"a\r\n\0.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
            (b"a\r\0\nb\0", b"a\r\nb\r\n.\r\n"),
            (b"a.b. .\r\n .\r\n", b"a.b. .\r\n .\r\n.\r\n"),
        ];
        for (body, wire) in table {
            assert_eq!(stuff(body), wire, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn a_mail_that_needs_no_change_is_one_run() {
        let body = b"Subject: x\r\n\r\nline one\r\nline two .\r\n".repeat(100);
        let mut measure = Measure::default();
        DotStuffer::new().run(&body, &mut measure);
        assert_eq!((measure.runs, measure.bytes), (1, body.len()));
    }
}
