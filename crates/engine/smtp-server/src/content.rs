//! One mail's content on its way in: finds its end, keeps it within the bounds, says what is wrong with it.

use bytes::{Buf, Bytes, BytesMut};
use smtp_wire::EndOfData;

use crate::gate::Seat;

/// What a mail's buffer begins with. Small: a peer that sends one byte and stops holds no more.
const FIRST_BYTES: usize = 512;

/// Why a mail is refused after its real end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A CR or LF stood alone: another server might have seen an end there.
    BareLineEnd,
    /// It is larger than [`crate::Settings::message_bytes_max`].
    TooLarge,
    /// All sessions together hold what they may.
    NoMemory,
    /// It went through too many hosts.
    Loop,
}

impl Refusal {
    /// The reply, without line end.
    pub fn reply(self) -> &'static str {
        match self {
            Self::BareLineEnd => "550 5.5.2 Bare CR or LF in the mail",
            Self::TooLarge => "552 5.3.4 The mail is too large",
            Self::NoMemory => "452 4.3.1 No room for the mail now",
            Self::Loop => "554 5.4.6 Too many hops",
        }
    }

    /// As in the metric's label.
    pub fn label(self) -> &'static str {
        match self {
            Self::BareLineEnd => "bare_line_end",
            Self::TooLarge => "size",
            Self::NoMemory => "memory",
            Self::Loop => "loop",
        }
    }
}

/// What came since 354.
pub(crate) struct Content {
    end: EndOfData,
    kept: BytesMut,
    bytes_max: usize,
    /// Set once it is clear that the mail is not kept; what follows is read and forgotten.
    forgotten: Option<Refusal>,
}

impl Content {
    /// Nothing yet, and at most so much.
    pub fn new(bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { end: EndOfData::new(), kept: BytesMut::new(), bytes_max, forgotten: None }
    }

    /// Takes content from the front of `input`; true when the end of data was read.
    pub fn take(&mut self, input: &mut BytesMut, seat: &mut Seat) -> bool {
        // A held-back CR may be added to what is there.
        if self.forgotten.is_none() && !self.make_room(input.len() + 1, seat) {
            self.forget(Refusal::NoMemory, seat);
        }
        let mut aside = BytesMut::new();
        let target = if self.forgotten.is_some() { &mut aside } else { &mut self.kept };
        let progress = self.end.feed(input, target);
        input.advance(progress.consumed);
        if self.kept.len() > self.bytes_max {
            self.forget(Refusal::TooLarge, seat);
        }
        progress.ended
    }

    /// The content, or why it is refused. Line ends are judged first: that refusal ends the session.
    pub fn judge(self, received_headers_max: usize) -> Result<Bytes, Refusal> {
        if self.end.has_bare_cr() || self.end.has_bare_lf() {
            return Err(Refusal::BareLineEnd);
        }
        if let Some(refusal) = self.forgotten {
            return Err(refusal);
        }
        if has_more_received_headers(&self.kept, received_headers_max) {
            return Err(Refusal::Loop);
        }
        Ok(self.kept.freeze())
    }

    /// Grows by doubling, and never beyond what a mail of the greatest size needs.
    fn make_room(&mut self, more: usize, seat: &mut Seat) -> bool {
        let needed = self.kept.len().saturating_add(more);
        let held = self.kept.capacity();
        if needed <= held {
            return true;
        }
        let doubled = held.saturating_mul(2).min(self.bytes_max);
        let capacity = needed.max(doubled).max(FIRST_BYTES);
        if !seat.hold(u64::try_from(capacity - held).unwrap_or(u64::MAX)) {
            return false;
        }
        // Not `reserve`: that may take more than was asked for, and the books would be wrong.
        let mut grown = BytesMut::with_capacity(capacity);
        grown.extend_from_slice(&self.kept);
        self.kept = grown;
        true
    }

    fn forget(&mut self, refusal: Refusal, seat: &mut Seat) {
        self.kept = BytesMut::new();
        self.forgotten = Some(refusal);
        seat.let_go();
    }
}

/// Whether the header section has more than `max` lines that begin with `Received:`.
fn has_more_received_headers(content: &[u8], max: usize) -> bool {
    let lines = content.split(|&byte| byte == b'\n').take_while(|line| *line != b"\r" && !line.is_empty());
    let is_received = |line: &&[u8]| line.get(..9).is_some_and(|name| name.eq_ignore_ascii_case(b"Received:"));
    lines.filter(is_received).nth(max).is_some()
}

#[cfg(test)]
mod tests {
    use mail_model::MonoUs;

    use super::*;
    use crate::gate::Gate;
    use crate::settings::Settings;

    fn seat(content_bytes_max: u64, message_bytes_max: u64) -> Seat {
        let mut settings = Settings::new("mx.example.jp").unwrap();
        settings.content_bytes_max = content_bytes_max;
        settings.message_bytes_max = message_bytes_max;
        Gate::new(&settings).enter([192, 0, 2, 1].into(), MonoUs(1)).unwrap()
    }

    /// The verdict on `wire` handed in by pieces of `size`, and what was left behind its end.
    fn judged(wire: &[u8], size: usize, seat: &mut Seat, bytes_max: u64) -> (Result<Bytes, Refusal>, usize) {
        let mut content = Content::new(bytes_max);
        let mut input = BytesMut::new();
        let mut pieces = wire.chunks(size);
        loop {
            let piece = pieces.next().expect("the end of data is in it");
            input.extend_from_slice(piece);
            if content.take(&mut input, seat) {
                let left = input.len() + pieces.map(<[u8]>::len).sum::<usize>();
                return (content.judge(2), left);
            }
        }
    }

    #[test]
    fn a_mail_is_kept_or_refused_for_one_reason_however_it_is_cut() {
        let looped = "Received: a\r\n".repeat(3) + "\r\nbody\r\n.\r\n";
        let table: [(&[u8], Result<&[u8], Refusal>); 14] = [
            (b"a\r\n.\r\n", Ok(b"a\r\n")),
            (b".\r\n", Ok(b"")),
            (b"..\r\n.\r\n", Ok(b".\r\n")),
            (b"\0a\xff\r\n.\r\n", Ok(b"\0a\xff\r\n")),
            (b"1234567890\r\n.\r\n", Ok(b"1234567890\r\n")),
            (b"1234567890a\r\n.\r\n", Err(Refusal::TooLarge)),
            (b"1234567890a\r\nmore and more\r\n.\r\n", Err(Refusal::TooLarge)),
            (b"a\n.\r\n\r\n.\r\n", Err(Refusal::BareLineEnd)),
            (b"a\rb\r\n.\r\n", Err(Refusal::BareLineEnd)),
            (b"a\r\r\n.\r\n", Err(Refusal::BareLineEnd)),
            (b"1234567890\nmore\r\n.\r\n", Err(Refusal::BareLineEnd)),
            (b"\r\nReceived:\r\n.\r\n", Err(Refusal::TooLarge)),
            (b"Received:\r\n.\r\n", Ok(b"Received:\r\n")),
            (looped.as_bytes(), Err(Refusal::TooLarge)),
        ];
        for (wire, expected) in table {
            let expected = expected.map(Bytes::from_static);
            let with_more = [wire, b"QUIT\r\n"].concat();
            for size in 1..=with_more.len() {
                let mut seat = seat(1_000_000, 12);
                let (verdict, left) = judged(&with_more, size, &mut seat, 12);
                assert_eq!((verdict, left), (expected.clone(), 6), "{} by {size}", wire.escape_ascii());
            }
        }
        let (verdict, _) = judged(looped.as_bytes(), 7, &mut seat(1_000_000, 1_000), 1_000);
        assert_eq!(verdict, Err(Refusal::Loop));
    }

    #[test]
    fn only_lines_of_the_header_that_begin_with_received_count() {
        let table = [
            ("Received: a\r\nRECEIVED: b\r\n\r\nReceived: body\r\n", true, false),
            ("Received: a\r\nX-Received: b\r\n\tReceived: c\r\nReceived-SPF: d\r\n", false, false),
            ("received:\r\nreceived:\r\nreceived:\r\n", true, true),
            ("\r\nReceived: a\r\nReceived: b\r\n\r\n", false, false),
            ("", false, false),
        ];
        for (content, over_one, over_two) in table {
            let over = |max| has_more_received_headers(content.as_bytes(), max);
            assert_eq!((over(1), over(2)), (over_one, over_two), "{content}");
        }
    }

    #[test]
    fn a_mail_holds_what_it_needs_and_gives_it_back_when_it_is_not_kept() {
        let mut settings = Settings::new("mx.example.jp").unwrap();
        (settings.content_bytes_max, settings.message_bytes_max) = (4_096, 2_048);
        let gate = Gate::new(&settings);
        let mut first = gate.enter([192, 0, 2, 1].into(), MonoUs(1)).unwrap();
        let mut second = gate.enter([192, 0, 2, 2].into(), MonoUs(1)).unwrap();
        let line = BytesMut::from(&[b'a'; 1_000][..]);
        let mut slow = Content::new(2_048);
        slow.take(&mut BytesMut::from(&b"S"[..]), &mut first);
        assert_eq!(slow.kept.capacity(), FIRST_BYTES);
        for _ in 0..2 {
            slow.take(&mut line.clone(), &mut first);
        }
        assert!(slow.forgotten.is_none());
        let mut other = Content::new(2_048);
        assert!(first.has_room(1) && second.hold(1_000));
        other.take(&mut line.clone(), &mut second);
        other.take(&mut line.clone(), &mut second);
        assert_eq!(other.forgotten, Some(Refusal::NoMemory), "the other one holds half of all");
        assert!(second.has_room(2_000), "and its own share is free again");
        slow.take(&mut line.clone(), &mut first);
        assert_eq!((slow.forgotten, slow.kept.capacity()), (Some(Refusal::TooLarge), 0));
        assert!(first.has_room(4_096));
    }
}
